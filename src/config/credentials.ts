/** From configured user name, password and realm to what the digest code takes. */
import { Secret } from '../core/base/secret.ts';
import type { Credentials } from '../core/sip/digest/ports.ts';
import type { Complaint } from './problem.ts';
import type { SecretSource } from './schema/leaf.ts';
import type { SecretReader } from './secrets.ts';

export interface AuthSettings {
  readonly username?: string | undefined;
  readonly password?: SecretSource | undefined;
  readonly ha1?: SecretSource | undefined;
  readonly realm?: string | undefined;
}

/**
 * Credentials as readable text; the core makes wire text of them. A secret that cannot be read is
 * a complaint of the warning kind, and stands empty: the loader decides what it means.
 */
export function toCredentials(
  auth: AuthSettings,
  defaultUsername: string,
  secrets: SecretReader,
  complaints: Complaint[],
): Credentials | undefined {
  const hasPassword = auth.password !== undefined;
  if (hasPassword === (auth.ha1 !== undefined)) {
    const text = hasPassword
      ? "only one of 'password' and 'ha1' may stand here"
      : "'password' is missing";
    complaints.push({ path: ['auth'], text });
    return undefined;
  }
  if (auth.ha1 !== undefined && auth.realm === undefined) {
    complaints.push({
      path: ['auth', 'ha1'],
      text: "'ha1' needs 'realm': it is made for one realm",
    });
    return undefined;
  }
  const key = hasPassword ? 'password' : 'ha1';
  const secret = readSecret(auth[key] ?? '', ['auth', key], secrets, complaints);
  if (secret === undefined) return undefined;
  if (key === 'ha1' && secret !== '' && !/^([0-9a-f]{32}|[0-9a-f]{64})$/i.test(secret)) {
    complaints.push({ path: ['auth', 'ha1'], text: "'ha1' has to be 32 or 64 hex digits" });
    return undefined;
  }
  const username = auth.username ?? defaultUsername;
  const { realm } = auth;
  return key === 'password'
    ? { username, password: new Secret(secret), ha1: undefined, realm }
    : { username, password: undefined, ha1: new Secret(secret.toLowerCase()), realm };
}

/** The secret's text; '' with a warning where it cannot be read, undefined where it is wrong. */
export function readSecret(
  source: SecretSource,
  path: readonly string[],
  secrets: SecretReader,
  complaints: Complaint[],
): string | undefined {
  const reading = secrets.readSecret(source);
  if (reading.kind === 'text') return reading.text;
  const isWarning = reading.kind === 'unreadable';
  complaints.push({ path, text: reading.reason, isWarning });
  return isWarning ? '' : undefined;
}
