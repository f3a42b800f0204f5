/**
 * Keeper of the cap on all probes together (`pacing.probes`): whoever finds no turn waits in line, first
 * come, first served. The spread of the calendar keeps it idle; a restart of many peers at once does not.
 */
import type { Clock } from '../base/clock.ts';
import type { Instant } from '../base/instant.ts';
import { Timer, type TimerQueue } from '../base/timer-queue.ts';
import { TokenBucket } from '../base/token-bucket.ts';

/** Of a second: what may go at once. */
const BURST_SHARE = 0.1;

/** Waits at most once. */
export interface CapUser {
  granted(): void;
}

export class ProbeCap {
  readonly #clock: Clock;
  readonly #timers: TimerQueue;
  readonly #bucket: TokenBucket;
  readonly #line = new Set<CapUser>();
  readonly #timer = new Timer((now) => this.#serve(now));

  /** `perSec` 0: no cap. */
  constructor(clock: Clock, timers: TimerQueue, perSec: number) {
    this.#clock = clock;
    this.#timers = timers;
    this.#bucket = new TokenBucket(perSec, perSec * BURST_SHARE, clock.now());
  }

  /** How many wait. */
  get waiting(): number {
    return this.#line.size;
  }

  setRate(perSec: number): void {
    const now = this.#clock.now();
    this.#bucket.setRate(perSec, now);
    this.#serve(now);
  }

  /** True: go on at once. False: `granted` is called in turn, unless it leaves. */
  enter(user: CapUser, now: Instant): boolean {
    if (this.#line.size === 0 && this.#bucket.take(now)) return true;
    this.#line.add(user);
    if (!this.#timer.isArmed) this.#timers.arm(this.#timer, this.#bucket.readyAt(now));
    return false;
  }

  has(user: CapUser): boolean {
    return this.#line.has(user);
  }

  leave(user: CapUser): void {
    const line = this.#line;
    // Nearly always nobody waits, and everybody who plans a probe comes here.
    if (line.size > 0 && line.delete(user) && line.size === 0) this.#timers.disarm(this.#timer);
  }

  #serve(now: Instant): void {
    for (const user of this.#line) {
      if (!this.#bucket.take(now)) break;
      this.#line.delete(user);
      user.granted();
    }
    if (this.#line.size > 0) this.#timers.arm(this.#timer, this.#bucket.readyAt(now));
    else this.#timers.disarm(this.#timer);
  }
}
