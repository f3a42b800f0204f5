/**
 * The clock of the process: monotonic, and it stands still whenever the process does, so that no time-out
 * is reached by that. How long that was is told apart, since the clocks of registrars went on:
 *
 *   the machine slept        CLOCK_MONOTONIC stood still; CLOCK_BOOTTIME (`os.uptime`) tells for how long
 *   the process was stopped  (SIGSTOP, a freezer, no CPU) nobody came when the event loop should have woken
 */
import { uptime } from 'node:os';
import type { Clock } from '../core/base/clock.ts';
import { type Instant, instant } from '../core/base/instant.ts';

/** A loop that is late by less is only busy. */
const LATE_MS = 5_000;
/** Clocks that are read one after the other differ by less. */
const ASLEEP_MS = 2_000;
const LOOK_EVERY_MS = 1_000;

export interface ClockReadings {
  /** Stands still while the machine sleeps. */
  readonly monotonicMs: () => number;
  /** Does not. */
  readonly upMs: () => number;
}

const OF_THE_SYSTEM: ClockReadings = {
  monotonicMs: () => performance.now(),
  upMs: () => uptime() * 1000,
};

export class RunningClock implements Clock {
  readonly #readings: ClockReadings;
  /** By how much we are behind the monotonic clock. */
  #stoppedMs = 0;
  /** When the event loop is to wake; infinite while that is not planned. */
  #expectedAt = Number.POSITIVE_INFINITY;
  #latest = 0;
  #untold = 0;
  #lookedAt: number;
  /** Of the two clocks, at the last look. */
  #differenceMs: number;

  constructor(readings: ClockReadings = OF_THE_SYSTEM) {
    this.#readings = readings;
    this.#lookedAt = readings.monotonicMs();
    this.#differenceMs = readings.upMs() - this.#lookedAt;
  }

  /** In milliseconds with a fraction. */
  now(): Instant {
    const now = this.#readings.monotonicMs() - this.#stoppedMs;
    if (now > this.#expectedAt + LATE_MS) return this.#resumed(now);
    this.#latest = now;
    return instant(now);
  }

  /** The event loop will wake then, unless something stops it; infinite: nobody knows. */
  expect(wakeAt: number): void {
    this.#expectedAt = wakeAt;
  }

  /** For how long we stood still since the last call. */
  takeStandstillMs(): number {
    this.#look();
    const untold = this.#untold;
    this.#untold = 0;
    return untold;
  }

  #resumed(now: number): Instant {
    const from = Math.max(this.#expectedAt, this.#latest);
    this.#expectedAt = Number.POSITIVE_INFINITY;
    this.#latest = from;
    this.#stoppedMs += now - from;
    this.#untold += now - from;
    return instant(from);
  }

  #look(): void {
    const monotonicMs = this.#readings.monotonicMs();
    if (monotonicMs - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#lookedAt = monotonicMs;
    const differenceMs = this.#readings.upMs() - monotonicMs;
    const sleptMs = differenceMs - this.#differenceMs;
    if (Math.abs(sleptMs) < ASLEEP_MS) return;
    this.#differenceMs = differenceMs;
    if (sleptMs > 0) this.#untold += sleptMs;
  }
}

/** The clock of this process. */
export const monotonicClock: RunningClock = new RunningClock();
