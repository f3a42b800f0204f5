/**
 * The way of one try from being due to its outcome:
 *
 *   begin -> guard of the registrar -> locate (RFC 3263) -> gate of the target -> pacer
 *         -> user agent (RFC 3261 section 10.2) -> outcome
 *
 * A registration is at one place of it at a time, and can be taken off at any.
 */
import type { Cause } from '../base/cause.ts';
import type { Clock } from '../base/clock.ts';
import type { Fault, Result } from '../base/fault.ts';
import { after, type Instant } from '../base/instant.ts';
import type { Random } from '../base/random.ts';
import type { TimerQueue } from '../base/timer-queue.ts';
import type { Hasher } from '../sip/digest/ports.ts';
import type { AuthNews } from '../sip/digest/session.ts';
import type { FlowKeeperPort } from '../sip/keep-alive/ports.ts';
import type { Locator } from '../sip/locate/ports.ts';
import type { Target } from '../sip/locate/target.ts';
import type { ProxyNamed } from '../sip/proxy/ports.ts';
import type { Flow } from '../sip/transport/ports.ts';
import type {
  ExchangeOutcome,
  PacerPort,
  PacingSpec,
  UserAgentPort,
} from '../sip/user-agent/ports.ts';
import { targetAvoided } from './causes.ts';
import { Course, targetTimeoutMs, wholeTryMs } from './course.ts';
import { Directory, LOOK_AGAIN_MS } from './directory.ts';
import { type Entry, type Place, setTrait, TRAIT } from './entry.ts';
import { evidenceOf, type GateUser, mayGoOn, NOTHING, SILENT } from './gate-user.ts';
import { apart } from './legs.ts';
import type { GuardUser } from './lockout-guard.ts';
import type { OutboundOffer } from './outbound.ts';
import { Pause, type PauseOrder } from './pause.ts';
import { stopOf } from './redirect-trail.ts';
import { RegisterExchanges } from './register-exchange.ts';
import type { Registrar } from './registrar.ts';
import { CALL_ID_DIGITS, LAST_CSEQ } from './request.ts';
import type { RegistrationSpec } from './spec.ts';
import type { TargetGate } from './target-gate.ts';

export interface AttemptPorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly random: Random;
  readonly hasher: Hasher;
  /** Names the machine in instance-ids: any text that stays the same over restarts. */
  readonly hostId: string;
  readonly locator: Locator;
  readonly pacer: PacerPort;
  readonly userAgent: UserAgentPort;
  /** SIP proxies of ours; none where left out. */
  readonly proxyNamed?: ProxyNamed | undefined;
  readonly flowKeeper: FlowKeeperPort;
}

/** Who is told how the tries fare. */
export interface AttemptUser {
  /** It waits for its target or registrar. */
  held(entry: Entry, why: Cause): void;
  /** Its first request leaves now. */
  begun(entry: Entry): void;
  /** A final answer, or none; `ended` follows, unless the target died and it waits in line again. */
  answered(entry: Entry, outcome: ExchangeOutcome): void;
  /** `askedSec`: the expiry that was asked for; 0 for a removal. */
  ended(entry: Entry, outcome: ExchangeOutcome, askedSec: number): void;
  /** The registrar was only asked for its bindings (`Rare.query`). */
  queried(entry: Entry, outcome: ExchangeOutcome): void;
  summon(entry: Entry): void;
  /** All rest from now on, as ordered; undefined: they go on. */
  pauseChanged(order: PauseOrder | undefined): void;
  noticed(entry: Entry, why: Cause): void;
  authNews(entry: Entry, news: AuthNews): void;
  /** Our address as the other side of the flow sees it, where that is known. */
  learnedOn(flow: Flow): string | undefined;
}

/** A removal is tried once, this long for each request; the binding runs out by itself anyway. */
const REMOVAL_TIMEOUT_MS = 4_000;
const QUERY_TIMEOUT_MS = 8_000;

export class Attempts implements GateUser, GuardUser {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly random: Random;
  readonly pacer: PacerPort;
  readonly proxyNamed: ProxyNamed;
  pacing: PacingSpec;
  readonly pause: Pause;
  readonly #locator: Locator;
  readonly #userAgent: UserAgentPort;
  readonly #user: AttemptUser;
  readonly #directory: Directory;
  readonly #exchanges: RegisterExchanges;

  constructor(ports: AttemptPorts, pacing: PacingSpec, user: AttemptUser) {
    this.clock = ports.clock;
    this.timers = ports.timers;
    this.random = ports.random;
    this.pacer = ports.pacer;
    this.proxyNamed = ports.proxyNamed ?? (() => undefined);
    this.pacing = pacing;
    this.#locator = ports.locator;
    this.#userAgent = ports.userAgent;
    this.#user = user;
    this.pause = new Pause(ports.timers, (order) => this.#pauseChanged(order));
    this.#directory = new Directory(this);
    this.#exchanges = new RegisterExchanges(ports, user);
  }

  newCallId(): string {
    return this.random.hex(CALL_ID_DIGITS);
  }

  /** It gets the registrar of its spec; it must have none, or have been forgotten. */
  registrarFor(spec: RegistrationSpec): Registrar {
    return this.#directory.registrarFor(spec.profile.hop);
  }

  /** The registration leaves its registrar and its target; it is at no place any more. */
  forget(entry: Entry): void {
    entry.registrar.guard.leave(entry);
    this.#directory.forget(entry);
  }

  /** Asks for one try (or, while unregistering, for the removal). */
  begin(entry: Entry): void {
    if (entry.registrar.guard.lets(entry)) this.passed(entry);
    else this.turnedAway(entry);
  }

  /** Takes the registration off its way, wherever it is. */
  cancel(entry: Entry): void {
    const { place: where, exchange, gate, registrar } = entry;
    place(entry, 'nowhere', this.clock.now());
    entry.attempts += where === 'locating' ? 1 : 0;
    entry.exchange = undefined;
    entry.course = undefined;
    if (where === 'exchange') {
      exchange?.cancel();
      gate?.ended(entry, NOTHING);
    } else if (where === 'line') {
      gate?.leave(entry);
    }
    registrar.guard.undecided(entry);
    if (where === 'guarded') registrar.guard.leave(entry);
  }

  #pauseChanged(order: PauseOrder | undefined): void {
    this.#user.pauseChanged(order);
    if (order === undefined) this.#directory.resumed();
  }

  /** The gates of what lies behind a proxy of ours. */
  behind(proxy: string): readonly TargetGate[] {
    return this.#directory.behind(proxy);
  }

  /** Lets every line move that can; for the sweeper. */
  nudge(): void {
    this.#directory.nudge();
  }

  /** GuardUser: nothing on the registrar's side holds it. */
  passed(entry: Entry): void {
    entry.attempts += 1;
    this.#locate(entry);
  }

  #locate(entry: Entry): void {
    place(entry, 'locating', this.clock.now());
    const attempt = entry.attempts;
    const { hop } = stopOf(entry, this.clock.now())?.place ?? entry.spec.profile;
    this.#locator.locate(hop, (result, until) => {
      const isAwaited = entry.place === 'locating' && entry.attempts === attempt;
      if (isAwaited) this.#located(entry, result, until);
    });
  }

  /**
   * Features D8: an answer of the DNS that is over is asked for again, though no registration is due: who has an
   * hour until its refresh shall not be the first to hear of another address.
   */
  lookAgain(entry: Entry, now: Instant): void {
    const { registrar } = entry;
    const { lookAgainAt } = registrar;
    if (lookAgainAt === undefined || now < lookAgainAt) return;
    registrar.lookAgainAt = undefined;
    this.#locator.locate(registrar.hop, (result, until) => {
      if (!result.ok) registrar.lookAgainAt = after(this.clock.now(), LOOK_AGAIN_MS);
      else if (this.#directory.located(entry, result.value, until)) this.turned();
    });
  }

  held(entry: Entry, why: Cause): void {
    this.#user.held(entry, why);
  }

  summon(entry: Entry): void {
    this.#user.summon(entry);
  }

  noticed(entry: Entry, why: Cause): void {
    this.#user.noticed(entry, why);
  }

  /** GateUser: who waits at a closed target goes where one is open. */
  turned(): void {
    for (const entry of this.#directory.stranded()) {
      const { gate, registrar } = entry;
      if (gate === undefined || entry.place !== 'line' || !gate.isClosed) continue;
      gate.leave(entry);
      // Where it was sent nobody answers: its registrar may know better by now.
      entry.rare?.trail?.failed();
      this.#queue(entry, registrar.targets ?? [gate.target]);
    }
  }

  /** GateUser: may it still go, now that its turn has come? */
  isWelcome(entry: Entry): boolean {
    return entry.registrar.guard.lets(entry);
  }

  /** GateUser: it left the line of its target, to wait for its registrar. */
  turnedAway(entry: Entry): void {
    place(entry, 'guarded', this.clock.now());
    entry.registrar.guard.join(entry);
  }

  /** GateUser: its turn has come. */
  start(entry: Entry, gate: TargetGate, canaryMs: number | undefined): void {
    const now = this.clock.now();
    place(entry, 'exchange', now);
    setTrait(entry, TRAIT.forced, false);
    if (entry.cseq >= LAST_CSEQ) this.renewCallId(entry);
    if (entry.rare?.query !== undefined) {
      this.#query(entry, gate);
      return;
    }
    this.#user.begun(entry);
    const isRemoval = entry.state.name === 'unregistering';
    const { expiresSec } = entry.spec.profile;
    const askedSec = isRemoval ? 0 : Math.max(expiresSec, entry.state.learnedMinSec);
    const answerMs = this.#userAgent.answerMs(gate.key);
    const wholeMs = wholeTryMs(entry.state, now, answerMs);
    const leftMs = entry.course?.leftMs(now) ?? wholeMs;
    const mostMs = targetTimeoutMs(leftMs, this.#directory.othersOf(entry, gate), answerMs);
    // A canary has the time until the next one, unless it could go to another target.
    const tryMs = canaryMs === undefined || mostMs < leftMs ? mostMs : canaryMs;
    const timeoutMs = isRemoval ? REMOVAL_TIMEOUT_MS : tryMs;
    const begun = { gate, at: now, wholeMs, askedSec };
    entry.exchange = this.#userAgent.start(
      this.#exchanges.register(entry, gate, askedSec, timeoutMs),
      (outcome) => this.#ended(entry, begun, outcome),
    );
  }

  #query(entry: Entry, gate: TargetGate): void {
    const request = this.#exchanges.query(entry, gate, QUERY_TIMEOUT_MS);
    entry.exchange = this.#userAgent.start(request, (outcome) => {
      const evidence = evidenceOf(outcome);
      entry.exchange = undefined;
      entry.requests += outcome.requests;
      place(entry, 'nowhere', this.clock.now());
      gate.ended(entry, evidence);
      this.#user.queried(entry, outcome);
    });
  }

  renewCallId(entry: Entry): void {
    entry.callId = this.newCallId();
    entry.cseq = 0;
  }

  #located(
    entry: Entry,
    result: Result<readonly Target[], Fault>,
    until: Instant | undefined,
  ): void {
    const { gate, registrar, state } = entry;
    const isAstray = stopOf(entry, this.clock.now()) !== undefined;
    if (result.ok && isAstray) {
      this.#queueAt(entry, result.value);
    } else if (result.ok) {
      const hasMoved = this.#directory.located(entry, result.value, until);
      this.#queue(entry, result.value);
      if (hasMoved) this.turned();
    } else if (gate !== undefined && state.boundUntil !== undefined && !isAstray) {
      // Without a name server a binding is refreshed where it is.
      this.#queue(entry, registrar.targets ?? [gate.target]);
    } else {
      const { fault } = result;
      const outcome = { kind: 'failed', fault, wasSent: false, requests: 0 } as const;
      place(entry, 'nowhere', this.clock.now());
      if (entry.rare?.query !== undefined) {
        this.#user.queried(entry, outcome);
        return;
      }
      this.#user.answered(entry, outcome);
      this.#user.ended(entry, outcome, 0);
    }
  }

  /** At a place that a redirection led to. */
  #queueAt(entry: Entry, targets: readonly Target[]): void {
    const trail = entry.rare?.trail;
    entry.course = undefined;
    const gate = this.#directory.firstGate(entry, targets);
    if (gate.isClosed && trail?.isUnderWay === false) {
      // Remembered from some time ago, and dead by now.
      trail.failed();
      this.#locate(entry);
      return;
    }
    place(entry, 'line', this.clock.now());
    gate.join(entry);
  }

  #queue(entry: Entry, targets: readonly Target[]): void {
    entry.course = undefined;
    const gate = this.#directory.firstGate(entry, apart(entry, targets));
    place(entry, 'line', this.clock.now());
    gate.join(entry);
  }

  /** What it said of itself in its Contact, with the last request. */
  offerOf(entry: Entry): OutboundOffer | undefined {
    return this.#exchanges.offerOf(entry);
  }

  #ended(entry: Entry, begun: Begun, outcome: ExchangeOutcome): void {
    const { gate, askedSec } = begun;
    const evidence = evidenceOf(outcome);
    entry.exchange = undefined;
    entry.requests += outcome.requests;
    place(entry, 'nowhere', this.clock.now());
    this.#user.answered(entry, outcome);
    const isNewlyAvoided = gate.ended(entry, evidence);
    // A redirection has its own next place (machinist.ts).
    const isAstray = stopOf(entry, this.clock.now()) !== undefined;
    if (askedSec > 0 && !isAstray && mayGoOn(outcome, evidence)) {
      const next = this.#next(entry, begun);
      if (next !== undefined) {
        if (isNewlyAvoided) this.noticed(entry, targetAvoided(gate.key, next.key, outcome));
        place(entry, 'line', this.clock.now());
        next.join(entry);
        return;
      }
    }
    entry.course = undefined;
    const isDead = evidence === SILENT && !isAstray && !this.#directory.hasOpen(entry.registrar);
    const isCutOff = isProxySilent(outcome) && gate.isCutOff;
    if ((isDead || isCutOff) && askedSec > 0) {
      // The target's failure (or our proxy's), not its own: it waits in line with the others.
      entry.registrar.guard.undecided(entry);
      this.#locate(entry);
      return;
    }
    this.#user.ended(entry, outcome, askedSec);
  }

  /** RFC 3263 section 4.3: the next target of the same try, where there is one and time for it. */
  #next(entry: Entry, { gate, at, wholeMs }: Begun): TargetGate | undefined {
    entry.course ??= new Course(at, wholeMs);
    entry.course.tried(gate.target);
    return entry.course.isOver(this.clock.now()) ? undefined : this.#directory.nextGate(entry);
  }
}

/** A request that is under way to one target. */
interface Begun {
  readonly gate: TargetGate;
  readonly at: Instant;
  /** For all targets of the try, if this is the first. */
  readonly wholeMs: number;
  readonly askedSec: number;
}

function isProxySilent(outcome: ExchangeOutcome): boolean {
  return outcome.kind === 'failed' && outcome.fault.code === 'proxy.silent';
}

function place(entry: Entry, where: Place, now: Instant): void {
  entry.place = where;
  entry.placedAt = Math.floor(now) as Instant;
}
