/**
 * Keeper of what the DNS said, question by question. One question in flight per name, however many ask;
 * answers live as long as their TTL says, within limits; that there is nothing is believed as long as the
 * SOA record says (RFC 2308), failures are remembered shortly; and when the DNS fails, what it said last
 * goes on to be used for a day (RFC 8767), since a dead name server is no reason to lose a registration.
 *
 *   absent --ask--> asking --records, none--> fresh --TTL--> expired --ask--> asking
 *                     |                                         ^
 *                     +--fault--> failing: the last records if there are any, else the fault
 */
import type { Clock } from '../../base/clock.ts';
import { type Fault, fault, type Result } from '../../base/fault.ts';
import { after, type Instant } from '../../base/instant.ts';
import type { Recalled } from './plan.ts';
import type { LookupAnswer, LookupPort, LookupQuestion, LookupRecord } from './ports.ts';

export interface LookupLimits {
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  /** How long a failure is believed, and at most that there is nothing. */
  readonly negativeMs: number;
  /** How long records are used after their TTL while the DNS fails. */
  readonly staleMs: number;
  /** A question without an answer is asked anew after this; its late answer is not used. */
  readonly questionMs: number;
  /** For one hop with all its questions. */
  readonly wholeMs: number;
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
  wholeMs: 6_000,
  maxNames: 10_000,
  maxRecords: 64,
};

/** What a question is known to be answered with. */
export interface Remembered extends Recalled {
  /** When it has to be asked again. */
  readonly until: Instant;
  /** Positive and within its TTL: nobody may go on with it beyond that without asking. */
  readonly isFirm: boolean;
}

interface Entry {
  readonly question: LookupQuestion;
  known: Remembered | undefined;
  /** The last records that there were, and until when they may stand in. */
  lastRecords: readonly LookupRecord[];
  staleUntil: Instant;
  askedAt: Instant | undefined;
  /** Counts questions, so that the answer to an older one is known as late. */
  generation: number;
  waiting: (() => void)[];
}

const NONE: readonly LookupRecord[] = [];
const OVERDUE: Fault = fault('dns.timeout', 'network');

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

  /** What is known now; undefined when it has to be asked (again). */
  recall(question: LookupQuestion): Remembered | undefined {
    const known = this.#entries.get(keyOf(question))?.known;
    return known !== undefined && this.#clock.now() < known.until ? known : undefined;
  }

  /** What has to do where no answer came in time. */
  fallback(question: LookupQuestion): Remembered {
    return this.#withoutAnswer(this.#entries.get(keyOf(question)), OVERDUE);
  }

  /** `done` is called later, when `recall` knows more. */
  ask(question: LookupQuestion, done: () => void): void {
    const entry = this.#entryOf(question);
    entry.waiting.push(done);
    this.#askIfIdle(entry, this.#clock.now());
  }

  /** trunkd did not run for that long: what is known is older by that. */
  aged(ms: number): void {
    for (const entry of this.#entries.values()) {
      const { known } = entry;
      if (known !== undefined) entry.known = { ...known, until: after(known.until, -ms) };
      entry.staleUntil = after(entry.staleUntil, -ms);
    }
  }

  #entryOf(question: LookupQuestion): Entry {
    const key = keyOf(question);
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    if (this.#entries.size >= this.#limits.maxNames) this.#forgetOldest();
    const entry: Entry = {
      question,
      known: undefined,
      lastRecords: NONE,
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
    entry.askedAt = undefined;
    if (result.ok) this.#learn(entry, result.value);
    else entry.known = this.#withoutAnswer(entry, result.fault);
    const { waiting } = entry;
    entry.waiting = [];
    for (const done of waiting) done();
  }

  #learn(entry: Entry, answer: LookupAnswer): void {
    const now = this.#clock.now();
    const { minTtlMs, maxTtlMs, negativeMs, staleMs, maxRecords } = this.#limits;
    const isNone = answer.records.length === 0;
    const longestMs = isNone ? negativeMs : maxTtlMs;
    const until = after(now, Math.min(Math.max(answer.ttlSec * 1000, minTtlMs), longestMs));
    const records = answer.records.slice(0, maxRecords);
    entry.known = { records, fault: undefined, until, isFirm: !isNone };
    entry.lastRecords = records;
    entry.staleUntil = after(until, staleMs);
    for (const extra of answer.extras ?? []) {
      // A bonus: it never takes the place of what was asked for itself.
      if (this.recall(extra.question) === undefined) {
        this.#learn(this.#entryOf(extra.question), { ...extra.answer, extras: [] });
      }
    }
  }

  /** The last records, as long as they may stand in; else why there are none. */
  #withoutAnswer(entry: Entry | undefined, reason: Fault): Remembered {
    const now = this.#clock.now();
    const records = entry !== undefined && now < entry.staleUntil ? entry.lastRecords : NONE;
    const until = after(now, this.#limits.negativeMs);
    return { records, fault: records.length > 0 ? undefined : reason, until, isFirm: false };
  }
}

function keyOf({ kind, name }: LookupQuestion): string {
  return `${kind} ${name}`;
}
