/** HMAC-SHA-256 (RFC 2104) over the hash function that core has: what others hand back to us must be ours. */
import type { Hasher } from '../digest/ports.ts';
import { fromHex } from '../message/wire-text.ts';

const BLOCK_OCTETS = 64;

export class Hmac {
  readonly #hasher: Hasher;
  readonly #inner: string;
  readonly #outer: string;

  /** `secret`: wire text of any length. */
  constructor(hasher: Hasher, secret: string) {
    this.#hasher = hasher;
    const key = fromHex(hasher.hash('sha256', secret)).padEnd(BLOCK_OCTETS, '\0');
    this.#inner = padded(key, 0x36);
    this.#outer = padded(key, 0x5c);
  }

  /** The first `digits` hexadecimal digits (four bits each). */
  sign(text: string, digits: number): string {
    const inner = fromHex(this.#hasher.hash('sha256', this.#inner + text));
    return this.#hasher.hash('sha256', this.#outer + inner).slice(0, digits);
  }
}

function padded(key: string, pad: number): string {
  let text = '';
  for (let at = 0; at < key.length; at += 1) text += String.fromCharCode(key.charCodeAt(at) ^ pad);
  return text;
}
