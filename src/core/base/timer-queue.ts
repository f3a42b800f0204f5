import { Heap } from './heap.ts';
import type { Instant } from './instant.ts';

/**
 * What the queue holds: something that is to happen at one moment. Objects of which there are very many
 * implement it themselves and spare a Timer.
 */
export interface Deadline {
  fire(now: Instant): void;
  /** True where the end of a tick is too late, as for a pace that outruns the ticks. */
  isPrompt: boolean;
  /** For the queue only: when it is due, the order of arming, and its place in the heap (-1: none). */
  deadline: Instant;
  order: number;
  position: number;
}

/** One deadline at a time. Its owner makes it once, and arms it again as often as it likes. */
export class Timer implements Deadline {
  readonly fire: (now: Instant) => void;
  isPrompt = false;
  deadline: Instant = 0 as Instant;
  order = 0;
  position = -1;

  constructor(fire: (now: Instant) => void) {
    this.fire = fire;
  }

  get isArmed(): boolean {
    return this.position >= 0;
  }
}

/**
 * All deadlines of the daemon in one binary heap, so that one Node timer drives everything and a
 * simulation can own time. Timers fire in order of deadline, then of arming.
 */
export class TimerQueue {
  /** Called when a timer is armed ahead of all others; whoever drives the queue sets it, to wake in time. */
  onEarlier: (() => void) | undefined;
  readonly #heap = new Heap<Deadline>(isBefore);
  #armed = 0;

  /** How many timers are armed. */
  get size(): number {
    return this.#heap.size;
  }

  /** The timer that fires first, if anything is armed. */
  get next(): Deadline | undefined {
    return this.#heap.first;
  }

  /** The earliest deadline, if anything is armed. */
  get nextDeadline(): Instant | undefined {
    return this.#heap.first?.deadline;
  }

  /** Arms the timer, or moves it when it is armed already. */
  arm(timer: Deadline, deadline: Instant): void {
    timer.deadline = deadline;
    this.#armed += 1;
    timer.order = this.#armed;
    if (timer.position < 0) this.#heap.add(timer);
    else this.#heap.moved(timer);
    if (timer.position === 0) this.onEarlier?.();
  }

  /** Does nothing when the timer is not armed. */
  disarm(timer: Deadline): void {
    this.#heap.remove(timer);
  }

  /**
   * Fires what is due at `now`, and returns how many fired. What a firing timer arms for `now` or
   * earlier waits for the next call, so that one call always ends.
   */
  advance(now: Instant): number {
    const lastOrder = this.#armed;
    let fired = 0;
    for (;;) {
      const timer = this.#heap.first;
      if (timer === undefined || timer.deadline > now || timer.order > lastOrder) return fired;
      this.disarm(timer);
      fired += 1;
      timer.fire(now);
    }
  }
}

function isBefore(a: Deadline, b: Deadline): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}
