/** The digest algorithms that we have, and which of them goes first: RFC 7616 section 6.1, RFC 8760. */
import type { HashName } from './ports.ts';

export interface Algorithm {
  readonly hash: HashName;
  /** The `-sess` forms: the key is bound to the nonce and to one cnonce. */
  readonly isSession: boolean;
  /** Higher is stronger. */
  readonly strength: number;
}

/** Looks an `algorithm` value up, in any case; none at all means MD5. Undefined: not one of ours. */
export function algorithmOf(token: string | undefined): Algorithm | undefined {
  if (token === undefined) return MD5;
  return ALGORITHMS.get(token) ?? ALGORITHMS.get(token.toUpperCase());
}

const MD5: Algorithm = { hash: 'md5', isSession: false, strength: 1 };

const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  ['MD5', MD5],
  ['MD5-SESS', { hash: 'md5', isSession: true, strength: 1 }],
  ['SHA-256', { hash: 'sha256', isSession: false, strength: 2 }],
  ['SHA-256-SESS', { hash: 'sha256', isSession: true, strength: 2 }],
  ['SHA-512-256', { hash: 'sha512-256', isSession: false, strength: 3 }],
  ['SHA-512-256-SESS', { hash: 'sha512-256', isSession: true, strength: 3 }],
]);
