/** From configured user name, password and realm to what the digest code takes. */
import { Secret } from '../core/base/secret.ts';
import { algorithmOf, type DigestPolicy, STRONGEST_FIRST } from '../core/sip/digest/algorithm.ts';
import type { Credentials, HashName } from '../core/sip/digest/ports.ts';
import { areSamePresent } from '../core/sip/digest/same-credentials.ts';
import { DEFAULTS } from './defaults.ts';
import type { Complaint, PathStep } from './problem.ts';
import type { SecretSource } from './schema/leaf.ts';
import type { SecretReader } from './secrets.ts';

export interface AuthSettings extends NextSettings {
  readonly realm?: string | readonly string[] | undefined;
  /** Registrations only. */
  readonly next?: NextSettings | undefined;
}

/** What another password would be written as. */
interface NextSettings {
  readonly username?: string | undefined;
  readonly password?: SecretSource | undefined;
  readonly ha1?: SecretSource | undefined;
  readonly ha1Algorithm?: AlgorithmName | undefined;
}

export interface DigestSettings {
  readonly algorithms?: 'server' | readonly AlgorithmName[] | undefined;
  readonly pinAlgorithm?: boolean | undefined;
}

type AlgorithmName = 'SHA-512-256' | 'SHA-256' | 'MD5';

/** Equal settings give one object, so that many registrations share it. */
export function toDigestPolicy(settings: DigestSettings): DigestPolicy {
  const { algorithms } = settings;
  const isPinned = settings.pinAlgorithm ?? DEFAULTS.digest.pinAlgorithm;
  const isOwnOrder = algorithms !== undefined && algorithms !== 'server';
  const hashes = isOwnOrder ? algorithms.flatMap(hashOf) : STRONGEST_FIRST.hashes;
  const order = algorithms === 'server' ? 'server' : 'ours';
  if (!isOwnOrder && order === 'ours' && !isPinned) return STRONGEST_FIRST;
  return { hashes, order, isPinned };
}

function hashOf(name: AlgorithmName): HashName[] {
  const hash = algorithmOf(name)?.hash;
  return hash === undefined ? [] : [hash];
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
  const username = auth.username ?? defaultUsername;
  const made = oneOf(auth, username, ['auth'], secrets, complaints);
  if (auth.next === undefined) return made;
  const { realm } = auth;
  const nextName = auth.next.username ?? username;
  const next = oneOf({ ...auth.next, realm }, nextName, ['auth', 'next'], secrets, complaints);
  if (made === undefined || next === undefined) return undefined;
  if (!areSamePresent(made, next)) return { ...made, next };
  const text = "'next' holds the present credentials: it is left out";
  complaints.push({ path: ['auth', 'next'], text, isRemark: true });
  return made;
}

function oneOf(
  auth: AuthSettings,
  username: string,
  path: readonly PathStep[],
  secrets: SecretReader,
  complaints: Complaint[],
): Credentials | undefined {
  const incomplete = whyIncomplete(auth, path);
  if (incomplete !== undefined) {
    complaints.push(incomplete);
    return undefined;
  }
  const key = auth.password === undefined ? 'ha1' : 'password';
  const secret = readSecret(auth[key] ?? '', [...path, key], secrets, complaints);
  if (secret === undefined) return undefined;
  const misfit = key === 'ha1' && secret !== '' ? whyHa1DoesNotFit(auth, secret, path) : undefined;
  if (misfit !== undefined) {
    complaints.push(misfit);
    return undefined;
  }
  const ha1Hash = auth.ha1Algorithm && algorithmOf(auth.ha1Algorithm)?.hash;
  const { realm } = auth;
  return key === 'password'
    ? { username, password: new Secret(secret), ha1: undefined, realm }
    : { username, password: undefined, ha1: new Secret(secret.toLowerCase()), ha1Hash, realm };
}

/** Exactly one secret; a hash of it is made for one realm with one algorithm. */
function whyIncomplete(
  { password, ha1, realm, ha1Algorithm }: AuthSettings,
  path: readonly PathStep[],
): Complaint | undefined {
  const hasPassword = password !== undefined;
  if (hasPassword && ha1 !== undefined) {
    return { path, text: "only one of 'password' and 'ha1' may stand here" };
  }
  if (!hasPassword && ha1 === undefined) return { path, text: "'password' is missing" };
  if (hasPassword) {
    const text = "'ha1Algorithm' says what 'ha1' was made with, and a password needs no word of it";
    return ha1Algorithm === undefined ? undefined : { path: [...path, 'ha1Algorithm'], text };
  }
  if (realm === undefined) {
    return { path: [...path, 'ha1'], text: "'ha1' needs 'realm': it is made for one realm" };
  }
  const text = "'ha1' is made for one realm, so there may be only one here";
  const isOne = typeof realm === 'string' || realm.length === 1;
  return isOne ? undefined : { path: ['auth', 'realm'], text };
}

function whyHa1DoesNotFit(
  { ha1Algorithm }: AuthSettings,
  ha1: string,
  base: readonly PathStep[],
): Complaint | undefined {
  const path = [...base, 'ha1'];
  if (!/^([0-9a-f]{32}|[0-9a-f]{64})$/i.test(ha1)) {
    return { path, text: "'ha1' has to be 32 or 64 hex digits" };
  }
  const digits = ha1Algorithm === undefined ? ha1.length : ha1Algorithm === 'MD5' ? 32 : 64;
  if (digits === ha1.length) return undefined;
  return { path, text: `'ha1' has to be ${digits} hex digits for ${ha1Algorithm}` };
}

/** The secret's text; '' with a warning where it cannot be read, undefined where it is wrong. */
export function readSecret(
  source: SecretSource,
  path: readonly PathStep[],
  secrets: SecretReader,
  complaints: Complaint[],
): string | undefined {
  const reading = secrets.readSecret(source);
  if (reading.kind === 'text') return reading.text;
  const isWarning = reading.kind === 'unreadable';
  complaints.push({ path, text: reading.reason, isWarning });
  return isWarning ? '' : undefined;
}
