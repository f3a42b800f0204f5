/**
 * One Node timer for all deadlines of the daemon. Wake-ups cost more than what they do, so what is due
 * is collected in ticks: nothing fires early, and at most one tick (50 ms) late. Where much is due the
 * ticks become shorter, down to 10 ms: then a wake-up is shared by many anyhow, and requests leave
 * evenly instead of in volleys. A prompt timer gets a wake-up of its own.
 *
 *   asleep --(armed ahead of the wake-up)--> asleep until the end of that deadline's tick
 *   asleep --(woken, too late by far)--> tell for how long the process stood still --> as below
 *   asleep --(woken)--> advance the queue --> asleep until the next deadline's tick, or idle
 *
 * The Node timer keeps the process alive while anything is armed: `stop` lets it go.
 */
import type { Clock } from '../core/base/clock.ts';
import type { TimerQueue } from '../core/base/timer-queue.ts';
import { RunningClock } from './clock.ts';

const TICK_MS = 50;
const SHORTEST_TICK_MS = 10;
/** For what cannot wait for the end of a tick. */
const PROMPT_TICK_MS = 2;
/** A tick with more than this is cut in half, one with less than the quarter of it is doubled. */
const MANY_FIRED = 32;
const LONGEST_SLEEP_MS = 2 ** 31 - 1;

export class TimerDriver {
  /** Called before anything is fired, where the clock is one that stands still with the process. */
  onStandstill: ((ms: number) => void) | undefined;
  readonly #queue: TimerQueue;
  readonly #clock: Clock;
  readonly #standstill: RunningClock | undefined;
  readonly #longestTickMs: number;
  readonly #shortestTickMs: number;
  readonly #wake = () => this.#awake();
  #tickMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** When the Node timer is set to fire, on the clock; infinite while it is not set. */
  #wakeAt = Number.POSITIVE_INFINITY;
  #isRunning = false;
  #isAdvancing = false;
  #lastLagMs = 0;
  #maxLagMs = 0;

  constructor(queue: TimerQueue, clock: Clock, tickMs: number = TICK_MS) {
    this.#queue = queue;
    this.#clock = clock;
    this.#standstill = clock instanceof RunningClock ? clock : undefined;
    this.#longestTickMs = tickMs;
    this.#shortestTickMs = Math.min(tickMs, SHORTEST_TICK_MS);
    this.#tickMs = tickMs;
  }

  start(): void {
    this.#isRunning = true;
    this.#queue.onEarlier = () => this.#plan();
    this.#plan();
  }

  stop(): void {
    this.#isRunning = false;
    this.#queue.onEarlier = undefined;
    this.#sleepForever();
  }

  /** By how many milliseconds the event loop was late for the latest wake-up. */
  get lastLagMs(): number {
    return this.#lastLagMs;
  }

  /** The worst since the last call: for a gauge that is read now and then. */
  takeMaxLagMs(): number {
    const maxLagMs = this.#maxLagMs;
    this.#maxLagMs = 0;
    return maxLagMs;
  }

  /** Sets the Node timer for the earliest deadline, if it is not set early enough already. */
  #plan(): void {
    if (this.#isAdvancing) return;
    const { wakeUp } = this.#queue;
    if (wakeUp === undefined) return;
    const { isPrompt, deadline } = wakeUp;
    const tickMs = isPrompt ? PROMPT_TICK_MS : this.#tickMs;
    const endOfTick = Math.ceil(deadline / tickMs) * tickMs;
    if (endOfTick >= this.#wakeAt) return;
    clearTimeout(this.#timer);
    this.#wakeAt = endOfTick;
    this.#standstill?.expect(endOfTick);
    // Node counts whole milliseconds from a start that it rounds down: one more, and it is never early.
    const delayMs = Math.ceil(endOfTick - this.#clock.now()) + 1;
    this.#timer = setTimeout(this.#wake, Math.min(Math.max(delayMs, 1), LONGEST_SLEEP_MS));
  }

  #awake(): void {
    const now = this.#clock.now();
    const standstillMs = this.#standstill?.takeStandstillMs() ?? 0;
    this.#lastLagMs = Math.max(0, now - this.#wakeAt) + standstillMs;
    this.#maxLagMs = Math.max(this.#maxLagMs, this.#lastLagMs);
    this.#sleepForever();
    this.#isAdvancing = true;
    if (standstillMs > 0) this.onStandstill?.(standstillMs);
    const fired = this.#queue.advance(now);
    this.#isAdvancing = false;
    this.#adapt(fired);
    if (this.#isRunning) this.#plan();
  }

  #adapt(fired: number): void {
    if (fired > MANY_FIRED) this.#tickMs = Math.max(this.#shortestTickMs, this.#tickMs / 2);
    else if (fired < MANY_FIRED / 4) this.#tickMs = Math.min(this.#longestTickMs, this.#tickMs * 2);
  }

  #sleepForever(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#standstill?.expect(this.#wakeAt);
  }
}
