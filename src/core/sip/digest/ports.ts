import type { Secret } from '../../base/secret.ts';

export type HashName = 'md5' | 'sha256' | 'sha512-256';

/** Implemented by src/net/hash.ts. Input is wire text (latin1), the answer lower-case hexadecimal. */
export interface Hasher {
  hash(name: HashName, text: string): string;
}

/** What one registration or peer server proves itself with. Exactly one of password and ha1 is set. */
export interface Credentials {
  readonly username: string;
  readonly password: Secret | undefined;
  /** H(username:realm:password): 32 hex digits for MD5, 64 for SHA-256. Needs `realm`. */
  readonly ha1: Secret | undefined;
  /** The only realm that is answered; undefined accepts the one that the server proposes. */
  readonly realm: string | undefined;
}
