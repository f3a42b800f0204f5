/**
 * A token made of a text: looks random, stays the same over restarts and reloads, and differs for
 * different texts (64 bits). It is not for secrets: who knows the text can make it.
 */
export function stableToken(text: string): string {
  return `t${hex(hash32(text, 0x9747b28c))}${hex(hash32(text, 0x3c6ef372))}`;
}

/** MurmurHash3 of the text's UTF-16 units, from 0 to 2^32 - 1. Not for secrets. */
export function hash32(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index += 1) {
    let unit = Math.imul(text.charCodeAt(index), 0xcc9e2d51);
    unit = (unit << 15) | (unit >>> 17);
    hash ^= Math.imul(unit, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  hash ^= text.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function hex(hash: number): string {
  return hash.toString(16).padStart(8, '0');
}
