/**
 * How often the nonces of before were used. `nc` counts the requests that were ever sent with a nonce (RFC 7616
 * section 3.4), also where a server hands out an older one again, as two servers of one name do that take turns:
 * one that begins at 1 once more is a replay to a server that counts along.
 *
 * Nearly all of them never come back, and each registration has its own: so a hash stands for the nonce, in one
 * number with its count. Where two nonces have the same hash, `nc` only is higher than it had to be.
 */
import { hash32 } from '../../base/stable-token.ts';

export type PastNonces = readonly number[];

export const NO_PAST: PastNonces = [];

/** Servers that take turns, besides the one that is asked just now. */
const MOST = 3;
/** Any would do: the hashes stay in this process. */
const SEED = 0;
/** Room for the count, so that both fit into the 53 bits of an exact number. */
const COUNTS = 2 ** 20;

/** With one more that is no longer in use. */
export function remembered(past: PastNonces, nonce: string, count: number): PastNonces {
  if (count === 0) return past;
  const hash = hash32(nonce, SEED);
  const others = past.filter((one) => Math.floor(one / COUNTS) !== hash);
  return [hash * COUNTS + Math.min(count, COUNTS - 1), ...others].slice(0, MOST);
}

/** How often it was used before; 0: never, or so long ago that it was forgotten. */
export function usesOf(past: PastNonces, nonce: string): number {
  if (past.length === 0) return 0;
  const hash = hash32(nonce, SEED);
  const found = past.find((one) => Math.floor(one / COUNTS) === hash);
  return found === undefined ? 0 : found % COUNTS;
}
