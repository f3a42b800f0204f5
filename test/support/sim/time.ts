import type { Clock } from '../../../src/core/base/clock.ts';
import { after, type Instant, instant } from '../../../src/core/base/instant.ts';
import { TimerQueue } from '../../../src/core/base/timer-queue.ts';

/** What servers and networks of a simulation need of time. */
export interface Times extends Clock {
  readonly timers: TimerQueue;
  /** Milliseconds since the simulation began. */
  readonly elapsedMs: number;
}

const START: Instant = instant(1_000_000);

const HAIR_MS = 1e-6;
const NEVER = Number.POSITIVE_INFINITY;

function dueAt(timers: TimerQueue): number {
  return timers.wakeUp?.deadline ?? NEVER;
}

/**
 * The time of a whole world: the daemon has a clock and a timer queue of its own, which stand still while it
 * is stopped or sleeps, as src/net/clock.ts has it; the world goes on meanwhile.
 */
export class WorldTime implements Times {
  /** Of everybody but the daemon. */
  readonly timers = new TimerQueue();
  readonly daemonTimers = new TimerQueue();
  readonly daemonClock: Clock = { now: () => after(this.#now, -this.#lostMs) };
  #now: Instant = START;
  /** By how much the daemon's clock is behind. */
  #lostMs = 0;
  #stoppedAt: Instant | undefined;

  now(): Instant {
    return this.#now;
  }

  get elapsedMs(): number {
    return this.#now - START;
  }

  get isDaemonStopped(): boolean {
    return this.#stoppedAt !== undefined;
  }

  stopDaemon(): void {
    this.#stoppedAt ??= this.#now;
  }

  /** For how long it stood still. */
  resumeDaemon(): number {
    const ms = this.#now - (this.#stoppedAt ?? this.#now);
    this.#stoppedAt = undefined;
    this.#lostMs += ms;
    return ms;
  }

  /** The sum of two times may be rounded to a hair before the deadline. */
  #advanceDaemon(deadline: number): void {
    while (this.daemonClock.now() < deadline) this.#now = after(this.#now, HAIR_MS);
    this.daemonTimers.advance(this.daemonClock.now());
  }

  /** Runs everything that is due within the next `ms` milliseconds; a livelock ends in an error. */
  run(ms: number): void {
    const end = after(this.#now, ms);
    let stepsAtOneMoment = 0;
    for (;;) {
      const outside = dueAt(this.timers);
      const inside = this.isDaemonStopped ? NEVER : dueAt(this.daemonTimers) + this.#lostMs;
      const next = Math.min(outside, inside);
      if (next > end) break;
      stepsAtOneMoment = next <= this.#now ? stepsAtOneMoment + 1 : 0;
      if (stepsAtOneMoment > 100_000) throw new Error('time does not move on: livelock');
      if (next > this.#now) this.#now = next as Instant;
      if (outside <= inside) this.timers.advance(this.#now);
      else this.#advanceDaemon(dueAt(this.daemonTimers));
    }
    this.#now = end;
  }
}
