/**
 * Keeper of the self-check of the probes: none of them may ever be without a next step. One that is was
 * lost by a bug; it is counted, told, and begins anew, so that no server stays as it is for ever.
 */
import type { Clock } from '../base/clock.ts';
import { after } from '../base/instant.ts';
import { Timer, type TimerQueue } from '../base/timer-queue.ts';
import type { ProbeUnit } from './probe-unit.ts';

const SWEEP_MS = 60_000;

export class Watchdog {
  readonly #clock: Clock;
  readonly #timers: TimerQueue;
  readonly #units: () => Iterable<ProbeUnit>;
  readonly #timer = new Timer(() => this.#sweep());
  #found = 0;

  constructor(clock: Clock, timers: TimerQueue, units: () => Iterable<ProbeUnit>) {
    this.#clock = clock;
    this.#timers = timers;
    this.#units = units;
  }

  /** How many were found without a next step since the start; must stay 0. */
  get found(): number {
    return this.#found;
  }

  /** Begins to look, as long as there is anything to look at. */
  start(): void {
    if (!this.#timer.isArmed) this.#timers.arm(this.#timer, after(this.#clock.now(), SWEEP_MS));
  }

  stop(): void {
    this.#timers.disarm(this.#timer);
  }

  #sweep(): void {
    const now = this.#clock.now();
    let seen = 0;
    for (const unit of this.#units()) {
      seen += 1;
      if (unit.hasNextStep(now)) continue;
      this.#found += 1;
      unit.revive();
    }
    if (seen > 0) this.start();
  }
}
