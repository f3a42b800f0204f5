/**
 * The smallest burst with which `rate x t + burst` covers every window of the moments that were added.
 * A limiter keeps its promise when this is not above its burst.
 */
export class BurstMeter {
  readonly #ratePerSec: number;
  #count = 0;
  #lowest = Infinity;
  #worst = 0;

  constructor(ratePerSec: number) {
    this.#ratePerSec = ratePerSec;
  }

  get smallestBurst(): number {
    return this.#worst;
  }

  /** Moments come in order. */
  add(atMs: number): void {
    const earned = (atMs / 1000) * this.#ratePerSec;
    // Windows start at an earlier moment (or this one): count before it, less what it had earned.
    this.#lowest = Math.min(this.#lowest, this.#count - earned);
    this.#count += 1;
    this.#worst = Math.max(this.#worst, this.#count - earned - this.#lowest);
  }
}

/** The same of a list, in one pass. */
export function smallestBurst(timesMs: readonly number[], ratePerSec: number): number {
  const meter = new BurstMeter(ratePerSec);
  for (const at of timesMs) meter.add(at);
  return meter.smallestBurst;
}
