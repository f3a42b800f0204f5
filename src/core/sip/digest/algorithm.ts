/** The digest algorithms that we have, and which of them goes first: RFC 7616 section 6.1, RFC 8760. */
import type { HashName } from './ports.ts';

export interface Algorithm {
  readonly hash: HashName;
  /** The `-sess` forms: the key is bound to the nonce and to one cnonce. */
  readonly isSession: boolean;
  /** Higher is stronger; at least 1. */
  readonly strength: number;
}

/** Looks an `algorithm` value up, in any case; none at all means MD5. Undefined: not one of ours. */
export function algorithmOf(token: string | undefined): Algorithm | undefined {
  if (token === undefined) return MD5;
  return ALGORITHMS.get(token) ?? ALGORITHMS.get(token.toUpperCase());
}

/** The registered name of the algorithm of that strength, for people. */
export function nameOfStrength(strength: number): string {
  return NAMES[strength - 1] ?? 'none';
}

/** Which algorithms may be used, and which of several offers is taken; shared by many registrations. */
export interface DigestPolicy {
  /** Allowed, the preferred one first. */
  readonly hashes: readonly HashName[];
  /** `ours`: the order of the list above; `server`: the topmost that is offered (RFC 8760 section 2.4). */
  readonly order: 'ours' | 'server';
  /** Refuses whatever is weaker than what the same server accepted once. */
  readonly isPinned: boolean;
}

/** A challenge is not protected: whoever reorders the offers of a server gains nothing with this. */
export const STRONGEST_FIRST: DigestPolicy = {
  hashes: ['sha512-256', 'sha256', 'md5'],
  order: 'ours',
  isPinned: false,
};

const NAMES = ['MD5', 'SHA-256', 'SHA-512-256'] as const;

const MD5: Algorithm = { hash: 'md5', isSession: false, strength: 1 };

const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  ['MD5', MD5],
  ['MD5-SESS', { hash: 'md5', isSession: true, strength: 1 }],
  ['SHA-256', { hash: 'sha256', isSession: false, strength: 2 }],
  ['SHA-256-SESS', { hash: 'sha256', isSession: true, strength: 2 }],
  ['SHA-512-256', { hash: 'sha512-256', isSession: false, strength: 3 }],
  ['SHA-512-256-SESS', { hash: 'sha512-256', isSession: true, strength: 3 }],
]);
