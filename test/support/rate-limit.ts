/**
 * The smallest burst with which `rate x t + burst` covers every window of the given moments, in one
 * pass. A limiter keeps its promise when this is not above its burst.
 */
export function smallestBurst(timesMs: readonly number[], ratePerSec: number): number {
  let worst = 0;
  let lowest = Infinity;
  for (const [index, at] of timesMs.entries()) {
    const earned = (at / 1000) * ratePerSec;
    // Windows start at an earlier moment (or this one): count before it, less what it had earned.
    lowest = Math.min(lowest, index - earned);
    worst = Math.max(worst, index + 1 - earned - lowest);
  }
  return worst;
}
