/**
 * Keeps a registrar from locking us out, and us from hammering a registrar that lost its user
 * table (design.md 6). One guard for each registrar.
 *
 *          5 refused in a row and 20 % of all, no success for a minute     +---------+
 *   +------+ ------------------------------------------------------------> | lockout |
 *   | free |          20 that worked today refused within 60 s             +---------+
 *   |      | -----------------------------------> +-------+                     |
 *   +------+ <----------- any success ----------- | fault | <-------------------+
 *                                                 +-------+    (the same 20)
 *
 * While it is not free, one canary at a time, each time another one, tries its luck: in lockout after
 * 60 s, 5 min, then every 30 min; at fault every 3 minutes. The others wait in line here. In lockout a
 * living binding is never delayed, since its account may be a good one; at fault everybody waits, for
 * three minutes at most after the repair: what worked today is refused to all.
 *
 * In the same line everybody waits while an operator has all registrations rest (pause.ts).
 */
import type { Cause } from '../base/cause.ts';
import type { Clock } from '../base/clock.ts';
import { Heap } from '../base/heap.ts';
import { after, elapsedMs, type Instant } from '../base/instant.ts';
import { Timer, type TimerQueue } from '../base/timer-queue.ts';
import { REJECTED_LADDER_MS } from './backoff.ts';
import { Canary } from './canary.ts';
import { guardLifted, lockoutThreatens, registrarAtFault } from './causes.ts';
import { type Entry, goesBefore, hasTrait, TRAIT } from './entry.ts';
import type { Pause } from './pause.ts';

const LOCKOUT_LEAST = 5;
const LOCKOUT_SHARE = 0.2;
const LOCKOUT_QUIET_MS = 60_000;
const FAULT_LEAST = 20;
const FAULT_WITHIN_MS = 60_000;
const FAULT_CANARY_MS = 180_000;
const TODAY_MS = 86_400_000;

/** Whose attempts the guard lets through. */
export interface GuardUser {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly pause: Pause;
  /** It goes on to its target. */
  passed(entry: Entry): void;
  /** It waits in line here. */
  held(entry: Entry, why: Cause): void;
  /** It was refused lately and perhaps rests on its own timer: it shall ask for its next try now. */
  summon(entry: Entry): void;
  noticed(entry: Entry, why: Cause): void;
}

export class LockoutGuard {
  readonly #key: string;
  readonly #user: GuardUser;
  readonly #line = new Heap<Entry>(goesBefore);
  readonly #timer: Timer;
  #mode: 'free' | 'lockout' | 'fault' = 'free';
  #why: Cause | undefined;
  /** Refused since the last success. */
  readonly #refused = new Set<Entry>();
  /** When the last ones were refused that worked today, oldest first. */
  #fell: Instant[] = [];
  #succeededAt: Instant | undefined;
  readonly #canary: Canary;
  #arrivals = 0;

  constructor(key: string, user: GuardUser) {
    this.#key = key;
    this.#user = user;
    this.#canary = new Canary(user.clock.now());
    this.#timer = new Timer(() => this.#pump());
  }

  get isFree(): boolean {
    return this.#mode === 'free';
  }

  /** May it go on to its target now? Asked when it comes due, and again when its turn has come. */
  lets(entry: Entry): boolean {
    const { name, boundUntil } = entry.state;
    if (name === 'unregistering') return true;
    if (this.#user.pause.isOn) return hasTrait(entry, TRAIT.forced);
    if (this.#mode === 'free') return true;
    if (this.#mode === 'lockout' && boundUntil !== undefined) return true;
    return hasTrait(entry, TRAIT.forced) || this.#canary.is(entry);
  }

  /** When whoever waits here may expect something to happen. */
  get nextTryAt(): Instant | undefined {
    const { pause } = this.#user;
    return pause.isOn ? pause.until : this.#canary.nextAt;
  }

  /** Puts a registration in line; `passed` is called when its turn comes. */
  join(entry: Entry): void {
    // A canary that was on its way when the pause began goes again in its turn.
    this.#canary.returned(entry);
    this.#arrivals += 1;
    entry.rank = this.#arrivals;
    this.#line.add(entry);
    const why = this.#user.pause.why ?? this.#why;
    if (why !== undefined) this.#user.held(entry, why);
    this.#pump();
  }

  get isPaused(): boolean {
    return this.#user.pause.isOn;
  }

  /** The pause is over. */
  resumed(): void {
    if (this.#mode === 'free') this.#letAllPass();
    else this.#pump();
  }

  /** It waits here no longer, or its attempt was given up. */
  leave(entry: Entry): void {
    this.#line.remove(entry);
    this.#refused.delete(entry);
    this.undecided(entry);
  }

  succeeded(entry: Entry): void {
    this.#succeededAt = this.#user.clock.now();
    this.#canary.returned(entry);
    if (this.#refused.size === 0 && this.#mode === 'free') return;
    const refused = [...this.#refused];
    this.#refused.clear();
    this.#fell = [];
    if (this.#mode !== 'free') this.#free(entry, refused);
  }

  /** Called when its machine knows of it; `population`: registrations with this registrar. */
  refused(entry: Entry, population: number): void {
    const now = this.#user.clock.now();
    this.#refused.add(entry);
    if (entry.boundAt >= 0 && now - entry.boundAt < TODAY_MS) {
      this.#fell.push(now);
      if (this.#fell.length > FAULT_LEAST) this.#fell.shift();
    }
    if (this.#mode !== 'fault' && this.#isFault(now)) this.#trip('fault', entry, now);
    else if (this.#mode === 'free' && this.#isLockout(population, now)) {
      this.#trip('lockout', entry, now);
    } else if (this.#mode !== 'free' && entry.state.boundUntil === undefined) {
      this.#user.summon(entry);
    }
    this.undecided(entry);
  }

  /** The attempt ended in a way that says nothing of accounts. */
  undecided(entry: Entry): void {
    if (this.#canary.returned(entry)) this.#pump();
  }

  #isFault(now: Instant): boolean {
    const [first] = this.#fell;
    if (first === undefined || this.#fell.length < FAULT_LEAST) return false;
    return elapsedMs(first, now) <= FAULT_WITHIN_MS;
  }

  #isLockout(population: number, now: Instant): boolean {
    const least = Math.max(LOCKOUT_LEAST, population * LOCKOUT_SHARE);
    if (this.#refused.size < least) return false;
    return this.#succeededAt === undefined || elapsedMs(this.#succeededAt, now) >= LOCKOUT_QUIET_MS;
  }

  #trip(mode: 'lockout' | 'fault', entry: Entry, now: Instant): void {
    this.#mode = mode;
    this.#canary.reset(after(now, this.#pauseMs(0)));
    const why =
      mode === 'fault'
        ? registrarAtFault(this.#key, FAULT_LEAST)
        : lockoutThreatens(this.#key, this.#refused.size);
    this.#why = why;
    this.#user.noticed(entry, why);
    for (const refused of this.#refused) {
      if (refused.state.boundUntil === undefined) this.#user.summon(refused);
    }
  }

  #pauseMs(sent: number): number {
    if (this.#mode === 'fault') return FAULT_CANARY_MS;
    const [first, second, last] = REJECTED_LADDER_MS;
    return sent === 0 ? first : sent === 1 ? second : last;
  }

  #free(entry: Entry, refused: readonly Entry[]): void {
    this.#mode = 'free';
    this.#why = undefined;
    this.#user.noticed(entry, guardLifted(this.#key));
    if (!this.isPaused) this.#letAllPass();
    for (const other of refused) this.#user.summon(other);
  }

  #letAllPass(): void {
    for (let waiting = this.#line.first; waiting !== undefined; waiting = this.#line.first) {
      this.#line.remove(waiting);
      this.#user.passed(waiting);
    }
  }

  #pump(): void {
    if (this.isPaused) return;
    const { clock, timers } = this.#user;
    const now = clock.now();
    const first = this.#line.first;
    if (first === undefined || this.#mode === 'free' || this.#canary.isUnderWay) return;
    if (now < this.#canary.nextAt) {
      timers.arm(this.#timer, this.#canary.nextAt);
      return;
    }
    this.#line.remove(first);
    this.#canary.goes(first, after(now, this.#pauseMs(this.#canary.sent + 1)));
    this.#user.passed(first);
  }
}
