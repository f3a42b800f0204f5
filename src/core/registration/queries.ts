/**
 * Asks a registrar which bindings it holds: a REGISTER without Contact (RFC 3261 section 10.2.3). It
 * goes the way of any try (gate, pacer, target), with the Call-ID and the next CSeq of the
 * registration, and only while no other request of it is under way (section 10.2). It changes no state;
 * if our binding turns out to be lost, the caller is told.
 */
import type { Cause } from '../base/cause.ts';
import { after, type Instant } from '../base/instant.ts';
import { Timer, type TimerQueue } from '../base/timer-queue.ts';
import type { ExchangeOutcome } from '../sip/user-agent/ports.ts';
import { type ListedBinding, listedBindings, type OwnMarks } from './binding.ts';
import { cause, causeOfFault } from './causes.ts';
import { type Entry, rareOf, setTrait, TRAIT, targetName } from './entry.ts';

/** What became of one question. */
export type BindingsAnswer =
  | { readonly ok: true; readonly target: string; readonly bindings: readonly ListedBinding[] }
  | { readonly ok: false; readonly target: string | undefined; readonly cause: Cause };

export interface FetchedBindings {
  /** Id of the leg; that of the registration where it has only one binding. */
  readonly leg: string;
  readonly answer: BindingsAnswer;
}

export interface Query {
  readonly receive: (answer: BindingsAnswer) => void;
  readonly timer: Timer;
}

/** With less, a question that nobody answers would cost the refresh its time. */
const LEAST_AUDITED_SEC = 120;

/** Longer than an exchange with a challenge takes; a dead target is not waited for. */
const LIMIT_MS = 15_000;

/** Only what is found out counts: a lost binding is told and made again. */
export const NOBODY: Query['receive'] = () => {};

/** Is the registrar to be asked first what it holds, before this refresh? Remembers that it was. */
export function isAuditDue(entry: Entry, now: Instant): boolean {
  const { auditMs } = entry.spec.profile;
  if (auditMs === undefined || entry.state.name !== 'registered') return false;
  if (entry.state.grantedSec < LEAST_AUDITED_SEC) return false;
  const rare = rareOf(entry);
  if (rare.auditedAt >= 0 && now - rare.auditedAt < auditMs) return false;
  rare.auditedAt = now;
  return true;
}

export interface QueryUser {
  readonly timers: TimerQueue;
  now(): Instant;
  begin(entry: Entry): void;
  cancel(entry: Entry): void;
  marksOf(entry: Entry): OwnMarks;
  /** The question is over: its own next step counts again. */
  rest(entry: Entry): void;
  /** The registrar does not hold the binding that we count on. */
  lost(entry: Entry): void;
}

export class Queries {
  readonly #user: QueryUser;

  constructor(user: QueryUser) {
    this.#user = user;
  }

  /** `receive` is called once; at once where a request is under way already. */
  ask(entry: Entry, receive: (answer: BindingsAnswer) => void): void {
    const isIdle = entry.place === 'timer' || entry.place === 'nowhere';
    if (!isIdle || entry.state.isTrying) {
      receive(unanswered(entry, BUSY));
      return;
    }
    const timer = new Timer(() => this.abort(entry, SILENT));
    this.#user.timers.arm(timer, after(this.#user.now(), LIMIT_MS));
    rareOf(entry).query = { receive, timer };
    // Its next try waits for the answer, the end of its binding does not.
    this.#user.rest(entry);
    setTrait(entry, TRAIT.forced, true);
    this.#user.begin(entry);
  }

  ended(entry: Entry, outcome: ExchangeOutcome): void {
    const query = this.#take(entry);
    if (query === undefined) return;
    const answer = this.#answerOf(entry, outcome);
    this.#user.rest(entry);
    const isBound = entry.state.boundUntil !== undefined;
    if (answer.ok && isBound && !answer.bindings.some(({ isOurs }) => isOurs))
      this.#user.lost(entry);
    query.receive(answer);
  }

  /** Something more important is to be sent, or nobody answers. */
  abort(entry: Entry, why: Cause = INTERRUPTED): void {
    const query = this.#take(entry);
    if (query === undefined) return;
    this.#user.cancel(entry);
    this.#user.rest(entry);
    query.receive(unanswered(entry, why));
  }

  #take(entry: Entry): Query | undefined {
    const query = entry.rare?.query;
    if (entry.rare === undefined || query === undefined) return undefined;
    entry.rare.query = undefined;
    setTrait(entry, TRAIT.forced, false);
    this.#user.timers.disarm(query.timer);
    return query;
  }

  #answerOf(entry: Entry, outcome: ExchangeOutcome): BindingsAnswer {
    const target = targetName(entry);
    if (outcome.kind === 'failed') return unanswered(entry, causeOfFault(outcome.fault, target));
    const { status, response } = outcome;
    if (status < 300) {
      const bindings = listedBindings(response, this.#user.marksOf(entry));
      return { ok: true, target, bindings };
    }
    const text = `${target} answered ${status} to a REGISTER without Contact.`;
    return unanswered(entry, cause('registration.notListed', 'peer', 'Nothing changes.', text));
  }
}

function unanswered({ gate }: Entry, why: Cause): BindingsAnswer {
  return { ok: false, target: gate?.key, cause: why };
}

const BUSY: Cause = cause(
  'registration.notListed',
  'local',
  'Ask again in a moment.',
  'A request of the registration is under way, or waits for its turn.',
);

const INTERRUPTED: Cause = cause(
  'registration.notListed',
  'local',
  'Ask again in a moment.',
  'Another request of the registration had to be sent.',
);

const SILENT: Cause = cause(
  'registration.notListed',
  'peer',
  'Nothing changes.',
  'The registrar did not answer in time.',
);
