/**
 * Where monotonic time becomes wall-clock time: only observers show it to people, the core never
 * sees it.
 */
import type { Clock } from '../core/base/clock.ts';
import type { Instant } from '../core/base/instant.ts';

/** Shifts smaller than this are noise of two clock readings, not a step of the wall clock. */
const STEP_MS = 250;
const MOST_STANDSTILLS = 16;

/** Follows steps of the wall clock (NTP, suspend), and gives the same text for the same instant otherwise. */
export class WallClock {
  readonly #clock: Clock;
  readonly #readWallMs: () => number;
  #offsetMs: number;
  /** When the clock stood still, and for how long: what was before lies that much further back. */
  readonly #standstills: { readonly at: Instant; readonly ms: number }[] = [];

  /** `readWallMs` gives milliseconds since 1970, as `Date.now` does. */
  constructor(clock: Clock, readWallMs: () => number = Date.now) {
    this.#clock = clock;
    this.#readWallMs = readWallMs;
    this.#offsetMs = readWallMs() - clock.now();
  }

  /** Now, in milliseconds since 1970. */
  nowMs(): number {
    return this.#readWallMs();
  }

  /** The monotonic clock, now, was behind by that much. */
  stoodStill(ms: number): void {
    this.#standstills.push({ at: this.#clock.now(), ms });
    if (this.#standstills.length > MOST_STANDSTILLS) this.#standstills.shift();
  }

  /** The instant in milliseconds since 1970, whole. */
  wallMs(at: Instant): number {
    const offsetMs = this.#readWallMs() - this.#clock.now();
    if (Math.abs(offsetMs - this.#offsetMs) > STEP_MS) this.#offsetMs = offsetMs;
    let wallMs = this.#offsetMs + at;
    for (const standstill of this.#standstills) if (at < standstill.at) wallMs -= standstill.ms;
    return Math.round(wallMs);
  }

  /** ISO 8601 in UTC with milliseconds; null for undefined, as the API shows it. */
  iso(at: Instant): string;
  iso(at: Instant | undefined): string | null;
  iso(at: Instant | undefined): string | null {
    return at === undefined ? null : new Date(this.wallMs(at)).toISOString();
  }
}
