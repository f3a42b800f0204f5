/**
 * Keeper of RFC 3263: turns a hop as configured into targets. IP literals are answered at once and for
 * ever; names go through the plan, each question through the cache. While nothing has changed, everybody
 * gets the same array again: callers compare by identity.
 *
 * Answers whose TTL is over are asked for again before they are used. What is no positive answer
 * (nothing there, name server silent) is asked again behind everybody's back, as long as there are
 * targets to go on with. When nothing is found any more, the last targets serve for a day.
 */
import { putNewest } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { type Fault, type Result, success } from '../../base/fault.ts';
import { after, earlier, type Instant } from '../../base/instant.ts';
import { Timer, type TimerQueue } from '../../base/timer-queue.ts';
import { LOOKUP_LIMITS, LookupCache, type LookupLimits } from './lookup-cache.ts';
import { type Plan, planTargets, type Recalled } from './plan.ts';
import type { Locator, LookupPort, LookupQuestion, WaysOut } from './ports.ts';
import { hopKey, isSameTarget, type NextHop, type Target } from './target.ts';

/** Rounds of questions for one hop: NAPTR, SRV and addresses need three. */
const MAX_ROUNDS = 8;

type Located = Result<readonly Target[], Fault>;
type Receive = (result: Located, freshUntil?: Instant) => void;

export interface LocatorPorts {
  readonly lookup: LookupPort;
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly ways: WaysOut;
}

/** What is known of one hop. */
interface Memory {
  readonly hop: NextHop;
  located: Located | undefined;
  /** When it is asked again; undefined: never. */
  until: Instant | undefined;
  /** Until then it is used while it is asked again; undefined: for ever. */
  firmUntil: Instant | undefined;
  /** The last targets that were found may stand in for no targets at all until then. */
  staleUntil: Instant | undefined;
  waiting: Receive[];
  /** Under way: its round, and the limit of the whole. */
  search: Search | undefined;
}

interface Search {
  round: number;
  open: number;
  isOver: boolean;
  readonly limit: Timer;
}

export class HopLocator implements Locator {
  readonly #cache: LookupCache;
  readonly #clock: Clock;
  readonly #timers: TimerQueue;
  readonly #ways: WaysOut;
  readonly #limits: LookupLimits;
  /** By identity: specs share their hops. */
  readonly #byHop = new WeakMap<NextHop, Memory>();
  /** A reload makes new hops of the same kind. */
  readonly #byKey = new Map<string, Memory>();

  constructor(ports: LocatorPorts, limits: LookupLimits = LOOKUP_LIMITS) {
    this.#cache = new LookupCache(ports.lookup, ports.clock, limits);
    this.#clock = ports.clock;
    this.#timers = ports.timers;
    this.#ways = ports.ways;
    this.#limits = limits;
  }

  /** For metrics: names known, names forgotten since there were too many, answers that came too late. */
  get counts(): { readonly names: number; readonly forgotten: number; readonly late: number } {
    return this.#cache.counts;
  }

  /** Faults: `dns.notFound`, `dns.failed`, `dns.timeout`, when there is not even an old answer. */
  locate(hop: NextHop, receive: Receive): void {
    const memory = this.#memoryOf(hop);
    const { located, until, firmUntil } = memory;
    if (located !== undefined) {
      const now = this.#clock.now();
      const isFresh = until === undefined || now < until;
      if (isFresh || (located.ok && (firmUntil === undefined || now < firmUntil))) {
        if (!isFresh) this.#search(memory);
        receive(located, isFresh ? until : after(now, this.#limits.minTtlMs));
        return;
      }
    }
    memory.waiting.push(receive);
    this.#search(memory);
  }

  /** trunkd did not run for that long: what is known is older by that. */
  aged(ms: number): void {
    this.#cache.aged(ms);
    const older = (at: Instant | undefined) => at && after(at, -ms);
    for (const memory of this.#byKey.values()) {
      memory.until = older(memory.until);
      memory.firmUntil = older(memory.firmUntil);
      memory.staleUntil = older(memory.staleUntil);
    }
  }

  #memoryOf(hop: NextHop): Memory {
    const known = this.#byHop.get(hop);
    if (known !== undefined) return known;
    const key = hopKey(hop);
    let memory = this.#byKey.get(key);
    if (memory === undefined) {
      memory = {
        ...{ hop, located: undefined, until: undefined, firmUntil: undefined },
        ...{ staleUntil: undefined, waiting: [], search: undefined },
      };
      // Whoever still has its hop keeps the one that is forgotten; only a new hop of the same kind begins anew.
      putNewest(this.#byKey, key, memory, this.#limits.maxNames);
    }
    this.#byHop.set(hop, memory);
    return memory;
  }

  #search(memory: Memory): void {
    if (memory.search !== undefined) return;
    const limit = new Timer(() => this.#step(memory, search, true));
    const search: Search = { round: 0, open: 0, isOver: false, limit };
    memory.search = search;
    this.#step(memory, search, false);
  }

  /** Looks how far the answers go; with `isLate` what is missing counts as unanswered. */
  #step(memory: Memory, search: Search, isLate: boolean): void {
    if (search.isOver) return;
    const used: Used = { until: undefined, firmUntil: undefined };
    const plan = this.#plan(memory.hop, used, isLate || search.round >= MAX_ROUNDS);
    if (plan.kind === 'done') {
      search.isOver = true;
      this.#timers.disarm(search.limit);
      memory.search = undefined;
      this.#conclude(memory, plan.result, used);
      return;
    }
    search.round += 1;
    search.open = plan.questions.length;
    if (!search.limit.isArmed) {
      this.#timers.arm(search.limit, after(this.#clock.now(), this.#limits.wholeMs));
    }
    const { round } = search;
    for (const question of plan.questions) {
      this.#cache.ask(question, () => {
        if (search.isOver || search.round !== round) return;
        search.open -= 1;
        if (search.open === 0) this.#step(memory, search, false);
      });
    }
  }

  #plan(hop: NextHop, used: Used, isLast: boolean): Plan {
    return planTargets(hop, this.#ways, (question: LookupQuestion): Recalled | undefined => {
      const known =
        this.#cache.recall(question) ?? (isLast ? this.#cache.fallback(question) : undefined);
      if (known === undefined) return undefined;
      used.until = used.until === undefined ? known.until : earlier(used.until, known.until);
      if (known.isFirm) {
        const { firmUntil } = used;
        used.firmUntil = firmUntil === undefined ? known.until : earlier(firmUntil, known.until);
      }
      return known;
    });
  }

  #conclude(memory: Memory, result: Located, used: Used): void {
    const { located, staleUntil } = memory;
    const now = this.#clock.now();
    const isStandIn =
      !result.ok && located?.ok === true && staleUntil !== undefined && now < staleUntil;
    memory.until = used.until;
    if (result.ok) {
      const isSame = located?.ok === true && areSame(located.value, result.value);
      memory.located = isSame ? located : success(result.value);
      memory.firmUntil = used.firmUntil;
      // Only an answer of these days begins the day anew.
      if (used.firmUntil !== undefined) memory.staleUntil = after(now, this.#limits.staleMs);
    } else if (isStandIn) {
      memory.firmUntil = undefined;
    } else {
      memory.located = result;
      memory.staleUntil = undefined;
    }
    const { waiting } = memory;
    memory.waiting = [];
    const told = memory.located ?? result;
    for (const receive of waiting) receive(told, memory.until);
  }
}

interface Used {
  until: Instant | undefined;
  firmUntil: Instant | undefined;
}

/** The same targets with the same standing; name servers turn the order of their answers. */
function areSame(a: readonly Target[], b: readonly Target[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((one) => {
    const other = b.find((candidate) => isSameTarget(candidate, one));
    return (
      other !== undefined &&
      other.standing?.rank === one.standing?.rank &&
      other.standing?.weight === one.standing?.weight
    );
  });
}
