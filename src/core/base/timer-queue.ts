import { DeadlineHeap } from './deadline-heap.ts';
import type { Instant } from './instant.ts';

/**
 * What the queue holds: something that is to happen at one moment. Objects of which there are very many
 * implement it themselves and spare a Timer.
 */
export interface Deadline {
  fire(now: Instant): void;
  /** True where the end of a tick is too late, as for a pace that outruns the ticks. */
  isPrompt: boolean;
  /** For the queue only: when it is due, and where it stands: 0 not armed, below 0 not sorted in yet. */
  deadline: Instant;
  order: number;
}

/** One deadline at a time. Its owner makes it once, and arms it again as often as it likes. */
export class Timer implements Deadline {
  readonly fire: (now: Instant) => void;
  isPrompt = false;
  deadline: Instant = 0 as Instant;
  order = 0;

  constructor(fire: (now: Instant) => void) {
    this.fire = fire;
  }

  get isArmed(): boolean {
    return this.order !== 0;
  }
}

/** More than this are sorted in before one of them is due. */
const MOST_YOUNG = 4_096;
/** What may be out of date in the heap, besides as much as is not. */
const SPARE_STALE = 1_024;
/** Orders stay small integers, which cost an engine nothing: from here on they begin anew. */
const MAX_ORDER = 2 ** 30;

/**
 * All deadlines of the daemon in one queue, so that one Node timer drives everything and a simulation
 * can own time. Timers fire in order of deadline, then of arming.
 *
 * Most deadlines are never reached: an answer comes, and they move or go. So what is armed stands in a
 * list, in order of arming, until one of the list is due, and only what is still wanted then is sorted
 * into the heap; what moves or goes later stays there until its time, known as stale by its order.
 */
export class TimerQueue {
  /** Called when a timer is armed ahead of all others; whoever drives the queue sets it, to wake in time. */
  onEarlier: (() => void) | undefined;
  readonly #heap = new DeadlineHeap<Deadline>();
  /** A gap where one went; it must not be held until the list is sorted. */
  #young: (Deadline | undefined)[] = [];
  /** Nothing young is due before this. */
  #youngAt = Number.POSITIVE_INFINITY;
  #isYoungPrompt = false;
  #lastOrder = 0;
  #size = 0;

  /** How many timers are armed. */
  get size(): number {
    return this.#size;
  }

  /** Places that the queue has in use: for timers, and for what moved or went. */
  get held(): number {
    return this.#heap.size + this.#young.length;
  }

  /** The earliest deadline, if anything is armed. */
  get nextDeadline(): Instant | undefined {
    this.#sortYoung();
    return this.#firstSorted()?.deadline;
  }

  /**
   * When to call `advance` next, and whether the end of a tick would be too late; undefined when nothing
   * is armed. May be early where a timer moved or went since, as `nextDeadline` is not, but costs nothing.
   */
  get wakeUp(): Pick<Deadline, 'deadline' | 'isPrompt'> | undefined {
    const sorted = this.#firstSorted();
    if (sorted !== undefined && sorted.deadline <= this.#youngAt) return sorted;
    if (this.#youngAt === Number.POSITIVE_INFINITY) return undefined;
    return { deadline: this.#youngAt as Instant, isPrompt: this.#isYoungPrompt };
  }

  /** Arms the timer, or moves it when it is armed already. */
  arm(timer: Deadline, deadline: Instant): void {
    const young = this.#young;
    if (timer.order === 0) this.#size += 1;
    else if (timer.order < 0) young[-timer.order - 1] = undefined;
    young.push(timer);
    timer.order = -young.length;
    timer.deadline = deadline;
    if (deadline < this.#youngAt) {
      this.#youngAt = deadline;
      this.#isYoungPrompt = timer.isPrompt;
      if (deadline < this.#heap.firstDeadline) this.onEarlier?.();
    }
    if (young.length > MOST_YOUNG) this.#sortYoung();
  }

  /** Does nothing when the timer is not armed. */
  disarm(timer: Deadline): void {
    if (timer.order === 0) return;
    if (timer.order < 0) this.#young[-timer.order - 1] = undefined;
    timer.order = 0;
    this.#size -= 1;
  }

  /**
   * Fires what is due at `now`, and returns how many fired. What a firing timer arms for `now` or
   * earlier waits for the next call, so that one call always ends.
   */
  advance(now: Instant): number {
    if (this.#youngAt <= now) this.#sortYoung();
    const lastOrder = this.#lastOrder;
    const heap = this.#heap;
    let fired = 0;
    for (let timer = heap.first; timer !== undefined; timer = heap.first) {
      const isStale = timer.order !== heap.firstOrder;
      if (heap.firstDeadline > now || (!isStale && timer.order > lastOrder)) break;
      heap.removeFirst();
      if (isStale) continue;
      this.disarm(timer);
      fired += 1;
      timer.fire(now);
    }
    return fired;
  }

  /** The first of the heap that is still wanted. */
  #firstSorted(): Deadline | undefined {
    const heap = this.#heap;
    let { first } = heap;
    while (first !== undefined && first.order !== heap.firstOrder) {
      heap.removeFirst();
      first = heap.first;
    }
    return first;
  }

  #sortYoung(): void {
    const young = this.#young;
    if (young.length === 0) return;
    const heap = this.#heap;
    for (const timer of young) {
      if (timer === undefined) continue;
      this.#lastOrder += 1;
      timer.order = this.#lastOrder;
      heap.add(timer, timer.deadline, timer.order);
    }
    young.length = 0;
    this.#youngAt = Number.POSITIVE_INFINITY;
    if (heap.size > 2 * this.#size + SPARE_STALE)
      heap.keep((timer, order) => timer.order === order);
    if (this.#lastOrder >= MAX_ORDER) this.#renumber();
  }

  /** Begins to count orders anew; what comes before what stays. */
  #renumber(): void {
    this.#lastOrder = 0;
    this.#heap.renumber((timer, order) => {
      if (timer.order !== order) return undefined;
      this.#lastOrder += 1;
      timer.order = this.#lastOrder;
      return timer.order;
    });
  }
}
