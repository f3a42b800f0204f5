/**
 * Keeper of when a consumer is brought in line: soon after a verdict changed, every 20 s whatever happens, and
 * after a failure with growing pauses. One pass at a time; a pass that is asked for while one runs follows it.
 *
 *   changed --(100 ms)--> pass --inSync, drifting--> after 20 s, or when it says so
 *                           |--failed--> after 1 s, 2 s, 4 s ... 20 s
 *                           |--does not end--> failing, until it does
 */
import type { Clock } from '../core/base/clock.ts';
import { after } from '../core/base/instant.ts';
import { Timer, type TimerQueue } from '../core/base/timer-queue.ts';
import { type ConsumerCauseCode, causeOfError, consumerCause } from './causes.ts';
import { pause } from './pause.ts';
import type { ConsumerState, ConsumerStatus } from './ports.ts';
import { Standing, type Told } from './standing.ts';

const PERIOD_MS = 20_000;
/** So that what changes together is told together. */
const SETTLE_MS = 100;
const FIRST_RETRY_MS = 1_000;
const STOP_MS = 1_000;
/** Far more than all answers of a pass may take. */
const STUCK_MS = 300_000;

export interface PassResult {
  readonly state: Exclude<ConsumerState, 'failing'>;
  /** What is not as it should be; empty when all is. */
  readonly text: string;
  /** Which of the causes that is; drifting where left out. */
  readonly code?: ConsumerCauseCode | undefined;
  /** How many things that are; 1 where left out, and it is not in sync. */
  readonly drift?: number | undefined;
  /** When to look again, where that is before the next regular pass. */
  readonly againMs?: number | undefined;
}

/** One kind of thing that is not as it should be. */
export interface Amiss {
  readonly code: ConsumerCauseCode;
  readonly text: string;
  readonly drift: number;
}

/** All of them in one result; the first gives the code. */
export function passResultOf(amiss: readonly Amiss[], againMs: number | undefined): PassResult {
  return {
    state: amiss.length === 0 ? 'inSync' : 'drifting',
    code: amiss[0]?.code,
    text: amiss.map(({ text }) => text).join('; '),
    drift: amiss.reduce((sum, { drift }) => sum + drift, 0),
    againMs,
  };
}

export interface ReconcilerPorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  /** Rejects when the consumer cannot be reached, or answers nonsense; has to end by itself. */
  readonly pass: () => Promise<PassResult>;
  readonly told: Told;
}

export class Reconciler {
  readonly #ports: ReconcilerPorts;
  readonly #timer = new Timer(() => this.#begin());
  readonly #stuckTimer = new Timer(() => this.#becomeStuck());
  readonly #standing: Standing;
  #failures = 0;
  #isRunning = false;
  #isWanted = false;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(ports: ReconcilerPorts) {
    this.#ports = ports;
    this.#standing = new Standing(ports.clock.now(), ports.told);
  }

  get state(): ConsumerState {
    return this.#standing.state;
  }

  get status(): ConsumerStatus {
    const { deadline, isArmed } = this.#timer;
    return { ...this.#standing.status, nextAttemptAt: isArmed ? deadline : undefined };
  }

  start(): void {
    this.#arm(0);
  }

  /** Something changed; never sooner than a retry that is waited for. */
  changed(): void {
    if (this.#isRunning) this.#isWanted = true;
    else if (this.#failures === 0) this.#arm(SETTLE_MS);
  }

  /** Ends when the pass that runs has ended, or after a second: a proxy that is slow does not hold us up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#ports.timers.disarm(this.#timer);
    this.#ports.timers.disarm(this.#stuckTimer);
    if (this.#isRunning) await Promise.race([this.#running, pause(this.#ports, STOP_MS)]);
  }

  #arm(waitMs: number): void {
    if (this.#isStopped) return;
    const at = after(this.#ports.clock.now(), waitMs);
    if (this.#timer.isArmed && this.#timer.deadline <= at) return;
    this.#ports.timers.arm(this.#timer, at);
  }

  #begin(): void {
    if (this.#isRunning || this.#isStopped) return;
    this.#isRunning = true;
    this.#isWanted = false;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { clock, timers } = this.#ports;
    timers.arm(this.#stuckTimer, after(clock.now(), STUCK_MS));
    let result: PassResult | { readonly error: unknown };
    try {
      result = await this.#ports.pass();
      this.#failures = 0;
    } catch (error) {
      result = { error };
      this.#failures += 1;
    }
    timers.disarm(this.#stuckTimer);
    this.#isRunning = false;
    // A change that came meanwhile does not shorten the pause after a failure.
    const isWanted = this.#isWanted && this.#failures === 0;
    this.#arm(isWanted ? SETTLE_MS : this.#waitAfter(result));
    this.#tell(result);
  }

  #waitAfter(result: PassResult | { readonly error: unknown }): number {
    return 'error' in result
      ? Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), PERIOD_MS)
      : Math.min(result.againMs ?? PERIOD_MS, PERIOD_MS);
  }

  #tell(result: PassResult | { readonly error: unknown }): void {
    const now = this.#ports.clock.now();
    const { isArmed, deadline } = this.#timer;
    const nextAttemptAt = isArmed ? deadline : undefined;
    if ('error' in result) {
      const cause = causeOfError(result.error);
      // What it holds is not known; what was known before still counts.
      const drift = Math.max(this.#standing.status.drift, 1);
      this.#standing.passed({ state: 'failing', cause, drift, nextAttemptAt }, now);
      return;
    }
    const { state, text, code = 'consumer.drifting', drift = 1 } = result;
    this.#standing.passed(
      state === 'inSync'
        ? { state, cause: undefined, drift: 0, nextAttemptAt }
        : { state, cause: consumerCause(code, text), drift, nextAttemptAt },
      now,
    );
  }

  #becomeStuck(): void {
    const { drift } = this.#standing.status;
    const cause = consumerCause('consumer.stuck', '');
    const word = { state: 'failing', cause, drift, nextAttemptAt: undefined } as const;
    this.#standing.become(word, this.#ports.clock.now());
  }
}
