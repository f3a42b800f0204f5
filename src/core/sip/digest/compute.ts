/** The digest itself: RFC 2069 section 2.1.2, RFC 2617 section 3.2.2, RFC 7616 section 3.4. */
import { toWire } from '../message/wire-text.ts';
import type { Algorithm } from './algorithm.ts';
import type { Hasher, HashName } from './ports.ts';

export interface DigestInput {
  readonly algorithm: Algorithm;
  /** H(username:realm:password), in hexadecimal digits, for the hash of the algorithm. */
  readonly ha1: string;
  /** As received between its quotes. */
  readonly nonce: string;
  /** Undefined: the form of RFC 2069, without nc and cnonce. */
  readonly qop: 'auth' | 'auth-int' | undefined;
  /** Eight hexadecimal digits. */
  readonly nc: string;
  readonly cnonce: string;
  /** Empty for `rspauth`, the server's proof (RFC 7616 section 3.5). */
  readonly method: string;
  /** The Request-URI of that very request. */
  readonly uri: string;
  /** Wire text; counts for `auth-int` only. */
  readonly body: string;
}

/** H(A1) before any session binding. User name and password are readable text, the realm wire text. */
export function ha1Of(
  account: { readonly username: string; readonly realm: string; readonly password: string },
  hash: HashName,
  hasher: Hasher,
): string {
  const { username, realm, password } = account;
  return hasher.hash(hash, `${toWire(username)}:${realm}:${toWire(password)}`);
}

/** The `response` value, or `rspauth` when the method is empty; lower-case hexadecimal. */
export function digestResponse(input: DigestInput, hasher: Hasher): string {
  const { algorithm, nonce, nc, cnonce, qop } = input;
  const { hash } = algorithm;
  const ha1 = algorithm.isSession
    ? hasher.hash(hash, `${input.ha1}:${nonce}:${cnonce}`)
    : input.ha1;
  const plainA2 = `${input.method}:${input.uri}`;
  const a2 = qop === 'auth-int' ? `${plainA2}:${hasher.hash(hash, input.body)}` : plainA2;
  const ha2 = hasher.hash(hash, a2);
  const middle = qop === undefined ? nonce : `${nonce}:${nc}:${cnonce}:${qop}`;
  return hasher.hash(hash, `${ha1}:${middle}:${ha2}`);
}
