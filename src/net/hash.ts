/**
 * The hash functions of SIP digest (RFC 8760) over wire text. `crypto.hash` takes a string as UTF-8,
 * and wire text holds one octet a character, hence the buffer: 0.6 us for a digest's usual input.
 */
import { hash } from 'node:crypto';
import type { Hasher, HashName } from '../core/sip/digest/ports.ts';

/** Digests of the empty text (RFC 1321 A.5, FIPS 180-4), to find out what this machine's OpenSSL allows. */
const OF_NOTHING: { readonly [name in HashName]: string } = {
  md5: 'd41d8cd98f00b204e9800998ecf8427e',
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'sha512-256': 'c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a',
};

export const nodeHasher: Hasher = {
  hash(name: HashName, text: string): string {
    return hash(name, Buffer.from(text, 'latin1'));
  },
};

/**
 * The algorithms that this machine cannot compute; empty on all but FIPS builds, which forbid MD5. Asked
 * once at start, so that the reason is told then, and not by the first challenge.
 */
export function missingHashes(hasher: Hasher = nodeHasher): readonly HashName[] {
  const names = Object.keys(OF_NOTHING) as HashName[];
  return names.filter((name) => !works(hasher, name));
}

function works(hasher: Hasher, name: HashName): boolean {
  try {
    return hasher.hash(name, '') === OF_NOTHING[name];
  } catch {
    // OpenSSL throws for an algorithm that it does not have or must not use: that is the answer.
    return false;
  }
}
