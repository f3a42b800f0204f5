/**
 * Finds registrations without a next step. There are none, unless trunkd has a bug. Everybody is
 * looked at once in 10 s, in slices, so that 100,000 do not hold anything up.
 */
import { after, elapsedMs, type Instant } from '../base/instant.ts';
import { Timer, type TimerQueue } from '../base/timer-queue.ts';
import type { Entry } from './entry.ts';

const SLICE_EVERY_MS = 1_000;
const SLICES = 10;
/** A locator answers long before, DNS time-outs included. */
const LOCATING_LIMIT_MS = 60_000;
/** Three requests of at most 32 s, a connection, and their turns at the pacer. */
const EXCHANGE_LIMIT_MS = 300_000;

export class Sweeper {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #timers: TimerQueue;
  readonly #timer: Timer;
  readonly #found: (entry: Entry) => void;
  readonly #passed: (entry: Entry, now: Instant) => void;
  #rest: Iterator<Entry> | undefined;
  #stuck = 0;

  /**
   * `nudge` lets waiting lines move; `found` repairs and reports one that is stuck; `passed` is told of everybody,
   * about every 10 s, for what has time.
   */
  constructor(
    entries: ReadonlyMap<string, Entry>,
    timers: TimerQueue,
    nudge: () => void,
    found: (entry: Entry) => void,
    passed: (entry: Entry, now: Instant) => void,
  ) {
    this.#entries = entries;
    this.#timers = timers;
    this.#found = found;
    this.#passed = passed;
    this.#timer = new Timer((now) => {
      nudge();
      this.#slice(now);
      this.start(now);
    });
  }

  /** How many were found so far. */
  get stuck(): number {
    return this.#stuck;
  }

  /** Begins, unless it has begun. */
  start(now: Instant): void {
    if (!this.#timer.isArmed) this.#timers.arm(this.#timer, after(now, SLICE_EVERY_MS));
  }

  stop(): void {
    this.#timers.disarm(this.#timer);
  }

  /** Looks at everybody at once. */
  sweep(now: Instant): void {
    for (const entry of this.#entries.values()) this.#look(entry, now);
  }

  #slice(now: Instant): void {
    for (let left = Math.ceil(this.#entries.size / SLICES); left > 0; left -= 1) {
      this.#rest ??= this.#entries.values();
      const { done, value } = this.#rest.next();
      if (done === true) {
        this.#rest = undefined;
        return;
      }
      this.#look(value, now);
    }
  }

  #look(entry: Entry, now: Instant): void {
    this.#passed(entry, now);
    if (!isStuck(entry, now)) return;
    this.#stuck += 1;
    this.#found(entry);
  }
}

/** Has it no timer, no place in a line, and no answer to come? */
function isStuck(entry: Entry, now: Instant): boolean {
  const { state, place, placedAt, timer, position } = entry;
  const stayMs = elapsedMs(placedAt, now);
  switch (place) {
    case 'timer':
      return !timer.isArmed;
    case 'locating':
      return stayMs > LOCATING_LIMIT_MS;
    case 'guarded':
    case 'line':
      return position < 0;
    case 'exchange':
      return stayMs > EXCHANGE_LIMIT_MS;
    case 'nowhere':
      return state.name !== 'off';
  }
}
