/**
 * Keeper of the machine of one way to one target: asks the pacer, sends the probes, arms the one timer,
 * and tells whoever shares the way when something changed. Made and stopped by the unit table.
 */
import { type Fault, fault } from '../base/fault.ts';
import { after, earlier, type Instant } from '../base/instant.ts';
import { Timer } from '../base/timer-queue.ts';
import { DigestSession } from '../sip/digest/session.ts';
import { type Target, targetKey } from '../sip/locate/target.ts';
import { silentFault } from '../sip/proxy/events.ts';
import {
  type Exchange,
  type ExchangeOutcome,
  type PacerTicket,
  PRIORITY,
} from '../sip/user-agent/ports.ts';
import { IdleTurns } from './idle-turns.ts';
import { stepTarget } from './machine.ts';
import { cseqOf, OptionsProbe, type ProbeWay } from './options-probe.ts';
import type { PeerServer } from './peer-server.ts';
import type { CapUser } from './probe-cap.ts';
import { ProbeRecord } from './probe-record.ts';
import { patienceMs, timeoutMs } from './rtt-window.ts';
import type { TargetSnapshot } from './snapshot.ts';
import type { ProbePlan } from './spec.ts';
import { isCrowd, phaseOf } from './spread.ts';
import { carryOver, newTarget, type TargetInput, type TargetState } from './target-state.ts';
import type { UnitPorts } from './unit-ports.ts';
import type { Finding } from './verdict.ts';

interface RunningProbe {
  readonly id: number;
  readonly exchange: Exchange;
}

const STANDSTILL: Fault = fault('process.stoodStill', 'local');
const NO_ADDRESSES: readonly string[] = [];
const NONE_RUNNING: readonly RunningProbe[] = [];

export class ProbeUnit implements CapUser {
  readonly way: ProbeWay;
  /** wayKey of the way. */
  readonly key: string;
  readonly targetKey: string;
  /** The peer servers that share the unit; kept by the unit table. */
  readonly subscribers: Set<PeerServer> = new Set();
  readonly #ports: UnitPorts;
  readonly #probe: OptionsProbe;
  readonly #phase: number;
  readonly #timer = new Timer((now) => this.#ticked(now));
  readonly #granted = () => this.#send();
  readonly #tail: OptionsProbe['tail'];
  #record = new ProbeRecord();
  #state: TargetState;
  #running: readonly RunningProbe[] = NONE_RUNNING;
  /** Where the provider asks for credentials; they are kept by all probes of the way. */
  readonly #session: DigestSession | undefined;
  #ticket: PacerTicket | undefined;
  #nextProbeAt: Instant | undefined;
  #probes = 0;
  /** The probe that is under way was a regular one, so that the next is an interval later. */
  #isInTurn = false;
  /** The first probe comes sooner than its phase says. */
  #isOutOfPhase = false;
  #isStopped = false;
  readonly #idleTurns: IdleTurns | undefined;

  constructor(way: ProbeWay, key: string, ports: UnitPorts) {
    this.way = way;
    this.key = key;
    this.targetKey = targetKey(way.target);
    this.#ports = ports;
    this.#probe = new OptionsProbe(way);
    this.#tail = (flow) => this.#probe.tail(flow);
    this.#phase = phaseOf(key);
    this.#idleTurns = way.plan.mode === 'idleOnly' ? new IdleTurns() : undefined;
    this.#state = newTarget(ports.clock.now());
    const { credentials, digest } = way;
    this.#session =
      credentials && new DigestSession(credentials, ports.hasher, ports.random, digest);
  }

  get target(): Target {
    return this.way.target;
  }

  get plan(): ProbePlan {
    return this.way.plan;
  }

  get state(): TargetState {
    return this.#state;
  }

  get rttMs(): number | undefined {
    return this.#record.lastRttMs;
  }

  /** When the next probe goes, or the open ones are judged; undefined once stopped. */
  get nextProbeAt(): Instant | undefined {
    return this.#nextProbeAt ?? (this.#timer.isArmed ? this.#timer.deadline : undefined);
  }

  /** Something will happen to it by itself; false is a bug, which the watchdog looks for. */
  get hasNextStep(): boolean {
    return (
      this.#isStopped ||
      this.#timer.isArmed ||
      this.#ticket !== undefined ||
      this.#running.length > 0 ||
      this.#ports.cap.has(this)
    );
  }

  /** Begins anew, whatever it waited for. */
  revive(): void {
    this.#state.open = [];
    this.#state.next = { kind: 'round' };
    this.#planNext(this.#ports.clock.now());
    this.#arm();
  }

  /** Begins to probe, as one of `count` that begin now; what `old` knew of the same target is kept. */
  start(count: number, old: ProbeUnit | undefined): void {
    const now = this.#ports.clock.now();
    const { calendar } = this.#ports;
    calendar.join(this.plan.intervalMs);
    this.#nextProbeAt = calendar.firstTurn(now, this.#phase, this.plan.intervalMs, count);
    this.#isOutOfPhase = !isCrowd(count, this.plan.intervalMs);
    if (old !== undefined) {
      this.#state = carryOver(old.#state);
      this.#record = old.#record;
      this.#nextProbeAt = earlier(this.#nextProbeAt, old.#nextProbeAt ?? this.#nextProbeAt);
    }
    this.#arm();
  }

  /** Ends everything that is under way; nothing is reported any more. */
  stop(): void {
    this.#isStopped = true;
    this.#ports.freezer.forget(this);
    this.#ports.calendar.leave(this.plan.intervalMs);
    this.#ports.timers.disarm(this.#timer);
    this.#nextProbeAt = undefined;
    this.#dropTicket();
    this.#cancelRunning();
  }

  /** Probes at once, whatever is planned, unless as many are open as may be. */
  probeNow(): void {
    const { kind } = this.#state.next;
    if (kind === 'round' || kind === 'at') this.#feed({ kind: 'tick', isDue: true });
  }

  /** Probes at once if nothing but the next regular turn is planned. */
  hurry(): void {
    if (this.#state.next.kind === 'round') this.probeNow();
  }

  /** trunkd did not run for a while: what was under way proves nothing. */
  stoodStill(): void {
    if (this.#state.open.length > 0) this.#voidOpen(STANDSTILL);
  }

  /** Calls fail there: it is asked at once, unless it is being asked. */
  observed(what: string): void {
    this.#record.note(this.#ports.clock.now(), what);
    this.hurry();
  }

  /** `enabled`: calls may go there. */
  snapshot(enabled: boolean): TargetSnapshot {
    const { name, since, successes, failures, lastSentAt } = this.#state;
    const record = this.#record;
    return {
      target: this.targetKey,
      at: this.target,
      state: name,
      enabled,
      since,
      rttMs: this.rttMs,
      // Sorts for its percentiles, which few that take a snapshot look at.
      get rtt() {
        return record.rtt;
      },
      lastResponse: record.lastResponse,
      lastSentAt,
      evidence: record.evidence,
      successes,
      failures,
      nextProbeAt: this.nextProbeAt,
    };
  }

  #ticked(now: Instant): void {
    const since = this.#state.open[0]?.sentAt;
    if (since === undefined) {
      this.#tick(now);
      return;
    }
    const { via } = this.target;
    if (via === undefined) {
      this.#silentSince(since);
      return;
    }
    // What is judged now is the silence of the target, unless it is that of our own proxy.
    const vouched = (wasAlive: boolean): void => {
      if (wasAlive) this.#silentSince(since);
      else this.#voidOpen(silentFault(via));
    };
    const proxy = this.#ports.proxyNamed(via);
    if (proxy === undefined) vouched(false);
    else proxy.vouch(since, (wasAlive) => this.#isStopped || vouched(wasAlive));
  }

  /** An answer is missing: that counts against the target, unless it is our own fault. */
  #silentSince(since: Instant): void {
    const own = this.#ports.freezer.doubt(this, since);
    if (own === undefined) this.#tick(this.#ports.clock.now());
    else this.#voidOpen(own);
  }

  /** Nothing that is under way proves anything. */
  #voidOpen(reason: Fault): void {
    this.#cancelRunning();
    for (const { id } of this.#state.open) {
      this.#feed({ kind: 'ended', id, finding: { kind: 'none', verdict: 'void', fault: reason } });
    }
  }

  /** Something came from the target: with `idleOnly` that may stand for its next regular probe. */
  heard(at: Instant): void {
    this.#idleTurns?.heard(at);
  }

  #tick(now: Instant): void {
    const isDue = this.#nextProbeAt !== undefined && this.#nextProbeAt <= now;
    const heardAt = isDue ? this.#idleTurns?.insteadOfProbe(this.#state) : undefined;
    if (heardAt !== undefined) {
      this.#isInTurn = true;
      this.#nextProbeAt = this.#round(heardAt);
      this.#arm();
      return;
    }
    if (isDue) this.#isInTurn = this.#state.next.kind === 'round' && !this.#isOutOfPhase;
    if (isDue) this.#isOutOfPhase = false;
    this.#feed({ kind: 'tick', isDue });
  }

  #feed(input: TargetInput): void {
    const state = this.#state;
    const { name, isMute, voidFault, next } = state;
    const now = this.#ports.clock.now();
    const { plan } = this;
    const { medianMs } = this.#record;
    const effects = stepTarget(state, input, {
      now,
      plan,
      patienceMs: patienceMs(plan, medianMs),
      timeoutMs: timeoutMs(plan, medianMs),
    });
    let isAsking = false;
    for (const effect of effects) {
      if (effect.kind === 'probe') isAsking = true;
      else this.#cancelRunning();
    }
    if (state.next !== next) this.#planNext(now);
    // Who asks arms once it has sent, or when it has to wait for its turn.
    if (!isAsking) this.#arm();
    const isChanged =
      state.name !== name || state.isMute !== isMute || state.voidFault !== voidFault;
    if (isChanged) {
      this.#record.changed(name, state.name, now);
      this.#ports.changed(this, name);
    }
    if (isAsking) this.#ask(now);
  }

  #planNext(now: Instant): void {
    const { next, lastSentAt } = this.#state;
    if (next.kind !== 'asked') this.#dropTicket();
    if (next.kind === 'at') this.#nextProbeAt = next.at;
    else this.#nextProbeAt = next.kind === 'round' ? this.#round(lastSentAt ?? now) : undefined;
  }

  #round(lastSentAt: Instant): Instant {
    const { calendar } = this.#ports;
    const { intervalMs } = this.plan;
    const at = this.#isInTurn
      ? calendar.nextTurn(lastSentAt, intervalMs)
      : calendar.homeTurn(lastSentAt, intervalMs, this.#phase);
    this.#isInTurn = false;
    return this.#ports.turn(this, at);
  }

  #arm(): void {
    const { checkAt } = this.#state;
    const nextProbeAt = this.#nextProbeAt;
    const { timers } = this.#ports;
    if (nextProbeAt === undefined) {
      if (checkAt === undefined) timers.disarm(this.#timer);
      else timers.arm(this.#timer, checkAt);
    } else {
      timers.arm(this.#timer, checkAt === undefined ? nextProbeAt : earlier(nextProbeAt, checkAt));
    }
  }

  #ask(now: Instant): void {
    if (this.#ports.cap.enter(this)) this.#askPacer(now);
    else this.#arm();
  }

  /** Its turn among all probes has come. */
  granted(): void {
    this.#askPacer(this.#ports.clock.now());
  }

  #askPacer(now: Instant): void {
    if (this.#ports.pacer.enter(this.targetKey)) {
      this.#send();
      return;
    }
    this.#arm();
    const deadline = after(now, this.plan.timeoutMs);
    this.#ticket = this.#ports.pacer.enqueue(this.targetKey, {
      priority: PRIORITY.probe,
      deadline,
      grant: this.#granted,
    });
  }

  #send(): void {
    this.#ticket = undefined;
    this.#probes += 1;
    const id = this.#probes;
    this.#feed({ kind: 'sent', id });
    const { way } = this;
    const { random, userAgent } = this.#ports;
    // Through a proxy answers come from the proxy.
    const isSet = way.sourceCheck === 'set' && way.target.via === undefined;
    const exchange = userAgent.start(
      {
        template: this.#probe.next(random),
        tail: this.#tail,
        target: way.target,
        route: way.route,
        alternatives: isSet ? this.#ports.alternatives(this) : NO_ADDRESSES,
        sourceCheck: way.sourceCheck,
        localSocket: way.localSocket,
        tls: way.target.protocol === 'tls' ? way.tls : undefined,
        nextCseq: cseqOf(this.#session),
        session: this.#session,
        timeoutMs: timeoutMs(this.plan, this.#record.medianMs),
      },
      (outcome) => this.#received(id, outcome),
    );
    const running: RunningProbe = { id, exchange };
    this.#running = this.#running.length === 0 ? [running] : [...this.#running, running];
  }

  #received(id: number, outcome: ExchangeOutcome): void {
    const running = this.#running;
    if (!running.some((probe) => probe.id === id)) return;
    this.#running = running.length === 1 ? NONE_RUNNING : running.filter((one) => one.id !== id);
    const judged = this.#record.judge(outcome, this.plan, this.#ports.clock.now());
    const isDoubtful = judged.verdict === 'bad' || judged.verdict === 'void';
    const finding = isDoubtful ? this.#doubted(judged, id) : judged;
    const isAnswer = judged.verdict !== 'bad' && outcome.kind === 'response';
    if (isAnswer) this.#ports.freezer.answered(this);
    const rttMs =
      outcome.kind === 'response' && finding.kind === 'answer' ? outcome.rttMs : undefined;
    this.#feed({ kind: 'ended', id, finding });
    this.#ports.finished(this, finding, rttMs);
  }

  /** What went wrong may be our own fault. */
  #doubted(finding: Finding, id: number): Finding {
    const sentAt = this.#state.open.find((probe) => probe.id === id)?.sentAt;
    return this.#ports.freezer.weigh(this, finding, sentAt);
  }

  #dropTicket(): void {
    this.#ports.cap.leave(this);
    this.#ticket?.cancel();
    this.#ticket = undefined;
  }

  #cancelRunning(): void {
    const running = this.#running;
    this.#running = NONE_RUNNING;
    for (const { exchange } of running) exchange.cancel();
  }
}
