/**
 * Kamailio refuses a second change of members within 5 s of the one before (`reload_delta`), be it a reload, `add` or
 * `remove`: what changes meanwhile waits, and goes with the next one.
 */
import type { Clock } from '../core/base/clock.ts';
import { elapsedMs, type Instant } from '../core/base/instant.ts';

/** The 5 s, and a little. */
export const RELOAD_GAP_MS = 5_500;

export class ReloadGap {
  readonly #clock: Clock;
  #lastAt: Instant | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0: at once, and the next one has to wait. Else how long it is until one may be asked for. */
  take(): number {
    const now = this.#clock.now();
    const waitMs = this.#lastAt === undefined ? 0 : RELOAD_GAP_MS - elapsedMs(this.#lastAt, now);
    if (waitMs > 0) return waitMs;
    this.#lastAt = now;
    return 0;
  }

  /** The proxy was started anew, and counts from there. */
  forget(): void {
    this.#lastAt = undefined;
  }
}
