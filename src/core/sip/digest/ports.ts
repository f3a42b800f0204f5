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
  /** H(username:realm:password) in hexadecimal digits. Needs `realm`, and just one. */
  readonly ha1: Secret | undefined;
  /** The algorithm that `ha1` is for; without it 32 digits are for MD5, 64 for SHA-256. */
  readonly ha1Hash?: HashName | undefined;
  /** To be tried where these are refused; they have no next ones. */
  readonly next?: Credentials | undefined;
  /** The only realms that are answered; undefined accepts those that the servers propose. */
  readonly realm: string | readonly string[] | undefined;
}
