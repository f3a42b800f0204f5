/**
 * Keeper of whether verdicts are frozen: gathers what fails and what answers, asks own-fault.ts, asks a
 * few targets out of turn where it knows too little, and thaws. While frozen, silence proves nothing:
 * such probes are void, so that every server stays what it is; what answers is believed as ever.
 *
 * It costs a healthy target nothing: only a probe that got no answer, or could not be sent, comes here. One
 * that was not sent is void in any case; it counts only for the question whether it is us.
 */

import type { Clock } from '../base/clock.ts';
import type { Publish } from '../base/event-hub.ts';
import { type Fault, fault } from '../base/fault.ts';
import { after, earlier, elapsedMs, type Instant } from '../base/instant.ts';
import { Timer, type TimerQueue } from '../base/timer-queue.ts';
import { isLoopbackAddress } from '../sip/locate/target.ts';
import type { HealthEvent } from './events.ts';
import { isSuspicious, type Sighting } from './own-fault.ts';
import type { ProbeUnit } from './probe-unit.ts';
import type { Freeze } from './snapshot.ts';
import type { OwnFaultSpec, ProbePlan } from './spec.ts';
import type { Finding } from './verdict.ts';

/** What this machine knows of itself. Carried out by src/net. */
export interface LocalEvidence {
  /**
   * What was wrong with us at some time since `since` that would explain an answer that is missing; a
   * standstill of the loop counts from `limitMs` on. Loopback needs no carrier.
   */
  faultSince(since: Instant, limitMs: number, isLoopback: boolean): Fault | undefined;
}

export interface FreezerPorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly publish: Publish<HealthEvent>;
  readonly local: LocalEvidence;
  units(): Iterable<ProbeUnit>;
  /** Frozen, or no longer: words may follow now. */
  changed(): void;
}

/** How long verdicts stay frozen after a standstill. */
const STANDSTILL_HOLD_MS = 5_000;
/** How often the whole is looked at. */
const LOOK_MS = 1_000;
/** The least time between two looks while more and more fails: each goes through all targets. */
const SOON_MS = 250;
/** Between two times that others are asked out of turn. */
const CANVASS_GAP_MS = 5_000;
/** So many times `minTargets` are asked. */
const CANVASS_FACTOR = 2;
/** What a registrar answered sooner than this after a failure may have been on its way before. */
const WITNESS_AFTER_MS = 500;
/** Of those that failed, how many are asked again at once when one answers. */
const MAX_HURRIED = 100;

const USUAL: OwnFaultSpec = {
  maxDownShare: 0.6,
  minTargets: 5,
  minContracts: 2,
  freezeMaxMs: 600_000,
};

export class Freezer {
  spec: OwnFaultSpec = USUAL;
  readonly #ports: FreezerPorts;
  /** Targets that got no answer, and since when. */
  readonly #failing = new Map<ProbeUnit, Instant>();
  readonly #timer = new Timer(() => this.#look());
  #freeze: Freeze | undefined;
  /** It lasted for `freezeMax`, or an operator ended it: not again before it is over. */
  #isSpent = false;
  #witnessAt: Instant | undefined;
  #canvassedAt: Instant | undefined;
  #lookedAt: Instant | undefined;
  #localUntil: Instant | undefined;

  constructor(ports: FreezerPorts) {
    this.#ports = ports;
  }

  get freeze(): Freeze | undefined {
    return this.#freeze;
  }

  /** A registrar answered: our network lives. */
  witness(at: Instant): void {
    this.#witnessAt = at;
  }

  /** An operator wants nothing to be disabled. */
  order(by: string, reason: string, until: Instant | undefined): void {
    const said = reason === '' ? '' : `: ${reason}`;
    const text = `An operator froze the verdicts (${by})${said}.`;
    this.#begin(fault('ownFault.ordered', 'local', text), until, true);
  }

  /** Ends any freeze. False: there was none. */
  thaw(): boolean {
    if (this.#freeze === undefined) return false;
    this.#isSpent = !this.#freeze.isOrdered;
    this.#end();
    return true;
  }

  /**
   * A probe of the target, sent at `sentAt`, got no answer yet. The fault of ours that explains it;
   * undefined: it counts against the target.
   */
  doubt(unit: ProbeUnit, sentAt: Instant): Fault | undefined {
    const local = this.#localSince(unit, sentAt);
    // A standstill is over in any case; without a carrier silence counts again after freezeMax.
    if (local !== undefined && (!this.#isSpent || local.code !== 'ownFault.noCarrier')) {
      return local;
    }
    this.#suspect(unit, sentAt);
    return this.#freeze?.cause;
  }

  /** What is down, or was never heard, says nothing new: others are not asked out of turn for it. */
  #suspect(unit: ProbeUnit, sentAt: Instant): void {
    if (!unit.state.isHeard || unit.state.name === 'down') return;
    if (!this.#failing.has(unit)) this.#failing.set(unit, sentAt);
    this.#lookSoon(sentAt);
  }

  /** What a finding other than a good one is worth while our own side may be at fault. */
  weigh(unit: ProbeUnit, finding: Finding, sentAt: Instant | undefined): Finding {
    if (finding.verdict === 'void') return this.#weighVoid(unit, finding, sentAt);
    const isLost =
      finding.kind === 'silence' ||
      (finding.kind === 'refusal' && finding.fault.blame === 'network');
    if (!isLost && this.#freeze?.isOrdered !== true) return finding;
    const own = isLost && sentAt !== undefined ? this.doubt(unit, sentAt) : this.#freeze?.cause;
    return own === undefined ? finding : { kind: 'none', verdict: 'void', fault: own };
  }

  /** What could not even be sent proves nothing in any case; the machine may know why. */
  #weighVoid(unit: ProbeUnit, finding: Finding, sentAt: Instant | undefined): Finding {
    const isUnsent = finding.kind === 'none' && finding.fault.code === 'transport.local';
    if (!isUnsent || sentAt === undefined) return finding;
    const local = this.#localSince(unit, sentAt);
    if (local !== undefined) return { kind: 'none', verdict: 'void', fault: local };
    // It counts for the question whether it is us, if so much of all cannot be reached.
    this.#suspect(unit, sentAt);
    return finding;
  }

  /** The target answered. */
  answered(unit: ProbeUnit): void {
    if (this.#failing.size === 0 || !this.#failing.delete(unit)) return;
    if (this.#freeze === undefined || this.#freeze.isOrdered) return;
    // The way may be free again: the others have waited long enough.
    this.#hurry([...this.#failing.keys()].slice(0, MAX_HURRIED));
  }

  /** trunkd did not run for so long: a freeze ends that much sooner. */
  aged(ms: number): void {
    const { until } = this.#freeze ?? {};
    if (this.#freeze === undefined || until === undefined) return;
    this.#freeze = { ...this.#freeze, until: after(until, -ms) };
  }

  forget(unit: ProbeUnit): void {
    this.#failing.delete(unit);
  }

  stop(): void {
    this.#ports.timers.disarm(this.#timer);
  }

  /** What this machine knows of itself; that freezes. */
  #localSince({ plan, target }: ProbeUnit, sentAt: Instant): Fault | undefined {
    const isLoopback = isLoopbackAddress(target.address);
    const local = this.#ports.local.faultSince(sentAt, plan.timeoutMs / 2, isLoopback);
    if (local !== undefined) this.#localFault(local, plan);
    return local;
  }

  #localFault(local: Fault, plan: ProbePlan): void {
    // The next probe shows whether there is a carrier again; a standstill is over.
    const holdMs = local.code === 'ownFault.noCarrier' ? roundMs(plan) : STANDSTILL_HOLD_MS;
    this.#localUntil = after(this.#ports.clock.now(), holdMs);
    const freeze = this.#freeze;
    if (freeze === undefined) {
      if (!this.#isSpent) this.#beginOwn(local);
    } else if (freeze.cause.code === 'ownFault.networkSuspect') {
      // What was a suspicion is known now.
      this.#tell({ ...freeze, cause: local });
    }
  }

  #lookSoon(sentAt: Instant): void {
    const now = this.#ports.clock.now();
    if (this.#failing.size < this.spec.minTargets) this.#canvass(sentAt, now);
    const isDue = this.#lookedAt === undefined || elapsedMs(this.#lookedAt, now) >= SOON_MS;
    if (this.#failing.size < this.spec.minTargets) this.#arm(LOOK_MS);
    else if (isDue) this.#look();
    else this.#arm(SOON_MS);
  }

  /** Looks in so many milliseconds at the latest. */
  #arm(ms: number): void {
    const { clock, timers } = this.#ports;
    const at = after(clock.now(), ms);
    if (!this.#timer.isArmed || this.#timer.deadline > at) timers.arm(this.#timer, at);
  }

  #look(): void {
    const now = this.#ports.clock.now();
    this.#lookedAt = now;
    this.#dropOld(now);
    const isSuspect = this.#isSuspect();
    const isLocal = this.#localUntil !== undefined && this.#localUntil > now;
    if (!isSuspect && !isLocal) this.#isSpent = false;
    const freeze = this.#freeze;
    if (freeze === undefined) {
      if (isSuspect && !this.#isSpent) {
        this.#beginOwn(fault('ownFault.networkSuspect', 'local', this.#suspicion()));
      }
    } else if (freeze.until !== undefined && freeze.until <= now) {
      this.#isSpent = !freeze.isOrdered;
      this.#end();
    } else if (!freeze.isOrdered && !isSuspect && !isLocal) {
      this.#end();
    } else if (!freeze.isOrdered && !isLocal && freeze.cause.code !== 'ownFault.networkSuspect') {
      // What began it is over, and it goes on for another reason.
      const cause = fault('ownFault.networkSuspect', 'local', this.#suspicion());
      this.#tell({ ...freeze, cause });
    }
    if (this.#freeze !== undefined || this.#failing.size > 0 || this.#isSpent) this.#arm(LOOK_MS);
  }

  /** What was asked since the first of the failures, and what came of it. */
  #isSuspect(): boolean {
    if (this.#failing.size < this.spec.minTargets) return false;
    let since = this.#ports.clock.now();
    for (const at of this.#failing.values()) since = earlier(since, at);
    if (this.#hasWitness(since)) return false;
    const sightings: Sighting[] = [];
    for (const unit of this.#ports.units()) {
      const hasFailed = this.#failing.has(unit);
      if (!hasFailed && !hasAnsweredSince(unit, since)) continue;
      const contracts = [...unit.subscribers].map(({ spec }) => spec.contract);
      sightings.push({ address: unit.target.address, contracts, hasFailed });
    }
    return isSuspicious(sightings, this.spec);
  }

  #hasWitness(since: Instant): boolean {
    return this.#witnessAt !== undefined && this.#witnessAt >= after(since, WITNESS_AFTER_MS);
  }

  #suspicion(): string {
    return `${this.#failing.size} targets of several contracts could not be reached at once, and no registrar answered meanwhile.`;
  }

  /** Who failed an interval ago, and was not asked since, says nothing about now. */
  #dropOld(now: Instant): void {
    for (const [unit, at] of this.#failing) {
      const { plan, state } = unit;
      const isWaiting = state.open.length > 0;
      const isOld = elapsedMs(state.lastSentAt ?? at, now) > roundMs(plan);
      const isJudged = state.name === 'down' && elapsedMs(state.since, now) > plan.intervalMs;
      if ((isOld && !isWaiting) || isJudged) this.#failing.delete(unit);
    }
  }

  /** Where few targets are asked in a window, some are asked now. */
  #canvass(sentAt: Instant, now: Instant): void {
    if (this.#freeze !== undefined) return;
    if (this.#hasWitness(sentAt)) return;
    if (this.#canvassedAt !== undefined && elapsedMs(this.#canvassedAt, now) < CANVASS_GAP_MS)
      return;
    this.#canvassedAt = now;
    const wanted = CANVASS_FACTOR * this.spec.minTargets;
    const chosen = new Map<string, ProbeUnit>();
    for (const unit of this.#ports.units()) {
      if (chosen.size >= wanted) break;
      const { state, target } = unit;
      if (!state.isHeard || state.name === 'down' || this.#failing.has(unit)) continue;
      if (hasAnsweredSince(unit, sentAt)) continue;
      if (!chosen.has(target.address)) chosen.set(target.address, unit);
    }
    if (chosen.size + this.#failing.size >= this.spec.minTargets) this.#hurry([...chosen.values()]);
  }

  #hurry(units: readonly ProbeUnit[]): void {
    for (const unit of units) unit.hurry();
  }

  #beginOwn(cause: Fault): void {
    this.#begin(cause, after(this.#ports.clock.now(), this.spec.freezeMaxMs), false);
  }

  #begin(cause: Fault, until: Instant | undefined, isOrdered: boolean): void {
    this.#tell({ since: this.#ports.clock.now(), until, cause, isOrdered });
    this.#ports.changed();
    this.#arm(LOOK_MS);
  }

  #tell(freeze: Freeze): void {
    this.#freeze = freeze;
    const { cause, until } = freeze;
    const at = this.#ports.clock.now();
    this.#ports.publish({ type: 'verdicts.frozen', at, isFrozen: true, cause, until });
  }

  #end(): void {
    const { cause } = this.#freeze ?? {};
    this.#freeze = undefined;
    if (cause === undefined) return;
    const at = this.#ports.clock.now();
    this.#ports.publish({ type: 'verdicts.frozen', at, isFrozen: false, cause, until: undefined });
    this.#ports.changed();
  }
}

/** Asked since then, and nothing of it is open or failed. */
function hasAnsweredSince({ state }: ProbeUnit, since: number): boolean {
  const { lastSentAt, open, failures, isHeard, name } = state;
  if (lastSentAt === undefined || lastSentAt < since || !isHeard || name === 'down') return false;
  return open.length === 0 && failures === 0;
}

/** From one probe of a target to the end of the next. */
function roundMs({ intervalMs, timeoutMs }: ProbePlan): number {
  return 1.2 * intervalMs + timeoutMs;
}
