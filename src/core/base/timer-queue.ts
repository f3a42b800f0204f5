import type { Instant } from './instant.ts';

/** One deadline at a time. Its owner makes it once, and arms it again as often as it likes. */
export class Timer {
  readonly fire: (now: Instant) => void;
  /** For the queue only: when it is due, the order of arming, and its place in the heap (-1: none). */
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
  readonly #heap: Timer[] = [];
  #armed = 0;

  /** How many timers are armed. */
  get size(): number {
    return this.#heap.length;
  }

  /** The earliest deadline, if anything is armed. */
  get nextDeadline(): Instant | undefined {
    return this.#heap[0]?.deadline;
  }

  /** Arms the timer, or moves it when it is armed already. */
  arm(timer: Timer, deadline: Instant): void {
    timer.deadline = deadline;
    this.#armed += 1;
    timer.order = this.#armed;
    if (timer.position < 0) {
      timer.position = this.#heap.length;
      this.#heap.push(timer);
      this.#rise(timer);
    } else {
      this.#rise(timer);
      this.#sink(timer);
    }
  }

  /** Does nothing when the timer is not armed. */
  disarm(timer: Timer): void {
    const position = timer.position;
    if (position < 0) return;
    timer.position = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === timer) return;
    last.position = position;
    this.#heap[position] = last;
    this.#rise(last);
    this.#sink(last);
  }

  /**
   * Fires what is due at `now`, and returns how many fired. What a firing timer arms for `now` or
   * earlier waits for the next call, so that one call always ends.
   */
  advance(now: Instant): number {
    const lastOrder = this.#armed;
    let fired = 0;
    for (;;) {
      const timer = this.#heap[0];
      if (timer === undefined || timer.deadline > now || timer.order > lastOrder) return fired;
      this.disarm(timer);
      fired += 1;
      timer.fire(now);
    }
  }

  #rise(timer: Timer): void {
    const heap = this.#heap;
    let position = timer.position;
    while (position > 0) {
      const parentPosition = (position - 1) >> 1;
      const parent = heap[parentPosition] as Timer;
      if (!isBefore(timer, parent)) break;
      heap[position] = parent;
      parent.position = position;
      position = parentPosition;
    }
    heap[position] = timer;
    timer.position = position;
  }

  #sink(timer: Timer): void {
    const heap = this.#heap;
    let position = timer.position;
    for (;;) {
      let childPosition = 2 * position + 1;
      let child = heap[childPosition];
      if (child === undefined) break;
      const right = heap[childPosition + 1];
      if (right !== undefined && isBefore(right, child)) {
        childPosition += 1;
        child = right;
      }
      if (!isBefore(child, timer)) break;
      heap[position] = child;
      child.position = position;
      position = childPosition;
    }
    heap[position] = timer;
    timer.position = position;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}
