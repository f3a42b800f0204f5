/** What operators command: register now, off and on, let go, ask for the bindings. */
import type { TimerQueue } from '../base/timer-queue.ts';
import { type Entry, setTrait, TRAIT } from './entry.ts';
import type { Input } from './machine-state.ts';
import { endOverride, type Order, overrideWith, whyOff } from './override.ts';
import type { FetchedBindings, Queries } from './queries.ts';

/** What the keeper does for it. */
export interface OrderHost {
  readonly timers: TimerQueue;
  readonly queries: Queries;
  /** Itself, or its legs; none when it is unknown. */
  entriesOf(id: string): readonly Entry[];
  feed(entry: Entry, input: Input): void;
  /** Switches it on or off as it may be now. */
  follow(entry: Entry): void;
}

export class Orders {
  readonly #host: OrderHost;

  constructor(host: OrderHost) {
    this.#host = host;
  }

  registerNow(id: string): boolean {
    for (const entry of this.#host.entriesOf(id)) this.#liftLight(entry);
    const kept = this.#host.entriesOf(id).filter(isKept);
    for (const entry of kept) {
      const isUnderWay = entry.place === 'exchange' && entry.rare?.query === undefined;
      if (isUnderWay) continue;
      setTrait(entry, TRAIT.forced, true);
      this.#host.feed(entry, { kind: 'urge', isFresh: true });
    }
    return kept.length > 0;
  }

  /** Over the configuration: drain and off both unregister. */
  order(id: string, order: Order): boolean {
    const entries = this.#host.entriesOf(id).filter(({ fate }) => fate !== 'leave');
    for (const entry of entries) this.#order(entry, order);
    return entries.length > 0;
  }

  /**
   * Lets go of it without sending anything: a binding that it may have stays, or runs out. It is off
   * until it is registered again, its configured `admin` changes, or trunkd starts again; one that was on
   * its way out is gone at once.
   */
  forget(id: string, reason: string): boolean {
    const entries = [...this.#host.entriesOf(id)];
    const order = { command: 'forget', reason, until: undefined } as const;
    for (const entry of entries) {
      if (entry.fate === 'stay') this.#order(entry, order);
      else this.#host.feed(entry, { kind: 'forget', cause: undefined });
    }
    return entries.length > 0;
  }

  /** Asks which bindings its registrar holds, for each leg; `receive` is called once. */
  fetchBindings(id: string, receive: (answers: readonly FetchedBindings[]) => void): boolean {
    const entries = [...this.#host.entriesOf(id)];
    const answers: FetchedBindings[] = [];
    for (const entry of entries) {
      this.#host.queries.ask(entry, (answer) => {
        answers.push({ leg: entry.spec.id, answer });
        if (answers.length === entries.length) receive(answers);
      });
    }
    return entries.length > 0;
  }

  #order(entry: Entry, order: Order): void {
    const { timers } = this.#host;
    const isAsConfigured = order.command === 'up' && entry.spec.profile.admin === 'up';
    if (isAsConfigured) endOverride(entry, timers);
    else overrideWith(entry, order, timers, () => this.#host.follow(entry));
    if (order.command === 'forget') {
      this.#host.feed(entry, { kind: 'forget', cause: whyOff(entry) });
    } else {
      this.#host.follow(entry);
    }
  }

  /** What `unregister` and `forget` switched off is switched on again by the next wish to register. */
  #liftLight(entry: Entry): void {
    const command = entry.rare?.override?.command;
    if (command !== 'unregister' && command !== 'forget') return;
    endOverride(entry, this.#host.timers);
    this.#host.follow(entry);
  }
}

/** It is to be registered, and nothing is being removed. */
export function isKept({ state }: Entry): boolean {
  return state.name !== 'off' && state.name !== 'unregistering';
}
