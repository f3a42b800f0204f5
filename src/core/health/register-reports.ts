/**
 * Keeper of how REGISTERs ended, on their way to the targets that are judged by them (`mode: register`).
 * They are told in the midst of a step of a registration, and looked at in a turn of their own.
 */
import type { Clock } from '../base/clock.ts';
import type { Fault } from '../base/fault.ts';
import type { Instant } from '../base/instant.ts';
import { Timer, type TimerQueue } from '../base/timer-queue.ts';

/** How one REGISTER ended. */
export interface RegisterReport {
  /** targetKey of where it was sent. */
  readonly target: string;
  readonly at: Instant;
  readonly result: RegisterResult;
}

export type RegisterResult =
  | { readonly kind: 'registerAnswered'; readonly status: number }
  | { readonly kind: 'failed'; readonly fault: Fault };

/** In one turn; more than that say nothing new. */
const MAX_WAITING = 1_000;

export class RegisterReports {
  readonly #clock: Clock;
  readonly #timers: TimerQueue;
  readonly #receive: (report: RegisterReport) => void;
  readonly #timer = new Timer(() => this.#deliver());
  #waiting: RegisterReport[] = [];

  constructor(
    { clock, timers }: { readonly clock: Clock; readonly timers: TimerQueue },
    receive: (report: RegisterReport) => void,
  ) {
    this.#clock = clock;
    this.#timers = timers;
    this.#receive = receive;
  }

  add(report: RegisterReport): void {
    if (this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push(report);
    if (!this.#timer.isArmed) this.#timers.arm(this.#timer, this.#clock.now());
  }

  stop(): void {
    this.#timers.disarm(this.#timer);
    this.#waiting = [];
  }

  #deliver(): void {
    const reports = this.#waiting;
    this.#waiting = [];
    for (const report of reports) this.#receive(report);
  }
}
