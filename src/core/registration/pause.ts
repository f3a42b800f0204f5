/**
 * An operator has all registrations rest: bindings stay as they are, and no REGISTER leaves until `resume`, or
 * until the time is over. Whoever comes due waits before its registrar (lockout-guard.ts). What somebody asks for by
 * itself still goes: a registration that is to register now, a removal, a question.
 */
import type { Cause } from '../base/cause.ts';
import type { Instant } from '../base/instant.ts';
import { Timer, type TimerQueue } from '../base/timer-queue.ts';
import { cause } from './causes.ts';

export interface PauseOrder {
  /** For people; empty: none was given. */
  readonly reason: string;
  /** Who gave it, for people. */
  readonly by: string;
  readonly since: Instant;
  /** When it ends by itself; undefined: never. */
  readonly until: Instant | undefined;
}

export interface ToldPause extends PauseOrder {
  readonly cause: Cause;
}

export class Pause {
  readonly #timers: TimerQueue;
  readonly #changed: (order: PauseOrder | undefined) => void;
  readonly #timer = new Timer(() => this.end());
  #order: PauseOrder | undefined;
  #why: Cause | undefined;

  /** `changed` is told of each begin (or another order) and each end. */
  constructor(timers: TimerQueue, changed: (order: PauseOrder | undefined) => void) {
    this.#timers = timers;
    this.#changed = changed;
  }

  get isOn(): boolean {
    return this.#order !== undefined;
  }

  /** For observers. */
  get told(): ToldPause | undefined {
    const [order, why] = [this.#order, this.#why];
    return order === undefined || why === undefined ? undefined : { ...order, cause: why };
  }

  get until(): Instant | undefined {
    return this.#order?.until;
  }

  /** Why registrations wait; undefined while they do not. */
  get why(): Cause | undefined {
    return this.#why;
  }

  begin(order: PauseOrder): void {
    this.#order = order;
    this.#why = causeOfPause(order);
    this.#timers.disarm(this.#timer);
    if (order.until !== undefined) this.#timers.arm(this.#timer, order.until);
    this.#changed(order);
  }

  /** Those who wait follow in turn; does nothing where there is no pause. */
  end(): void {
    this.#timers.disarm(this.#timer);
    if (this.#order === undefined) return;
    this.#order = undefined;
    this.#why = undefined;
    this.#changed(undefined);
  }
}

function causeOfPause({ reason, until }: PauseOrder): Cause {
  const text = `An operator paused all registrations${reason === '' ? '' : `: ${reason}`}.`;
  const end = until === undefined ? '' : ', or its time is over';
  return cause('registration.paused', 'operator', `Nothing is sent until \`resume\`${end}.`, text);
}
