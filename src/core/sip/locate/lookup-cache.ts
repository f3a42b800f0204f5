/**
 * Keeper of what the DNS said. One question in flight per name, however many ask; answers live as long
 * as their TTL says, within limits; failures are remembered shortly; and when the DNS fails, what it
 * said last goes on to be used for a day (RFC 8767), since a dead name server is no reason to lose a
 * registration.
 *
 *   absent --ask--> asking --answer--> fresh --TTL--> expired --ask--> asking (waits for the answer)
 *                     |                                  ^
 *                     +--fault--> failing: the last records if there are any, else the fault
 *                                 (asked again after the negative time, without making anybody wait)
 */
import type { Clock } from '../../base/clock.ts';
import { type Fault, failure, fault, type Result, success } from '../../base/fault.ts';
import { after, elapsedMs, type Instant } from '../../base/instant.ts';
import type { LookupAnswer, LookupPort, LookupQuestion, LookupRecord } from './ports.ts';

export interface LookupLimits {
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  /** How long a failure is believed. */
  readonly negativeMs: number;
  /** How long records are used after their TTL while the DNS fails. */
  readonly staleMs: number;
  /** A question without an answer is asked anew after this; its late answer is not used. */
  readonly questionMs: number;
  readonly maxNames: number;
  /** Records kept of one answer. */
  readonly maxRecords: number;
}

export const LOOKUP_LIMITS: LookupLimits = {
  minTtlMs: 5_000,
  maxTtlMs: 3_600_000,
  negativeMs: 30_000,
  staleMs: 86_400_000,
  questionMs: 10_000,
  maxNames: 10_000,
  maxRecords: 64,
};

/** The same object for as long as the cache gives the same answer: compare by identity. */
export interface CachedRecords {
  readonly records: readonly LookupRecord[];
  readonly freshUntil: Instant;
  /** True when the TTL is over, and the DNS gave nothing newer. */
  readonly isStale: boolean;
}

type Receive = (result: Result<CachedRecords>, askAgainAt: Instant) => void;

interface Entry {
  readonly question: LookupQuestion;
  known: CachedRecords | undefined;
  /** The latest answer was this fault, believed until then. */
  failed: { readonly fault: Fault; readonly until: Instant } | undefined;
  staleUntil: Instant;
  askedAt: Instant | undefined;
  /** Counts questions, so that the answer to an older one is known as late. */
  generation: number;
  waiting: Receive[];
}

export class LookupCache {
  readonly #lookup: LookupPort;
  readonly #clock: Clock;
  readonly #limits: LookupLimits;
  readonly #entries = new Map<string, Entry>();
  #forgotten = 0;
  #lateAnswers = 0;

  constructor(lookup: LookupPort, clock: Clock, limits: LookupLimits) {
    this.#lookup = lookup;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** For metrics: names known, names forgotten since there were too many, answers that came too late. */
  get counts(): { readonly names: number; readonly forgotten: number; readonly late: number } {
    return { names: this.#entries.size, forgotten: this.#forgotten, late: this.#lateAnswers };
  }

  /** `receive` is called before this returns when an answer is at hand. */
  ask(question: LookupQuestion, receive: Receive): void {
    const now = this.#clock.now();
    const entry = this.#entryOf(question);
    const { known, failed } = entry;
    if (known !== undefined && !known.isStale && now < known.freshUntil) {
      receive(success(known), known.freshUntil);
      return;
    }
    if (failed === undefined) {
      entry.waiting.push(receive);
      this.#askIfIdle(entry, now);
      return;
    }
    // The DNS failed just now: nobody waits for it again, but it is asked behind their backs.
    if (now >= failed.until) this.#askIfIdle(entry, now);
    const waitMs = Math.max(elapsedMs(now, failed.until), this.#limits.minTtlMs);
    receive(this.#fallback(entry, failed.fault, now), after(now, waitMs));
  }

  #entryOf(question: LookupQuestion): Entry {
    const key = `${question.kind} ${question.name}`;
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    if (this.#entries.size >= this.#limits.maxNames) this.#forgetOldest();
    const entry: Entry = {
      question,
      known: undefined,
      failed: undefined,
      staleUntil: this.#clock.now(),
      askedAt: undefined,
      generation: 0,
      waiting: [],
    };
    this.#entries.set(key, entry);
    return entry;
  }

  /** The oldest name that nobody waits for; its late answer finds nobody, and harms nobody. */
  #forgetOldest(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.waiting.length > 0) continue;
      this.#entries.delete(key);
      this.#forgotten += 1;
      return;
    }
  }

  #askIfIdle(entry: Entry, now: Instant): void {
    if (entry.askedAt !== undefined && now < after(entry.askedAt, this.#limits.questionMs)) return;
    entry.askedAt = now;
    entry.generation += 1;
    const { generation } = entry;
    this.#lookup.ask(entry.question, (result) => this.#answered(entry, generation, result));
  }

  #answered(entry: Entry, generation: number, result: Result<LookupAnswer>): void {
    if (entry.generation !== generation || entry.askedAt === undefined) {
      this.#lateAnswers += 1;
      return;
    }
    const now = this.#clock.now();
    entry.askedAt = undefined;
    const outcome = this.#take(entry, result, now);
    const { waiting } = entry;
    entry.waiting = [];
    const askAgainAt = entry.failed?.until ?? entry.known?.freshUntil ?? now;
    for (const receive of waiting) receive(outcome, askAgainAt);
  }

  /** An answer without records is as good as none. */
  #take(entry: Entry, result: Result<LookupAnswer>, now: Instant): Result<CachedRecords> {
    if (!result.ok) return this.#miss(entry, result.fault, now);
    if (result.value.records.length > 0) return this.#learn(entry, result.value, now);
    const text = `The name ${entry.question.name} has no record of the kind that was asked for.`;
    return this.#miss(entry, fault('dns.notFound', 'config', text), now);
  }

  #learn(entry: Entry, answer: LookupAnswer, now: Instant): Result<CachedRecords> {
    const { minTtlMs, maxTtlMs, staleMs, maxRecords } = this.#limits;
    const ttlMs = Math.min(Math.max(answer.ttlSec * 1000, minTtlMs), maxTtlMs);
    const freshUntil = after(now, ttlMs);
    entry.known = { records: answer.records.slice(0, maxRecords), freshUntil, isStale: false };
    entry.staleUntil = after(freshUntil, staleMs);
    entry.failed = undefined;
    return success(entry.known);
  }

  #miss(entry: Entry, reason: Fault, now: Instant): Result<CachedRecords> {
    entry.failed = { fault: reason, until: after(now, this.#limits.negativeMs) };
    return this.#fallback(entry, reason, now);
  }

  #fallback(entry: Entry, reason: Fault, now: Instant): Result<CachedRecords> {
    if (entry.known === undefined || now >= entry.staleUntil) {
      entry.known = undefined;
      return failure(reason);
    }
    if (!entry.known.isStale) entry.known = { ...entry.known, isStale: true };
    return success(entry.known);
  }
}
