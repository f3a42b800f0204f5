/**
 * Is the daemon ready, and does its work move? The self-check is a timer of the one timer queue that
 * arms itself again: when it is overdue, either the loop or the queue has stopped, and a restart by
 * the watchdog would help.
 */
import type { Clock } from '../core/base/clock.ts';
import { after, elapsedMs, type Instant } from '../core/base/instant.ts';
import { Timer, type TimerQueue } from '../core/base/timer-queue.ts';

const BEAT_MS = 2_000;
/** Several beats: a long turn of the loop (a big reload) is no standstill. */
const STUCK_AFTER_MS = 15_000;

export class Readiness {
  readonly #clock: Clock;
  readonly #timers: TimerQueue;
  readonly #beatTimer: Timer;
  #beatAt: Instant;
  #phase: 'starting' | 'ready' | 'stopping' = 'starting';

  constructor(clock: Clock, timers: TimerQueue) {
    this.#clock = clock;
    this.#timers = timers;
    this.#beatAt = clock.now();
    this.#beatTimer = new Timer((now) => this.#beat(now));
  }

  start(): void {
    this.#beat(this.#clock.now());
  }

  becomeReady(): void {
    if (this.#phase === 'starting') this.#phase = 'ready';
  }

  becomeStopping(): void {
    this.#phase = 'stopping';
    this.#timers.disarm(this.#beatTimer);
  }

  /** As a function, so that it can be handed on. */
  readonly phase = (): 'starting' | 'ready' | 'stopping' => this.#phase;

  /** From `ready` to the beginning of the stop. */
  isReady(): boolean {
    return this.#phase === 'ready';
  }

  /** False when the timer queue does not move any more. */
  isAlive(): boolean {
    if (this.#phase === 'stopping') return true;
    return elapsedMs(this.#beatAt, this.#clock.now()) < STUCK_AFTER_MS;
  }

  #beat(now: Instant): void {
    this.#beatAt = now;
    this.#timers.arm(this.#beatTimer, after(now, BEAT_MS));
  }
}
