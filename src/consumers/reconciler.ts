/**
 * Keeper of when a consumer is brought in line: soon after a verdict changed, every 20 s whatever happens, and
 * after a failure with growing pauses. One pass at a time; a pass that is asked for while one runs follows it.
 *
 *   changed --(100 ms)--> pass --inSync, drifting--> after 20 s, or when it says so
 *                           |--failed--> after 1 s, 2 s, 4 s ... 20 s
 */
import type { Clock } from '../core/base/clock.ts';
import { after } from '../core/base/instant.ts';
import { Timer, type TimerQueue } from '../core/base/timer-queue.ts';
import { pause } from './pause.ts';
import type { ConsumerState } from './ports.ts';

const PERIOD_MS = 20_000;
/** So that what changes together is told together. */
const SETTLE_MS = 100;
const FIRST_RETRY_MS = 1_000;
const STOP_MS = 1_000;

export interface PassResult {
  readonly state: Exclude<ConsumerState, 'failing'>;
  /** What is not as it should be; empty when all is. */
  readonly text: string;
  /** When to look again, where that is before the next regular pass. */
  readonly againMs?: number | undefined;
}

export interface ReconcilerPorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  /** Rejects when the consumer cannot be reached, or answers nonsense; has to end by itself. */
  readonly pass: () => Promise<PassResult>;
  readonly told: (from: ConsumerState, state: ConsumerState, text: string) => void;
}

export class Reconciler {
  readonly #ports: ReconcilerPorts;
  readonly #timer = new Timer(() => this.#begin());
  #state: ConsumerState = 'starting';
  #failures = 0;
  #isRunning = false;
  #isWanted = false;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(ports: ReconcilerPorts) {
    this.#ports = ports;
  }

  get state(): ConsumerState {
    return this.#state;
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
    let waitMs = PERIOD_MS;
    try {
      const { state, text, againMs } = await this.#ports.pass();
      this.#failures = 0;
      this.#become(state, text);
      waitMs = Math.min(againMs ?? PERIOD_MS, PERIOD_MS);
    } catch (error) {
      waitMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, PERIOD_MS);
      this.#failures += 1;
      this.#become('failing', error instanceof Error ? error.message : String(error));
    }
    this.#isRunning = false;
    this.#arm(this.#isWanted && this.#failures === 0 ? SETTLE_MS : waitMs);
  }

  #become(state: ConsumerState, text: string): void {
    const from = this.#state;
    this.#state = state;
    if (from !== state) this.#ports.told(from, state, text);
  }
}
