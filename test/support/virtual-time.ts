import type { Clock } from '../../src/core/base/clock.ts';
import { after, type Instant, instant } from '../../src/core/base/instant.ts';
import { TimerQueue } from '../../src/core/base/timer-queue.ts';

/**
 * Time that moves when a test says so. Deadlines fire at their very moment, in order; a livelock ends
 * in an error instead of a hang.
 */
export class VirtualTime implements Clock {
  readonly timers = new TimerQueue();
  #now: Instant = instant(1_000_000);

  now(): Instant {
    return this.#now;
  }

  /** Milliseconds since the test began. */
  get elapsedMs(): number {
    return this.#now - 1_000_000;
  }

  /** Stopped for that long (SIGSTOP): whatever fell due meanwhile is late with the next `run`. */
  stall(ms: number): void {
    this.#now = after(this.#now, ms);
  }

  /** Runs everything that is due within the next `ms` milliseconds. */
  run(ms: number): void {
    const end = after(this.#now, ms);
    let stepsAtOneMoment = 0;
    for (;;) {
      const next = this.timers.nextDeadline;
      if (next === undefined || next > end) break;
      stepsAtOneMoment = next <= this.#now ? stepsAtOneMoment + 1 : 0;
      if (stepsAtOneMoment > 100_000) throw new Error('time does not move on: livelock');
      if (next > this.#now) this.#now = next;
      this.timers.advance(this.#now);
    }
    this.#now = end;
  }
}
