/**
 * What a proxy needs to answer the challenge of a provider to a call: never the password, only the
 * digest of one realm (RFC 7616 section 3.4.2: H(A1)), so that it is of use nowhere else.
 */
import { ha1Of } from '../sip/digest/compute.ts';
import type { Credentials, Hasher, HashName } from '../sip/digest/ports.ts';
import { toWire } from '../sip/message/wire-text.ts';

export interface RouteCredentials {
  readonly username: string;
  /** Undefined: the provider proposes it, and it has to be asked for again with it. */
  readonly realm: string | undefined;
  /** Lower-case hexadecimal digits; undefined without a realm. */
  readonly ha1: string | undefined;
  readonly algorithm: 'MD5' | 'SHA-256' | 'SHA-512-256';
}

/** `realm` is that of a challenge; one that the configuration does not name gets nothing. */
export function credentialsFor(
  credentials: Credentials,
  realm: string | undefined,
  hasher: Hasher,
): RouteCredentials | undefined {
  const { username, password, ha1 } = credentials;
  const configured = credentials.realm === undefined ? [] : [credentials.realm].flat();
  const isForeign = realm !== undefined && configured.length > 0 && !configured.includes(realm);
  if (isForeign) return undefined;
  const chosen = realm ?? configured[0];
  if (ha1 !== undefined) {
    const hash = credentials.ha1Hash ?? (ha1.reveal().length === 64 ? 'sha256' : 'md5');
    return { username, realm: chosen, ha1: ha1.reveal(), algorithm: NAMES[hash] };
  }
  if (chosen === undefined || password === undefined) {
    return { username, realm: undefined, ha1: undefined, algorithm: 'MD5' };
  }
  const account = { username, realm: toWire(chosen), password: password.reveal() };
  // What every proxy can use.
  return { username, realm: chosen, ha1: ha1Of(account, 'md5', hasher), algorithm: 'MD5' };
}

const NAMES: Readonly<Record<HashName, RouteCredentials['algorithm']>> = {
  md5: 'MD5',
  sha256: 'SHA-256',
  'sha512-256': 'SHA-512-256',
};
