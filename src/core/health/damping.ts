/**
 * Flap damping, the way of RFC 2439: each change between working and down costs 1,000, which fades with
 * a half-life of five minutes. Above 3,000 the way up is barred until the sum has fallen below 1,000: for
 * 8 to 15 minutes. The way down is never delayed.
 */
import { after, elapsedMs, type Instant } from '../base/instant.ts';

const PER_CHANGE = 1_000;
const SUPPRESS_ABOVE = 3_000;
const REUSE_BELOW = 1_000;
const HALF_LIFE_MS = 300_000;
/** Three half-lives above reuse: nothing is barred for longer than 15 minutes. */
const HIGHEST = 8_000;

export class FlapDamper {
  #penalty = 0;
  #at: Instant | undefined;
  #barredUntil: Instant | undefined;

  /** The server changed between working and down. */
  count(now: Instant): void {
    this.#penalty = Math.min(this.#faded(now) + PER_CHANGE, HIGHEST);
    this.#at = now;
    const isBarred = this.#penalty > SUPPRESS_ABOVE || this.barredUntil(now) !== undefined;
    const halfLives = Math.log2(this.#penalty / REUSE_BELOW);
    this.#barredUntil = isBarred ? after(now, halfLives * HALF_LIFE_MS) : undefined;
  }

  /** trunkd did not run for so long: what is remembered fades as if it had. */
  aged(ms: number): void {
    if (this.#at !== undefined) this.#at = after(this.#at, -ms);
    if (this.#barredUntil !== undefined) this.#barredUntil = after(this.#barredUntil, -ms);
  }

  /** Until when the way up is barred; undefined: it is not. */
  barredUntil(now: Instant): Instant | undefined {
    const until = this.#barredUntil;
    return until !== undefined && until > now ? until : undefined;
  }

  #faded(now: Instant): number {
    if (this.#at === undefined) return 0;
    return this.#penalty * 2 ** (-elapsedMs(this.#at, now) / HALF_LIFE_MS);
  }
}
