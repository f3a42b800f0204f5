import { after, elapsedMs, type Instant } from './instant.ts';

/**
 * So much of a token may be lost in rounding: after a month the instants of a clock have steps of half a
 * microsecond. A deadline that is computed from the rate has to find its token.
 */
const HAIR = 1e-6;

/**
 * At most `ratePerSec x t + burst` tokens in any window of t seconds. The rate may be changed while
 * it runs; a rate of 0 means that there is no limit.
 */
export class TokenBucket {
  #ratePerSec: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: Instant;

  constructor(ratePerSec: number, burst: number, now: Instant) {
    this.#ratePerSec = ratePerSec;
    this.#burst = Math.max(1, burst);
    this.#tokens = this.#burst;
    this.#filledAt = now;
  }

  get ratePerSec(): number {
    return this.#ratePerSec;
  }

  setRate(ratePerSec: number, now: Instant): void {
    this.#fill(now);
    this.#ratePerSec = ratePerSec;
  }

  /** Takes one token, if there is one. */
  take(now: Instant): boolean {
    if (this.#ratePerSec === 0) return true;
    this.#fill(now);
    if (this.#tokens < 1 - HAIR) return false;
    this.#tokens -= 1;
    return true;
  }

  /** When the next token will be there; `now` when one is. */
  readyAt(now: Instant): Instant {
    if (this.#ratePerSec === 0) return now;
    this.#fill(now);
    if (this.#tokens >= 1 - HAIR) return now;
    return after(now, ((1 - this.#tokens) / this.#ratePerSec) * 1000);
  }

  #fill(now: Instant): void {
    const gained = (elapsedMs(this.#filledAt, now) / 1000) * this.#ratePerSec;
    if (gained > 0) this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#filledAt = now;
  }
}
