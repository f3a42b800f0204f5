/**
 * Keeper of the machine of one way to one target: asks the pacer, sends the probes, arms the one timer,
 * and tells whoever shares the way when something changed. Made and stopped by the unit table.
 */
import { type Fault, fault } from '../base/fault.ts';
import { after, earlier, elapsedMs, type Instant } from '../base/instant.ts';
import { Timer } from '../base/timer-queue.ts';
import { type Target, targetKey } from '../sip/locate/target.ts';
import { silentFault } from '../sip/proxy/events.ts';
import { type PacerTicket, PRIORITY } from '../sip/user-agent/ports.ts';
import { type Asker, askerOf, type RunningProbe } from './asker.ts';
import { IdleTurns } from './idle-turns.ts';
import { stepTarget } from './machine.ts';
import { observedTurn } from './observations.ts';
import type { ProbeWay } from './options-probe.ts';
import type { PeerServer } from './peer-server.ts';
import type { CapUser } from './probe-cap.ts';
import { ProbeRecord } from './probe-record.ts';
import type { RegisterReport } from './register-reports.ts';
import { patienceMs, timeoutMs } from './rtt-window.ts';
import type { TargetSnapshot } from './snapshot.ts';
import type { ProbePlan } from './spec.ts';
import { isCrowd, phaseOf } from './spread.ts';
import { carryOver, newTarget, type TargetInput, type TargetState } from './target-state.ts';
import type { Crowd, UnitPorts } from './unit-ports.ts';
import type { Finding, ProbeOutcome } from './verdict.ts';

const STANDSTILL: Fault = fault('process.stoodStill', 'local');
/** Every exchange ends by then, and ten time-outs, with all its repeats. */
const LOST_AFTER_MS = 60_000;
/** Only who asked to be left alone is waited for so long. */
const LONG_WAIT_MS = 30_000;
const NONE_RUNNING: readonly RunningProbe[] = [];

export class ProbeUnit implements CapUser {
  readonly way: ProbeWay;
  /** wayKey of the way. */
  readonly key: string;
  readonly targetKey: string;
  /** The peer servers that share the unit; kept by the unit table. */
  readonly subscribers: Set<PeerServer> = new Set();
  /** Whoever else has a way to the same target; undefined: nobody. Kept by the unit table. */
  crowd: Crowd | undefined;
  readonly #ports: UnitPorts;
  /** Undefined: nothing is asked, and others tell (`mode: register`). */
  readonly #asker: Asker | undefined;
  readonly #phase: number;
  readonly #timer = new Timer((now) => this.#ticked(now));
  readonly #granted = () => this.#send(this.#ports.clock.now());
  #record = new ProbeRecord();
  #state: TargetState;
  #running: readonly RunningProbe[] = NONE_RUNNING;
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
    const isAsked = way.plan.mode !== 'register';
    this.#asker = isAsked
      ? askerOf(way, this.targetKey, ports, () => ports.alternatives(this))
      : undefined;
    this.#phase = phaseOf(key);
    this.#idleTurns = way.plan.mode === 'idleOnly' ? new IdleTurns() : undefined;
    this.#state = newTarget(ports.clock.now());
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
  hasNextStep(now: Instant): boolean {
    const isOwnStep = this.#timer.isArmed || this.#ticket !== undefined;
    if (this.#isStopped || this.#asker === undefined || isOwnStep) return true;
    const { lastSentAt = now } = this.#state;
    const isAnswerDue = elapsedMs(lastSentAt, now) < LOST_AFTER_MS + 10 * this.plan.timeoutMs;
    return (this.#running.length > 0 && isAnswerDue) || this.#ports.cap.has(this);
  }

  /** Begins anew, whatever it waited for. */
  revive(): void {
    const now = this.#ports.clock.now();
    this.#cancelRunning();
    this.#state.open = [];
    this.#state.next = { kind: 'at', at: now };
    this.#planNext(now);
    this.#arm();
  }

  /** Begins to probe, as one of `count` that begin now; what `old` knew of the same target is kept. */
  start(count: number, old: ProbeUnit | undefined): void {
    const now = this.#ports.clock.now();
    const { calendar } = this.#ports;
    if (old !== undefined) {
      this.#state = carryOver(old.#state);
      this.#record = old.#record;
    }
    if (this.#asker === undefined) return;
    calendar.join(this.plan.intervalMs);
    const first = calendar.firstTurn(now, this.#phase, this.plan.intervalMs, count);
    this.#nextProbeAt = earlier(first, old?.nextProbeAt ?? first);
    this.#isOutOfPhase = !isCrowd(count, this.plan.intervalMs);
    this.#arm();
  }

  /** Ends everything that is under way; nothing is reported any more. */
  stop(): void {
    this.#isStopped = true;
    this.#ports.freezer.forget(this);
    if (this.#asker !== undefined) this.#ports.calendar.leave(this.plan.intervalMs);
    this.#ports.timers.disarm(this.#timer);
    this.#nextProbeAt = undefined;
    this.#dropTicket();
    this.#cancelRunning();
  }

  /** Probes at once, whatever is planned, unless as many are open as may be. */
  probeNow(): void {
    if (this.#asker === undefined) return;
    const { kind } = this.#state.next;
    if (kind !== 'round' && kind !== 'at') return;
    this.#feed({ kind: 'tick', isDue: true }, this.#ports.clock.now());
  }

  /** Probes at once if nothing but the next regular turn is planned. */
  hurry(): void {
    if (this.#state.next.kind === 'round') this.probeNow();
  }

  /** trunkd did not run for so long: what was under way proves nothing, and a long wait is nearer to its end. */
  stoodStill(ms: number): void {
    if (this.#state.open.length > 0) this.#voidOpen(STANDSTILL);
    const { next } = this.#state;
    const now = this.#ports.clock.now();
    if (next.kind !== 'at' || elapsedMs(now, next.at) < LONG_WAIT_MS) return;
    this.#state.next = { kind: 'at', at: after(next.at, -ms) };
    this.#planNext(now);
    this.#arm();
  }

  /** Calls fail there: it is asked at once, or a second after it was asked, unless it is being asked. */
  observed(what: string, now: Instant): void {
    this.#record.note(now, what);
    if (this.#state.next.kind !== 'round') return;
    this.#nextProbeAt = observedTurn(this.#state.lastSentAt, this.#nextProbeAt, now);
    this.#arm();
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
    const finding: Finding = { kind: 'none', verdict: 'void', fault: reason };
    const now = this.#ports.clock.now();
    this.#record.note(now, reason.code);
    for (const { id } of this.#state.open) this.#feed({ kind: 'ended', id, finding }, now);
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
    this.#feed({ kind: 'tick', isDue }, now);
  }

  #feed(input: TargetInput, now: Instant): void {
    const state = this.#state;
    const { name, isMute, voidFault, next } = state;
    const { plan } = this;
    const { medianMs } = this.#record;
    const effects = stepTarget(state, input, {
      now,
      plan,
      patienceMs: patienceMs(plan, medianMs),
      timeoutMs: this.#record.rowMs(plan, state, input),
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
    if (this.#asker === undefined) return;
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

  /** A REGISTER to the target ended: for a unit that sends nothing itself that is a probe. */
  registerEnded({ at, result }: RegisterReport): void {
    if (this.#asker !== undefined || this.#isStopped) return;
    this.#probes += 1;
    const id = this.#probes;
    this.#feed({ kind: 'sent', id }, this.#ports.clock.now());
    const wasSent = { requests: 1, wasSent: true };
    const outcome = result.kind === 'failed' ? { ...result, ...wasSent } : result;
    this.#judge(id, outcome, after(at, -this.plan.timeoutMs));
  }

  #ask(now: Instant): void {
    if (this.#ports.cap.enter(this, now)) this.#askPacer(now);
    else this.#arm();
  }

  /** Its turn among all probes has come. */
  granted(): void {
    this.#askPacer(this.#ports.clock.now());
  }

  #askPacer(now: Instant): void {
    if (this.#asker?.isPaced !== true || this.#ports.pacer.enter(this.targetKey)) {
      this.#send(now);
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

  #send(now: Instant): void {
    this.#ticket = undefined;
    this.#probes += 1;
    const id = this.#probes;
    this.#feed({ kind: 'sent', id }, now);
    const exchange = this.#asker?.ask(timeoutMs(this.plan, this.#record.medianMs), (outcome) =>
      this.#received(id, outcome),
    );
    if (exchange === undefined) return;
    const running: RunningProbe = { id, exchange };
    this.#running = this.#running.length === 0 ? [running] : [...this.#running, running];
  }

  #received(id: number, outcome: ProbeOutcome): void {
    const running = this.#running;
    if (!running.some((probe) => probe.id === id)) return;
    this.#running = running.length === 1 ? NONE_RUNNING : running.filter((one) => one.id !== id);
    this.#judge(id, outcome, undefined);
  }

  /** `since`: when the question was sent, where the machine does not know it. */
  #judge(id: number, outcome: ProbeOutcome, since: Instant | undefined): void {
    const now = this.#ports.clock.now();
    const judged = this.#record.judge(outcome, this.plan, now);
    const isDoubtful = judged.verdict === 'bad' || judged.verdict === 'void';
    const finding = isDoubtful ? this.#doubted(judged, id, since) : judged;
    const isAnswer = judged.verdict !== 'bad' && outcome.kind !== 'failed';
    if (isAnswer) this.#ports.freezer.answered(this);
    const hasRtt = outcome.kind === 'response' || outcome.kind === 'connected';
    const isTold = finding.kind === 'answer' || finding.kind === 'connected';
    this.#feed({ kind: 'ended', id, finding }, now);
    this.#ports.finished(this, finding, hasRtt && isTold ? outcome.rttMs : undefined);
  }

  /** What went wrong may be our own fault. */
  #doubted(finding: Finding, id: number, since: Instant | undefined): Finding {
    const sentAt = since ?? this.#state.open.find((probe) => probe.id === id)?.sentAt;
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
