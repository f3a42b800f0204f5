/** What a server says of itself in (Proxy-)Authentication-Info: RFC 7616 section 3.5, RFC 7615. */
import { parseAuthParams } from './auth-params.ts';
import type { Grant } from './grant.ts';
import type { Hasher } from './ports.ts';

/** The parameters of one such field. */
type ServerInfo = ReadonlyMap<string, string>;

export function serverInfoOf(value: string): ServerInfo {
  return parseAuthParams(value, 1)[0]?.params ?? NOTHING;
}

/**
 * True when `rspauth` is there and is not what somebody computes who knows the password. Servers that
 * compute it wrongly are about as common as forgers, so the answer counts in any case: the caller tells.
 */
export function hasWrongProof(
  info: ServerInfo,
  body: string,
  grant: Grant,
  hasher: Hasher,
): boolean {
  const proof = info.get('rspauth');
  if (proof === undefined) return false;
  const expected = grant.expectedProof(body, hasher);
  return expected !== undefined && proof.toLowerCase() !== expected;
}

/** The nonce to use from the next request on; undefined where the server names none. */
export function nextNonceOf(info: ServerInfo): string | undefined {
  const next = info.get('nextnonce');
  return next === '' ? undefined : next;
}

const NOTHING: ServerInfo = new Map();
