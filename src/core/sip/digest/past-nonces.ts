/**
 * How often the nonces of before were used. `nc` counts the requests that were ever sent with a nonce (RFC 7616
 * section 3.4), also where a server hands out an older one again, as two servers of one name do that take turns:
 * one that begins at 1 once more is a replay to a server that counts along.
 *
 * Nearly all of them never come back, and each registration has its own: so a hash stands for the nonce, in one
 * number with its count. Where two nonces have the same hash, `nc` only is higher than it had to be.
 */
export type PastNonces = readonly number[];

export const NO_PAST: PastNonces = [];

/** Servers that take turns, besides the one that is asked just now. */
const MOST = 3;
/** Room for the count, so that both fit into the 53 bits of an exact number. */
const COUNTS = 2 ** 20;

/** With one more that is no longer in use. */
export function remembered(past: PastNonces, nonce: string, count: number): PastNonces {
  if (count === 0) return past;
  const hash = hashOf(nonce);
  const others = past.filter((one) => Math.floor(one / COUNTS) !== hash);
  return [hash * COUNTS + Math.min(count, COUNTS - 1), ...others].slice(0, MOST);
}

/** How often it was used before; 0: never, or so long ago that it was forgotten. */
export function usesOf(past: PastNonces, nonce: string): number {
  if (past.length === 0) return 0;
  const hash = hashOf(nonce);
  const found = past.find((one) => Math.floor(one / COUNTS) === hash);
  return found === undefined ? 0 : found % COUNTS;
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
