/**
 * What becomes of bindings when the flow over which they were made is lost, or is no longer what it was:
 * a connection that closed, a NAT that gave us another address, a UDP peer whose keep-alives stay unanswered.
 * They are bound again, spread over a few seconds, and count as held until then (RFC 5626 section 4.2.1).
 *
 *   bound ------> our address in the answer: the first -> kept open, followed; another -> bind again
 *   lost(flow) -> a connection: bind again, over a new one
 *   news(flow) -> STUN: moved or silent -> bind again, over the same one
 *
 * A server that closes every connection soon must not be asked for ever: from the second short-lived one on,
 * the pause doubles from 30 s (RFC 5626 section 4.5); the planned refresh remains the limit.
 */
import type { Cause } from '../base/cause.ts';
import type { Clock } from '../base/clock.ts';
import type { Fault } from '../base/fault.ts';
import { after, elapsedMs, type Instant } from '../base/instant.ts';
import { between, type Random } from '../base/random.ts';
import { Timer, type TimerQueue } from '../base/timer-queue.ts';
import { seenAs } from '../sip/header/seen-as.ts';
import type { FlowKeeperPort, FlowNews } from '../sip/keep-alive/ports.ts';
import { bracketed } from '../sip/locate/ip-literal.ts';
import type { Flow } from '../sip/transport/ports.ts';
import type { ExchangeOutcome } from '../sip/user-agent/ports.ts';
import { retryWithoutBindingMs } from './backoff.ts';
import { type BoundFlow, BoundFlows, seenOver } from './bound-flows.ts';
import {
  addressAlternates,
  addressMoved,
  behindNat,
  connectionLost,
  flowSilent,
} from './causes.ts';
import { CROWD_SPREAD_MS, markCrowd, turnsOf } from './crowd.ts';
import { type Carrier, type Entry, hasTrait, TRAIT, targetName } from './entry.ts';
import { wishOf } from './keep-alive-wish.ts';
import { againAt, type LearnedAddress, moved, type Sighting, sight } from './learned-address.ts';
import { isBound } from './machine-state.ts';
import { flowTimerSec } from './outbound.ts';
import { contactPoint } from './request.ts';
import { TargetGate } from './target-gate.ts';

export interface FlowWatchPorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly random: Random;
  readonly flowKeeper: FlowKeeperPort;
}

/** Who acts on it. */
export interface FlowWatchUser {
  /** It is to be bound again at that time, unless that is planned earlier. */
  bindAgain(entry: Entry, at: Instant): void;
  noticed(entry: Entry, why: Cause): void;
}

/** A NAT concerns us alone: few registrations need no long spread. */
const SPREAD_EACH_MS = 20;
/** A connection that lived longer was no failure of the server to keep it. RFC 5626 section 4.5. */
const SETTLED_MS = 120_000;
/** Flows whose bindings are to be made anew are gathered for so long: one walk serves all of them. */
const GATHER_MS = 100;

export class FlowWatch {
  readonly flows: BoundFlows = new BoundFlows();
  readonly #ports: FlowWatchPorts;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #user: FlowWatchUser;
  /** UDP flows that changed, and why; with who saw it, and need not be asked again. */
  #changed = new Map<
    Carrier,
    { readonly why: (count: number) => Cause; readonly but: Entry | undefined }
  >();
  readonly #gather = new Timer((now) => this.#bindChanged(now));

  constructor(ports: FlowWatchPorts, entries: ReadonlyMap<string, Entry>, user: FlowWatchUser) {
    this.#ports = ports;
    this.#entries = entries;
    this.#user = user;
  }

  /** A 2xx made or refreshed the binding. */
  bound(entry: Entry, outcome: Extract<ExchangeOutcome, { kind: 'response' }>, now: Instant): void {
    const { flow, response, isAuthenticated } = outcome;
    if (entry.gate?.target.via !== undefined) {
      this.#boundBehindProxy(entry, entry.gate, now);
      return;
    }
    const bound = this.flows.bound(entry, flow, now, this.#left);
    const seen = seenAs(response);
    if (seen !== undefined) this.#seen(entry, bound, seen, isAuthenticated, now);
    const hasOutbound = hasTrait(entry, TRAIT.hasOutbound);
    const wish = wishOf(entry.spec.profile.keepAlive, flow, {
      isBehindNat: isBehindNat(bound),
      hasOutbound,
      flowTimerSec: flowTimerSec(response),
    });
    if (wish !== undefined) bound.kept = this.#ports.flowKeeper.keep(flow, wish);
    else if (bound.count === 1) this.#release(bound);
    if (entry.spec.profile.contact.kind !== 'learned') return;
    // A request that took TCP for its size says nothing of the address of its Contact.
    if (entry.gate?.target.protocol !== flow.protocol) return;
    const point = contactPoint(entry.spec, flow, flow.protocol, this.learnedOn(flow));
    if (entry.contactPoint !== point) this.#user.bindAgain(entry, now);
  }

  /** The way to the registrar is the proxy's: its NAT and its keep-alives, too. */
  #boundBehindProxy(entry: Entry, gate: TargetGate, now: Instant): void {
    if (gate.target.protocol === 'udp') this.leave(entry);
    else this.flows.bound(entry, gate, now, this.#left);
  }

  leave(entry: Entry): void {
    this.flows.leave(entry, this.#left);
  }

  /** What `contact: learned` says over that flow; undefined: not known yet. */
  learnedOn(flow: Flow): string | undefined {
    return this.flows.of(flow)?.learned?.followed;
  }

  /** A connection is gone: what was bound over it is bound again soon. */
  lost(flow: Flow, reason: Fault, now: Instant): void {
    const { entries, again } = this.take(flow, reason, now);
    const held = entries.find(({ state }) => isBound(state, now));
    if (held === undefined) return;
    this.#user.noticed(held, connectionLost(targetName(held), entries.length, reason));
    markCrowd(entries);
    for (const entry of entries) this.#user.bindAgain(entry, again());
  }

  /** Forgets a carrier that is gone: those that were bound over it, and `again`, a moment for each. */
  take(
    carrier: Carrier,
    reason: Fault,
    now: Instant,
  ): { readonly entries: readonly Entry[]; readonly again: () => Instant } {
    const { random, timers } = this.#ports;
    const bound = this.flows.drop(carrier);
    if (bound?.timer !== undefined) timers.disarm(bound.timer);
    const entries = [...(bound?.entries ?? [])];
    const gate = entries[0]?.gate;
    const isTheirs = reason.blame !== 'local';
    const isShort = isTheirs && bound !== undefined && elapsedMs(bound.since, now) < SETTLED_MS;
    const inRow = isShort && gate !== undefined ? gate.flowsLost + 1 : 1;
    if (gate !== undefined && isTheirs) gate.flowsLost = inRow;
    // Behind a proxy all wait for their turns at once, so that who runs out first goes first.
    const spreadMs = carrier instanceof TargetGate ? 0 : CROWD_SPREAD_MS;
    const again = () => {
      const pauseMs = inRow === 1 ? 0 : retryWithoutBindingMs(inRow - 1, random);
      return Math.ceil(after(now, pauseMs + between(random, 0, spreadMs))) as Instant;
    };
    return { entries, again };
  }

  /** A UDP flow is no longer what it was; it goes on being used. */
  news(flow: Flow, news: FlowNews, now: Instant): void {
    const bound = this.flows.of(flow);
    if (bound === undefined) return;
    if (news.kind === 'silent') {
      this.#change(bound, (count) => flowSilent(flowName(flow), count), undefined);
      return;
    }
    const first = bound.mapped ?? sight(undefined, news.before, bound.since).address;
    const sighting = sight(first, news.mapped, now);
    bound.mapped = sighting.address;
    this.#act(bound, sighting, { before: news.before, by: 'stun' }, now);
  }

  stop(): void {
    this.#ports.timers.disarm(this.#gather);
    this.#changed = new Map();
  }

  #seen(
    entry: Entry,
    bound: BoundFlow,
    seen: string,
    isAuthenticated: boolean,
    now: Instant,
  ): void {
    const wasBehindNat = isBehindNat(bound);
    const before = bound.learned?.followed;
    bound.seen = seen;
    if (isAuthenticated) {
      const { learned } = bound;
      const sighting = sight(learned, seen, now);
      // Everybody is bound again already: the answers only tell which address it is.
      const isExpected = bound.isRelearned && learned !== undefined;
      bound.isRelearned = false;
      bound.learned = isExpected ? moved(learned, seen, now) : sighting.address;
      if (before !== undefined && !isExpected)
        this.#act(bound, sighting, { before, by: entry }, now);
    }
    const { flow } = bound;
    if (!wasBehindNat && isBehindNat(bound) && !(flow instanceof TargetGate)) {
      this.#user.noticed(entry, behindNat(flowName(flow), flow.sentBy, seen));
    }
  }

  #act(
    bound: BoundFlow,
    { change, address: { seen } }: Sighting,
    { before, by }: { readonly before: string; readonly by: Entry | 'stun' | undefined },
    now: Instant,
  ): void {
    if (change === 'none' || change === 'first') return;
    if (change !== 'moved') {
      if (change === 'alternates') this.#tellAlternation(bound, before, seen);
      this.#lookAgain(bound);
      return;
    }
    if (by === 'stun') relearn(bound, before, seen, now);
    const name = flowName(bound.flow);
    const but = by === 'stun' ? undefined : by;
    this.#change(bound, (count) => addressMoved(name, before, seen, count), but);
  }

  #tellAlternation({ flow, entries }: BoundFlow, before: string, seen: string): void {
    for (const entry of entries ?? this.#entries.values()) {
      if (entry.way?.flow !== flow) continue;
      this.#user.noticed(entry, addressAlternates(flowName(flow), before, seen));
      return;
    }
  }

  /** What was put off is looked at when it may be followed. */
  #lookAgain(bound: BoundFlow): void {
    const put = [bound.learned, bound.mapped].flatMap((one) => (isPutOff(one) ? againAt(one) : []));
    if (put.length === 0) return;
    bound.timer ??= new Timer((now) => this.#looked(bound, now));
    this.#ports.timers.arm(bound.timer, Math.ceil(Math.min(...put)) as Instant);
  }

  #looked(bound: BoundFlow, now: Instant): void {
    const { learned, mapped } = bound;
    if (isPutOff(mapped) && againAt(mapped) <= now) {
      const sighting = sight(mapped, mapped.seen, now);
      bound.mapped = sighting.address;
      this.#act(bound, sighting, { before: mapped.followed, by: 'stun' }, now);
    }
    if (isPutOff(learned) && bound.learned === learned && againAt(learned) <= now) {
      const sighting = sight(learned, learned.seen, now);
      bound.learned = sighting.address;
      this.#act(bound, sighting, { before: learned.followed, by: undefined }, now);
    }
    this.#lookAgain(bound);
  }

  /** Everybody on the flow is to be bound again; gathered, since many flows may change together. */
  #change(bound: BoundFlow, why: (count: number) => Cause, but: Entry | undefined): void {
    this.#changed.set(bound.flow, { why, but });
    const { clock, timers } = this.#ports;
    if (!this.#gather.isArmed) timers.arm(this.#gather, after(clock.now(), GATHER_MS));
  }

  #bindChanged(now: Instant): void {
    const changed = this.#changed;
    this.#changed = new Map();
    const found = new Map<Carrier, Entry[]>();
    for (const entry of this.#entries.values()) {
      const flow = entry.way?.flow;
      if (flow === undefined || !changed.has(flow) || changed.get(flow)?.but === entry) continue;
      if (!isBound(entry.state, now)) continue;
      const others = found.get(flow);
      if (others === undefined) found.set(flow, [entry]);
      else others.push(entry);
    }
    for (const [flow, { why, but }] of changed) this.#bindAll(found.get(flow) ?? [], why, but, now);
  }

  #bindAll(
    entries: readonly Entry[],
    why: (count: number) => Cause,
    but: Entry | undefined,
    now: Instant,
  ): void {
    const teller = entries[0] ?? but;
    if (teller !== undefined) this.#user.noticed(teller, why(entries.length));
    const spreadMs = Math.min(CROWD_SPREAD_MS, SPREAD_EACH_MS * entries.length);
    markCrowd(entries);
    for (const { entry, at } of turnsOf(entries, spreadMs, now)) this.#user.bindAgain(entry, at);
  }

  readonly #left = (bound: BoundFlow): void => {
    if (bound.timer !== undefined) this.#ports.timers.disarm(bound.timer);
    bound.kept = undefined;
    if (!(bound.flow instanceof TargetGate)) this.#ports.flowKeeper.abandon(bound.flow);
  };

  #release(bound: BoundFlow): void {
    const { flow } = bound;
    bound.kept = undefined;
    if (!(flow instanceof TargetGate)) this.#ports.flowKeeper.release(flow);
  }
}

/** Another address than the followed one was seen, and is not followed yet. */
function isPutOff(one: LearnedAddress | undefined): one is LearnedAddress {
  return one !== undefined && one.seen !== one.followed;
}

/** What STUN found out is what the next answers will say, if they said the same before. */
function relearn(bound: BoundFlow, before: string, seen: string, now: Instant): void {
  const { learned } = bound;
  const isSame = learned !== undefined && learned.seen === before;
  if (isSame) bound.learned = moved(learned, seen, now);
  bound.isRelearned = !isSame;
  bound.seen = seen;
}

/** Is our address another one on the other side? A sent-by without a port means 5060. */
function isBehindNat(bound: BoundFlow): boolean {
  const { flow } = bound;
  const address = seenOver(bound);
  if (flow instanceof TargetGate) return false;
  return address !== undefined && address !== flow.sentBy && address !== `${flow.sentBy}:5060`;
}

function flowName(carrier: Carrier): string {
  if (carrier instanceof TargetGate) return carrier.key;
  const {
    protocol,
    remote: { address, port },
  } = carrier;
  return `${protocol}:${bracketed(address)}:${port}`;
}
