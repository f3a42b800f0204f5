/**
 * States that the proxy's own script has set (`ds_mark_dst`), told from ours. Pure bookkeeping: what we told and
 * saw held, and is another state now, was changed by the proxy; that stands for 30 s, as an observation, unless
 * our own word changes meanwhile. So does a state that it never holds though it was told again and again.
 */
import { after, type Instant } from '../core/base/instant.ts';
import type { DestinationState } from './destinations.ts';

const KEPT_MS = 30_000;
/** Somebody else who sets another one each time would be fought ten times a second. */
const MOST_IN_VAIN = 3;

interface Told {
  readonly state: DestinationState;
  /** When its other state was first seen; undefined: it is held. */
  foreignSince: Instant | undefined;
}

/** `set`: tell it our word; `observed`: leave it, it is new; `kept`: leave it, it is known. */
export type StateStep = 'held' | 'set' | 'observed' | 'kept';

export class ForeignStates {
  readonly #told = new Map<string, Told>();
  /** What was sent and not seen held since. */
  readonly #sent = new Map<string, { readonly state: DestinationState; readonly times: number }>();

  /** Everything that we told may be gone: the proxy was restarted, or its list reloaded. */
  forget(): void {
    this.#told.clear();
    this.#sent.clear();
  }

  /** Only what is there is remembered. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#told.keys()) if (!keys.has(key)) this.#told.delete(key);
    for (const key of this.#sent.keys()) if (!keys.has(key)) this.#sent.delete(key);
  }

  step(key: string, wanted: DestinationState, held: string, now: Instant): StateStep {
    if (held === wanted) {
      this.#told.set(key, { state: wanted, foreignSince: undefined });
      this.#sent.delete(key);
      return 'held';
    }
    const told = this.#told.get(key);
    if (told?.state !== wanted) return this.#set(key, wanted, now);
    if (told.foreignSince === undefined) {
      told.foreignSince = now;
      return 'observed';
    }
    return after(told.foreignSince, KEPT_MS) > now ? 'kept' : this.#set(key, wanted, now);
  }

  /** Until it is seen held, nothing that differs is anybody else's doing: our own word may have changed twice. */
  #set(key: string, wanted: DestinationState, now: Instant): StateStep {
    const sent = this.#sent.get(key);
    if (sent?.state === wanted && sent.times >= MOST_IN_VAIN) {
      this.#sent.delete(key);
      this.#told.set(key, { state: wanted, foreignSince: now });
      return 'observed';
    }
    this.#told.delete(key);
    return 'set';
  }

  /** For each `set` that was carried out. */
  sent(key: string, state: DestinationState): void {
    const before = this.#sent.get(key);
    this.#sent.set(key, { state, times: before?.state === state ? before.times + 1 : 1 });
  }

  /** When the first of the kept ones has been kept for long enough. */
  nextAt(): Instant | undefined {
    let next: Instant | undefined;
    for (const { foreignSince } of this.#told.values()) {
      if (foreignSince === undefined) continue;
      const at = after(foreignSince, KEPT_MS);
      if (next === undefined || at < next) next = at;
    }
    return next;
  }
}
