/**
 * What many registrations together know of one target: whether it answers at all. A dead target is
 * asked by one registration at a time, not by all (reliability 3.4, design.md 6).
 *
 *                3 different registrations in a row without any answer
 *        +------+ ----------------------------------------------------> +------+
 *   ---> | open |      any answer       +------------+    any answer    | dead |
 *        |      | <-------------------- | recovering | <--------------- |      |
 *        +------+  pace of the pacer    +------------+    other than 503| or   |
 *            |     reached (10/s, x2    |    |                          | busy |
 *            |     every 5 s)           +----+--- as from open -------> +------+
 *            +----- 503 for 3 different registrations in a row (Retry-After) --^
 *
 * dead and busy: one canary at a time, the next 2 to 30 s after it (busy: after the hold), each time
 * another registration. Everybody who comes due waits in line meanwhile; but a binding that would
 * run out before the canary is back may try as well, not more than one in 2 s: perhaps it is only
 * others that the target does not answer.
 *
 * Death is noticed before it is declared, so that a killed registrar does not find hundreds of
 * retransmissions when it returns: no more than `UNHEARD_LIMIT` attempts begin without a sign of
 * life since, and only now and then one while three are unanswered for more than `SILENCE_MS`
 * (signs-of-life.ts).
 *
 * Behind a proxy of ours (`target.via`) nothing begins while the proxy does not answer, whatever the gate
 * thinks of its target: everybody waits in line, and follows in order when the proxy is back.
 */
import type { Cause } from '../base/cause.ts';
import { after, earlier, type Instant, later } from '../base/instant.ts';
import { between } from '../base/random.ts';
import { Timer } from '../base/timer-queue.ts';
import type { Target } from '../sip/locate/target.ts';
import { PRIORITY } from '../sip/user-agent/ports.ts';
import { boundedRetryAfterMs } from './backoff.ts';
import { Canary } from './canary.ts';
import { targetBusy, targetDead, targetRecovered } from './causes.ts';
import type { Entry } from './entry.ts';
import { GateLine } from './gate-line.ts';
import type { Evidence, GateUser } from './gate-user.ts';
import { LeftOut } from './left-out.ts';
import { Penalty } from './penalty.ts';
import { SignsOfLife, WITNESSES } from './signs-of-life.ts';
import { SlowStart } from './slow-start.ts';

const CANARY_FIRST_MS = 2_000;
const CANARY_LAST_MS = 30_000;
/** Four sendings over UDP. */
const CANARY_PATIENCE_MS = 4_000;
/** A binding with less left does not wait for the canary of a dead target. */
const URGENT_MS = 40_000;
/** Without Retry-After, a target that answers 503 to everybody is left alone for this long. */
const BUSY_HOLD_MS = 10_000;
/** Wishes at the pacer at a time; the rest waits here, in order, at no cost. */
const MOST_TICKETS = 256;

type Mode = 'open' | 'recovering' | 'dead' | 'busy';

export class TargetGate {
  readonly key: string;
  readonly target: Target;
  /** All addresses of the name, where answers from any of them count. */
  addresses: readonly string[] = [];
  /** Registrations that had their last attempt here, and bindings that a proxy of ours carries from here. */
  users = 0;
  /** Connections in a row that were lost soon after something was bound over them. */
  flowsLost = 0;
  /** Whether others go first, while there are others. */
  readonly penalty: Penalty = new Penalty();
  /** Who gets no answer here while others do. */
  readonly leftOut: LeftOut = new LeftOut();
  readonly #user: GateUser;
  readonly #line = new GateLine();
  readonly #timer: Timer;
  #mode: Mode = 'open';
  #why: Cause | undefined;
  #tickets = 0;
  readonly #signs = new SignsOfLife();
  readonly #canary: Canary;
  /** Before that, no binding that is about to run out may try besides the canary. */
  #urgentAt: Instant;
  #slowStart: SlowStart | undefined;
  /** The proxy of ours before it was silent when it was heard of last. */
  #wasCutOff = false;

  constructor(key: string, target: Target, user: GateUser) {
    this.key = key;
    this.target = target;
    this.#user = user;
    this.#timer = new Timer((now) => this.#pump(now));
    const now = user.clock.now();
    this.#canary = new Canary(now);
    this.#urgentAt = now;
  }

  /** True while only canaries go there. */
  get isClosed(): boolean {
    return this.#mode === 'dead' || this.#mode === 'busy';
  }

  /** True when nobody needs it, and nothing is remembered of it that others should know. */
  isUnused(now: Instant): boolean {
    const isIdle = this.users === 0 && this.#signs.open === 0 && this.#tickets === 0;
    return isIdle && !this.penalty.isRemembered(now);
  }

  /** True when whoever comes now may try at once, also at a closed target. */
  isFree(now: Instant): boolean {
    if (!this.isClosed) return true;
    return this.#line.size === 0 && !this.#canary.isUnderWay && now >= this.#canary.nextAt;
  }

  get lineLength(): number {
    return this.#line.size;
  }

  /** Who waits here. */
  get waiting(): readonly Entry[] {
    return this.#line.all();
  }

  /** When whoever waits here may expect something to happen; undefined: as soon as the pace allows. */
  get nextTryAt(): Instant | undefined {
    const { via } = this.target;
    if (via !== undefined && this.isCutOff) return this.#user.proxyNamed(via)?.nextProbeAt;
    return this.isClosed ? this.#canary.nextAt : undefined;
  }

  /** True while the proxy of ours before it does not answer. */
  get isCutOff(): boolean {
    const { via } = this.target;
    return via !== undefined && this.#user.proxyNamed(via)?.target === undefined;
  }

  /** The proxy of ours before it fell silent, or answers again. */
  proxyChanged(): void {
    const now = this.#user.clock.now();
    if (this.isCutOff) {
      this.#wasCutOff = true;
      for (const waiting of this.#line.reorder(this.isClosed, now)) this.#hold(waiting);
      return;
    }
    this.#signs.forget();
    // Its first answer after our start is no recovery.
    if (!this.isClosed && this.#wasCutOff) this.#startSlowly(now);
    this.#wasCutOff = false;
    this.#line.reorder(this.isClosed, now);
    this.#pump(now);
  }

  /** Puts a registration in line; `start` is called when its turn comes. */
  join(entry: Entry): void {
    const now = this.#user.clock.now();
    this.#line.join(entry, this.isClosed, now);
    this.#hold(entry);
    this.#pump(now);
  }

  /** Its turn is no longer wanted. */
  leave(entry: Entry): void {
    this.#line.leave(entry);
  }

  /** A sign of life while an attempt is still under way; it may yet end with 503. */
  heard(): void {
    const now = this.#user.clock.now();
    this.#signs.heard();
    if (this.#mode === 'dead') this.#recover(now);
    this.#pump(now);
  }

  /** The attempt that `start` began is over; true when others go first from now on. */
  ended(entry: Entry, evidence: Evidence): boolean {
    const now = this.#user.clock.now();
    const nothingHeard = this.#signs.ended(entry);
    this.#canary.returned(entry);
    const isPenalized = this.#weigh(entry, evidence, nothingHeard, now);
    this.#pump(now);
    return isPenalized;
  }

  /** Sees to it that the line moves; for the sweeper, after a bug. */
  nudge(): void {
    this.#pump(this.#user.clock.now());
  }

  /** Tells it why it waits, where there is a reason but the pace. */
  #hold(entry: Entry): void {
    const { via } = this.target;
    const isCutOff = via !== undefined && this.isCutOff;
    const why = isCutOff ? this.#user.proxyNamed(via)?.cause() : this.#why;
    if (why !== undefined) this.#user.held(entry, why);
  }

  #weigh(entry: Entry, evidence: Evidence, nothingHeard: boolean, now: Instant): boolean {
    const { penalty, leftOut } = this;
    switch (evidence.kind) {
      case 'heard':
        this.#signs.heard();
        this.#signs.forget();
        leftOut.answered(now);
        leftOut.forget(entry);
        penalty.answered(now);
        if (this.isClosed) this.#recover(now);
        return false;
      case 'silent': {
        leftOut.unanswered(entry, !nothingHeard);
        // While others were answered, its silence says nothing of the target.
        if (!nothingHeard) return false;
        const isNews = penalty.failed(now, undefined);
        if (this.#signs.testify(entry, 'silent')) this.#die(entry, now);
        return isNews;
      }
      case 'busy': {
        const isNews = penalty.failed(now, evidence.retryAfterSec);
        leftOut.forget(entry);
        this.#busy(entry, evidence.retryAfterSec, now);
        return isNews;
      }
      case 'unfit':
        return penalty.failed(now, undefined);
      case 'unanswered':
        // What was heard may be its own challenge.
        leftOut.unanswered(entry, false);
        return false;
      case 'nothing':
        return false;
    }
  }

  #busy(entry: Entry, retryAfterSec: number | undefined, now: Instant): void {
    const isEnough = this.#signs.testify(entry, 'busy');
    this.#signs.heard();
    if (!isEnough && this.#mode !== 'busy') {
      // Whoever answers 503 is not dead.
      if (this.#mode === 'dead') this.#recover(now);
      return;
    }
    const holdMs = retryAfterSec === undefined ? BUSY_HOLD_MS : boundedRetryAfterMs(retryAfterSec);
    this.#canary.postpone(after(now, holdMs));
    this.#close('busy', entry, targetBusy(this.key, WITNESSES));
  }

  #die(entry: Entry, now: Instant): void {
    if (this.#mode !== 'dead') {
      this.leftOut.forgetAll();
      this.#canary.reset(after(now, CANARY_FIRST_MS));
      this.#urgentAt = this.#canary.nextAt;
    }
    this.#close('dead', entry, targetDead(this.key, WITNESSES));
  }

  #close(mode: 'dead' | 'busy', entry: Entry, why: Cause): void {
    this.#slowStart = undefined;
    if (this.#mode === mode) return;
    this.#mode = mode;
    this.#why = why;
    this.#user.noticed(entry, why);
    this.#user.turned();
    const now = this.#user.clock.now();
    for (const waiting of this.#line.reorder(true, now)) this.#user.held(waiting, why);
  }

  #recover(now: Instant): void {
    const first = this.#line.first;
    this.#why = undefined;
    this.#signs.forget();
    this.#startSlowly(now);
    // From here on, who runs out first goes first.
    this.#line.reorder(false, now);
    if (first !== undefined) {
      this.#user.noticed(first, targetRecovered(this.key, this.#line.size));
    }
    this.#user.turned();
  }

  #startSlowly(now: Instant): void {
    const slowStart = new SlowStart(now);
    const isOver = slowStart.isOver(now, this.#user.pacing);
    this.#mode = isOver ? 'open' : 'recovering';
    this.#slowStart = isOver ? undefined : slowStart;
  }

  /** Asks the pacer for as many turns as may be used now. */
  #pump(now: Instant): void {
    for (;;) {
      const first = this.#line.first;
      if (first === undefined || this.#tickets >= Math.min(this.#line.size, MOST_TICKETS)) return;
      if (!this.#mayAsk(now)) return;
      this.#tickets += 1;
      const { name, boundUntil, dueAt } = first.state;
      const living = boundUntil === undefined ? PRIORITY.unbound : PRIORITY.living;
      this.#user.pacer.enqueue(this.key, {
        priority: name === 'unregistering' ? PRIORITY.removal : living,
        deadline: boundUntil ?? dueAt,
        grant: this.#granted,
      });
    }
  }

  /** One function for all wishes: who goes is decided when the turn comes, not when it was asked for. */
  readonly #granted = (): void => {
    const now = this.#user.clock.now();
    this.#tickets -= 1;
    const entry = this.#nextWelcome();
    if (entry === undefined || !this.#mayStart(now)) {
      this.#user.pacer.refund(this.key);
      return;
    }
    this.#line.leave(entry);
    this.#signs.began(entry, now);
    const isCanary = this.isClosed && !this.#canary.isUnderWay;
    if (this.isClosed) this.#urgentAt = after(now, CANARY_FIRST_MS);
    this.#user.start(entry, this, isCanary ? this.#sendCanary(entry, now) : undefined);
    this.#pump(now);
  };

  /** The first in line, after those are gone who may not go now. */
  #nextWelcome(): Entry | undefined {
    for (;;) {
      const entry = this.#line.first;
      if (entry === undefined || this.#user.isWelcome(entry)) return entry;
      this.#line.leave(entry);
      this.#user.turnedAway(entry);
    }
  }

  /** How long it waits for an answer: until the next one is due, so that the pause is kept. */
  #sendCanary(entry: Entry, now: Instant): number {
    const doublings = Math.min(this.#canary.sent, 10);
    const pauseMs = CANARY_FIRST_MS * 2 ** doublings * between(this.#user.random, 0.75, 1.25);
    const boundedMs = Math.min(Math.max(pauseMs, CANARY_FIRST_MS), CANARY_LAST_MS);
    this.#canary.goes(entry, after(now, boundedMs));
    return Math.max(CANARY_PATIENCE_MS, boundedMs);
  }

  #mayAsk(now: Instant): boolean {
    if (!this.#mayStart(now)) return false;
    if (this.isClosed) return this.#tickets === 0;
    const slowStart = this.#slowStart;
    return slowStart === undefined || this.#mayAskSlowly(slowStart, now);
  }

  #mayAskSlowly(slowStart: SlowStart, now: Instant): boolean {
    if (slowStart.isOver(now, this.#user.pacing)) {
      this.#slowStart = undefined;
      this.#mode = 'open';
      return true;
    }
    if (slowStart.take(now)) return true;
    this.#user.timers.arm(this.#timer, slowStart.readyAt(now));
    return false;
  }

  #mayStart(now: Instant): boolean {
    if (this.isCutOff) return false;
    if (!this.isClosed) return !this.#signs.isQuiet(now);
    const at = this.#mayStartAt(now);
    if (at !== undefined && now >= at) return true;
    if (at !== undefined) this.#user.timers.arm(this.#timer, at);
    return false;
  }

  /** When the first in line may try a closed target; undefined: when the canary is back. */
  #mayStartAt(now: Instant): Instant | undefined {
    const canaryAt = this.#canary.isUnderWay ? undefined : this.#canary.nextAt;
    const boundUntil = this.#line.first?.state.boundUntil;
    if (this.#mode !== 'dead' || boundUntil === undefined || boundUntil <= now) return canaryAt;
    const urgentAt = later(after(boundUntil, -URGENT_MS), this.#urgentAt);
    return canaryAt === undefined ? urgentAt : earlier(canaryAt, urgentAt);
  }
}
