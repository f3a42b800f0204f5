/**
 * Keeper of RFC 3263: turns a hop as configured into targets. IP literals are answered at once and for
 * ever; names go through the plan's steps, each question through the cache. Equal hops get the same
 * array of targets again while nothing changed, so that callers can compare by identity.
 */
import type { Clock } from '../../base/clock.ts';
import { type Fault, type Result, success } from '../../base/fault.ts';
import type { Instant } from '../../base/instant.ts';
import {
  type CachedRecords,
  LOOKUP_LIMITS,
  LookupCache,
  type LookupLimits,
} from './lookup-cache.ts';
import { firstStep, type LocateStep, nextStep } from './plan.ts';
import type { Locator, LookupPort } from './ports.ts';
import type { NextHop, Target } from './target.ts';

/** Addresses of one name that are tried; an answer may hold thousands. */
const MAX_TARGETS = 16;

type Located = Result<readonly Target[], Fault>;
type Receive = (result: Located, freshUntil?: Instant) => void;
type Ask = LocateStep & { readonly kind: 'ask' };

/** What the plan says of one hop, and the last records with the targets that they made. */
interface Memory {
  readonly step: LocateStep;
  records: CachedRecords['records'] | undefined;
  located: Located | undefined;
}

export class HopLocator implements Locator {
  readonly #cache: LookupCache;
  /** By identity of the hop: specs share their hops, and drop them at a reload. */
  readonly #memories = new WeakMap<NextHop, Memory>();

  constructor(lookup: LookupPort, clock: Clock, limits: LookupLimits = LOOKUP_LIMITS) {
    this.#cache = new LookupCache(lookup, clock, limits);
  }

  /** For metrics: names known, names forgotten since there were too many, answers that came too late. */
  get counts(): { readonly names: number; readonly forgotten: number; readonly late: number } {
    return this.#cache.counts;
  }

  /** Faults: `dns.notFound`, `dns.failed`, `dns.timeout`, when there is not even an old answer. */
  locate(hop: NextHop, receive: Receive): void {
    const memory = this.#memoryOf(hop);
    const { step } = memory;
    if (step.kind === 'ask') {
      this.#follow(step, memory, receive);
      return;
    }
    memory.located ??= success(step.targets);
    receive(memory.located);
  }

  #memoryOf(hop: NextHop): Memory {
    const known = this.#memories.get(hop);
    if (known !== undefined) return known;
    const memory: Memory = { step: firstStep(hop), records: undefined, located: undefined };
    this.#memories.set(hop, memory);
    return memory;
  }

  #follow(step: Ask, memory: Memory, receive: Receive): void {
    this.#cache.ask(step.question, (result, askAgainAt) => {
      if (!result.ok) {
        receive(result, askAgainAt);
        return;
      }
      const { records } = result.value;
      if (memory.records === records && memory.located !== undefined) {
        receive(memory.located, askAgainAt);
        return;
      }
      const next = nextStep(step, records, MAX_TARGETS);
      if (!next.ok) {
        receive(next, askAgainAt);
        return;
      }
      if (next.value.kind === 'ask') {
        this.#follow(next.value, memory, receive);
        return;
      }
      memory.records = records;
      memory.located = success(next.value.targets);
      receive(memory.located, askAgainAt);
    });
  }
}
