/**
 * Feeds the machines and carries out what they ask for, in order, after the step. An outcome is
 * judged here, and the refresh of a new binding is planned here, so that the machine stays pure.
 */
import type { Cause } from '../base/cause.ts';
import type { Publish } from '../base/event-hub.ts';
import { type Fault, fault } from '../base/fault.ts';
import { after, earlier, type Instant } from '../base/instant.ts';
import type { AuthNews } from '../sip/digest/session.ts';
import type { FlowNews } from '../sip/keep-alive/ports.ts';
import { fromWire } from '../sip/message/wire-text.ts';
import type { Flow } from '../sip/transport/ports.ts';
import type { ExchangeOutcome, PacingSpec } from '../sip/user-agent/ports.ts';
import { type AttemptPorts, Attempts, type AttemptUser } from './attempts.ts';
import { noticeOf } from './auth-notices.ts';
import { BindingBook } from './binding-book.ts';
import type { Callers } from './callers.ts';
import { cause, notRemoved, proxyConnectionLost } from './causes.ts';
import { markCrowd, soonestFirst } from './crowd.ts';
import { type Entry, hasTrait, registrationId, setTrait, TRAIT, targetName } from './entry.ts';
import type { RegistrationEvent } from './events.ts';
import { noteHome } from './failback.ts';
import { FlowWatch, type FlowWatchUser } from './flow-watch.ts';
import type { LegGroups } from './leg-groups.ts';
import { step } from './machine.ts';
import { type Effect, type Input, isBound, type MachineState } from './machine-state.ts';
import { noticesOf } from './notices.ts';
import { isOutboundInForce, refusalEndsAt } from './outbound.ts';
import { judge, type Verdict } from './outcome.ts';
import type { PauseOrder } from './pause.ts';
import { isAuditDue, NOBODY, Queries } from './queries.ts';
import { redirected } from './redirected.ts';
import { refreshAt, refreshWindow } from './refresh.ts';
import { RefreshSlots } from './refresh-slots.ts';
import { countRefreshes } from './registrar.ts';
import { credentialsOf, rolledOver } from './roll-over.ts';
import { Tally } from './tally.ts';
import type { TargetGate } from './target-gate.ts';
import { TextPool } from './text-pool.ts';
import { changedEvent, countsAsLapse } from './told-change.ts';

const MOST_REASON_CHARS = 64;
/** An old binding of ours is removed so long after it was seen. */
const STALE_PAUSE_MS = 2_000;

export class Machinist implements AttemptUser, FlowWatchUser {
  readonly attempts: Attempts;
  readonly tally: Tally = new Tally();
  readonly bindings: BindingBook;
  readonly queries: Queries;
  readonly flows: FlowWatch;
  /** Registrations with several legs; the keeper puts it here, since it makes the legs. */
  groups: LegGroups | undefined;
  readonly #ports: AttemptPorts;
  readonly #publish: Publish<RegistrationEvent>;
  readonly #finished: (entry: Entry) => void;
  readonly #stepped: ((entry: Entry) => void) | undefined;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #slots = new RefreshSlots();
  readonly #reasons = new TextPool();

  /** `finished`: an unregistration is over, and the fate of the registration is to be fulfilled. */
  constructor(
    ports: AttemptPorts & {
      readonly publish: Publish<RegistrationEvent>;
      readonly callers?: Callers | undefined;
      readonly stepped?: ((entry: Entry) => void) | undefined;
    },
    pacing: PacingSpec,
    entries: ReadonlyMap<string, Entry>,
    finished: (entry: Entry) => void,
  ) {
    this.#ports = ports;
    this.#publish = ports.publish;
    this.#finished = finished;
    this.#stepped = ports.stepped;
    this.#entries = entries;
    this.flows = new FlowWatch(ports, entries, this);
    this.attempts = new Attempts(ports, pacing, this);
    this.bindings = new BindingBook(this.attempts, this.tally);
    this.queries = new Queries({
      timers: ports.timers,
      now: () => this.now(),
      begin: (entry) => this.attempts.begin(entry),
      cancel: (entry) => this.attempts.cancel(entry),
      marksOf: (entry) => this.bindings.marksOf(entry),
      rest: (entry) => this.#rest(entry),
      lost: (entry) => this.#lost(entry),
    });
    const entriesOf = (id: string) => this.entriesOf(id);
    ports.callers?.watch({ now: () => this.now(), entries, flows: this.flows, entriesOf });
  }

  /** In whole milliseconds: see Entry. */
  now(): Instant {
    return Math.floor(this.#ports.clock.now()) as Instant;
  }

  /** A registration, or its legs; none when it is unknown. */
  entriesOf(id: string): readonly Entry[] {
    const entry = this.#entries.get(id);
    return this.groups?.entriesOf(id) ?? (entry === undefined ? [] : [entry]);
  }

  feed(entry: Entry, input: Input): void {
    const before = entry.state;
    const { random } = this.#ports;
    const now = this.now();
    const legs = entry.rare?.group?.entries;
    const hasOtherFlow = legs?.some((leg) => leg !== entry && isBound(leg.state, now)) === true;
    const { state, effects } = step(before, input, { now, random, hasOtherFlow });
    if (state !== before) {
      entry.state = state;
      this.#tell(entry, before, now);
    }
    for (const effect of effects) this.#carryOut(entry, effect);
    const group = entry.rare?.group;
    if (group !== undefined && state !== before) this.groups?.steer(group);
    this.#stepped?.(entry);
  }

  /** The timer of the entry: a binding ran out, a try is due, or a removal takes too long. */
  readonly fired = (entry: Entry, at: Instant): void => {
    const { boundUntil } = entry.state;
    if (boundUntil !== undefined && at >= boundUntil) {
      this.queries.abort(entry);
      this.feed(entry, { kind: 'expired' });
    }
    const { name, dueAt } = entry.state;
    if (name === 'unregistering') {
      if (at >= dueAt) this.feed(entry, { kind: 'expired' });
    } else if (entry.place === 'timer') {
      const isRefused = name === 'rejected' && !entry.registrar.guard.isFree;
      const isDue = at >= dueAt || (boundUntil !== undefined && isRefused);
      // The question takes the place of the refresh, which is due again when that is answered.
      const { isOn: isPaused } = this.attempts.pause;
      if (isDue && !isPaused && isAuditDue(entry, at)) this.queries.ask(entry, NOBODY);
      else if (isDue) this.feed(entry, { kind: 'due' });
    }
  };

  /** A connection is gone: what was bound over it is bound again soon. */
  flowLost(flow: Flow, reason: Fault): void {
    this.flows.lost(flow, reason, this.now());
  }

  /** What keep-alives found out about a UDP flow. */
  flowNews(flow: Flow, news: FlowNews): void {
    this.flows.news(flow, news, this.now());
  }

  bindAgain(entry: Entry, at: Instant): void {
    const hasOutbound = hasTrait(entry, TRAIT.hasOutbound);
    this.feed(entry, { kind: 'flowLost', againAt: at, hasOutbound });
  }

  learnedOn(flow: Flow): string | undefined {
    return this.flows.learnedOn(flow);
  }

  /** A connection of a proxy of ours is gone; who was bound over it. */
  carrierLost(gate: TargetGate, isRestarted: boolean): number {
    const now = this.now();
    const reason = fault('transport.closed', isRestarted ? 'local' : 'peer');
    const { entries, again } = this.flows.take(gate, reason, now);
    const living = soonestFirst(entries.filter(({ state }) => isBound(state, now)));
    const [first] = living;
    if (first === undefined) return 0;
    this.noticed(first, proxyConnectionLost(gate.key, living.length, isRestarted));
    markCrowd(living);
    const againAt = again();
    for (const entry of living) {
      this.feed(entry, { kind: 'flowLost', againAt, hasOutbound: false });
    }
    return living.length;
  }

  publish(event: RegistrationEvent): void {
    this.#publish(event);
  }

  held(entry: Entry, why: Cause): void {
    setTrait(entry, TRAIT.held, true);
    this.feed(entry, { kind: 'held', cause: why });
  }

  begun(entry: Entry): void {
    this.feed(entry, { kind: 'begun' });
  }

  summon(entry: Entry): void {
    const rests = entry.place === 'timer' && entry.state.name === 'rejected';
    if (rests) this.feed(entry, { kind: 'due' });
  }

  noticed(entry: Entry, why: Cause, isOwn = false): void {
    this.#publish({
      type: 'registration.noticed',
      at: this.now(),
      contract: entry.spec.profile.contract,
      registration: isOwn ? registrationId(entry) : undefined,
      cause: why,
    });
  }

  pauseChanged(order: PauseOrder | undefined): void {
    this.#publish({ type: 'registrations.paused', at: this.now(), order });
  }

  authNews(entry: Entry, news: AuthNews): void {
    const why = noticeOf(entry, news);
    if (why !== undefined) this.noticed(entry, why.cause, why.isOwn);
  }

  answered(entry: Entry, outcome: ExchangeOutcome): void {
    let code: number | 'timeout' | 'fault';
    if (outcome.kind === 'response') {
      const reason = outcome.response.reason.slice(0, MOST_REASON_CHARS);
      code = outcome.status;
      entry.lastCode = code;
      entry.lastReason = this.#reasons.shared(fromWire(reason));
    } else {
      code = outcome.fault.code === 'timeout.response' ? 'timeout' : 'fault';
    }
    if (typeof code === 'number' && code < 300) entry.succeeded += 1;
    else entry.failed += 1;
    const { contract } = entry.spec.profile;
    const { requests } = outcome;
    const reason = outcome.kind === 'failed' ? outcome.fault : undefined;
    this.#publish({
      ...{ type: 'registration.answered', at: this.now(), contract, code, requests },
      ...{ target: entry.gate?.key, fault: reason },
    });
  }

  ended(entry: Entry, outcome: ExchangeOutcome, askedSec: number): void {
    if (entry.state.name === 'unregistering') {
      this.feed(entry, { kind: 'removed', cause: notRemoved(targetName(entry), outcome) });
      return;
    }
    const judged = judge(outcome, {
      username: credentialsOf(entry).username,
      ...this.bindings.marksOf(entry),
      isGin: entry.spec.profile.style?.mode === 'gin',
      askedSec,
      target: targetName(entry),
      leftOut: entry.gate?.leftOut.count(entry) ?? 0,
      adapted: entry.state.adapted,
      follows: entry.spec.profile.redirects !== undefined,
      outbound: hasTrait(entry, TRAIT.offersOutbound) ? entry.spec.profile.outbound : 'off',
    });
    const tell = (why: Cause) => this.noticed(entry, why, true);
    const found = redirected(entry, { outcome, verdict: judged, now: this.now(), tell });
    const verdict = rolledOver(entry, { outcome, verdict: found, tell });
    const { state } = entry;
    for (const why of noticesOf(entry, verdict, askedSec)) this.noticed(entry, why, true);
    if (verdict.kind === 'withoutOutbound') {
      entry.registrar.noOutboundUntil = refusalEndsAt(this.now());
    }
    if (verdict.kind === 'bound' && outcome.kind === 'response') {
      const hasOutbound =
        hasTrait(entry, TRAIT.offersOutbound) && isOutboundInForce(outcome.response);
      setTrait(entry, TRAIT.hasOutbound, hasOutbound);
      entry.formerPoint = undefined;
      this.bindings.keep(entry, verdict.listing, outcome.response);
    }
    const planned = verdict.kind === 'bound' ? this.#plan(entry, verdict) : this.now();
    this.feed(entry, { kind: 'outcome', verdict, refreshAt: planned });
    if (verdict.kind === 'bound' && outcome.kind === 'response') {
      this.flows.bound(entry, outcome, this.now());
    }
    this.#tellGuard(entry, verdict, state);
    if (verdict.kind === 'bound' && this.bindings.seesStale(entry)) {
      const againAt = after(this.now(), STALE_PAUSE_MS);
      this.feed(entry, { kind: 'flowLost', againAt, hasOutbound: false });
    }
  }

  queried(entry: Entry, outcome: ExchangeOutcome): void {
    this.queries.ended(entry, outcome);
  }

  /** What was planned before a question went out counts again. */
  #rest(entry: Entry): void {
    if (entry.state.name !== 'off' && !entry.state.isTrying) this.#arm(entry);
  }

  #lost(entry: Entry): void {
    const next = 'Registered again now; ask the provider whether its registrar was restarted.';
    const text = `${targetName(entry)} does not hold our binding any more, before its time is over.`;
    this.noticed(entry, cause('registration.bindingLost', 'peer', next, text), true);
    this.feed(entry, { kind: 'urge', isFresh: false });
  }

  #tellGuard(entry: Entry, verdict: Verdict, { adapted }: MachineState): void {
    const { guard, population } = entry.registrar;
    if (verdict.kind === 'bound') {
      entry.boundAt = this.now();
      noteHome(entry, this.now(), entry.registrar.targetsUntil);
      guard.succeeded(entry);
      return;
    }
    const isRefused =
      verdict.kind === 'failed' && (verdict.failure === 'rejected' || entry.lastCode === 404);
    if (isRefused) guard.refused(entry, population);
    // Once more at once with something adapted: that is the same try.
    else if (verdict.kind === 'elsewhere') return;
    else if (verdict.kind === 'failed' || adapted === entry.state.adapted) guard.undecided(entry);
  }

  #plan(entry: Entry, { grantedSec, sentAt }: Extract<Verdict, { kind: 'bound' }>): Instant {
    const { random } = this.#ports;
    countRefreshes(entry, grantedSec);
    const { slots, refreshesPerSec } = entry.registrar;
    const spread = entry.state.boundUntil === undefined || hasTrait(entry, TRAIT.held);
    setTrait(entry, TRAIT.held, false);
    const chance = { slot: random.fraction(), within: random.fraction() };
    const counters = { registrar: slots, overall: this.#slots, perSec: refreshesPerSec };
    const at = refreshAt(refreshWindow(sentAt, grantedSec, spread), this.now(), chance, counters);
    entry.slot = Math.floor(at / 1000);
    this.#slots.add(entry.slot);
    slots?.add(entry.slot);
    return at;
  }

  #dropSlot(entry: Entry): void {
    if (entry.slot < 0) return;
    this.#slots.drop(entry.slot);
    entry.registrar.slots?.drop(entry.slot);
    entry.slot = -1;
  }

  #carryOut(entry: Entry, effect: Effect): void {
    switch (effect) {
      case 'arm':
        this.#arm(entry);
        break;
      case 'try':
      case 'remove':
        this.queries.abort(entry);
        this.#dropSlot(entry);
        entry.place = 'nowhere';
        this.#arm(entry);
        this.attempts.begin(entry);
        break;
      case 'cancel':
        this.queries.abort(entry);
        this.#dropSlot(entry);
        this.attempts.cancel(entry);
        break;
      case 'renewCallId':
        this.attempts.renewCallId(entry);
        break;
      case 'finished':
        this.#ports.timers.disarm(entry.timer);
        this.#finished(entry);
        break;
    }
  }

  /** One timer for both: the next try, and the end of the binding while one is under way. */
  #arm(entry: Entry): void {
    const { isTrying, name, dueAt, boundUntil } = entry.state;
    const { timers } = this.#ports;
    if (entry.rare?.query !== undefined) {
      // Its next step is the answer, after which this is called again.
      if (boundUntil === undefined) timers.disarm(entry.timer);
      else timers.arm(entry.timer, boundUntil);
    } else if (!isTrying) {
      entry.place = 'timer';
      entry.placedAt = this.now();
      timers.arm(entry.timer, boundUntil === undefined ? dueAt : earlier(dueAt, boundUntil));
    } else if (name === 'unregistering') {
      timers.arm(entry.timer, boundUntil === undefined ? dueAt : earlier(dueAt, boundUntil));
    } else if (boundUntil !== undefined) {
      timers.arm(entry.timer, boundUntil);
    } else {
      timers.disarm(entry.timer);
    }
  }

  #tell(entry: Entry, before: MachineState, at: Instant): void {
    const { spec, state } = entry;
    const bound = state.boundUntil !== undefined;
    const wasBound = before.boundUntil !== undefined;
    const isLapse = wasBound && !bound && countsAsLapse(entry, before.name, state.name);
    if (isLapse) entry.lapses += 1;
    const group = entry.rare?.group;
    if (group !== undefined) {
      this.groups?.changed(group, entry, before);
      return;
    }
    this.tally.moved(spec.profile.contract, before.name, state.name);
    const isSame = state.name === before.name && bound === wasBound;
    if (isSame && state.cause?.code === before.cause?.code) return;
    const change = { spec, from: before.name, state: state.name, bound, isLapse };
    this.#publish(changedEvent(entry, at, change));
  }
}
