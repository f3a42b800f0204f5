/**
 * One peer server and the contract that it belongs to, as the prober keeps them, with what they show of
 * themselves. The prober alone changes them.
 */
import type { Cause } from '../base/cause.ts';
import type { Fault } from '../base/fault.ts';
import type { Instant } from '../base/instant.ts';
import { Timer } from '../base/timer-queue.ts';
import type { Target } from '../sip/locate/target.ts';
import { causeOfAdmin, causeOfLookup, causeOfState, causeOfVoid, healthCause } from './causes.ts';
import {
  isProbed,
  isTargetEnabled,
  type PeerWord,
  rankOf,
  rollUp,
  stricter,
  wordOf,
} from './peer-word.ts';
import type { ProbeUnit } from './probe-unit.ts';
import type { ContractSnapshot, PeerServerSnapshot } from './snapshot.ts';
import type { Admin, ContractSpec, PeerServerSpec } from './spec.ts';

/** The servers of one contract; how many are enabled is counted as they change. */
export class ContractPool {
  spec: ContractSpec;
  servers: readonly PeerServer[] = [];
  enabledCount = 0;
  /** As told last. */
  rollUp: 'all' | 'some' | 'none' = 'all';

  constructor(spec: ContractSpec) {
    this.spec = spec;
  }

  /** Counts again, after servers came or went. */
  recount(): void {
    this.enabledCount = this.servers.filter(({ word }) => word.enabled).length;
  }

  currentRollUp(): 'all' | 'some' | 'none' {
    return rollUp(this.enabledCount, this.servers.length);
  }

  /** Whether servers that are not enabled are offered all the same. */
  isTryAll(enabledCount: number): boolean {
    return enabledCount === 0 && this.spec.onAllDown === 'tryAll';
  }

  #offers(): ContractSnapshot['offers'] {
    if (this.enabledCount > 0 || this.servers.length === 0) return 'enabled';
    return this.isTryAll(this.enabledCount) ? 'all' : 'none';
  }

  snapshot(): ContractSnapshot {
    return {
      spec: this.spec,
      enabled: this.currentRollUp(),
      offers: this.#offers(),
      peerServers: this.servers.map((server) => server.snapshot()),
    };
  }
}

export class PeerServer {
  spec: PeerServerSpec;
  readonly pool: ContractPool;
  /** Set by a command; goes before the configuration. */
  override: Admin | undefined;
  units: readonly ProbeUnit[] = [];
  targets: readonly Target[] | undefined;
  /** Why the name did not resolve when it was asked last. */
  lookupFault: Fault | undefined;
  /** When the name is to be asked again. */
  readonly locateTimer: Timer;
  /** Counts questions, so that the answer to an older one is known as late. */
  locateSerial = 0;
  /** With how many others it began. */
  startCount = 1;
  word: PeerWord;
  since: Instant;
  /** The `sequence` in which consumers were told of it last, and what. */
  changedIn = 0;
  told = '';

  constructor(
    spec: PeerServerSpec,
    pool: ContractPool,
    now: Instant,
    relocate: (server: PeerServer) => void,
  ) {
    this.spec = spec;
    this.pool = pool;
    this.since = now;
    this.locateTimer = new Timer(() => relocate(this));
    this.word = this.currentWord(false);
  }

  get admin(): Admin {
    return this.override ?? stricter(this.pool.spec.admin, this.spec.admin);
  }

  get isProbed(): boolean {
    return isProbed(this.spec, this.admin);
  }

  currentWord(isTryAll: boolean): PeerWord {
    const targets = this.units.map((unit) => unit.state);
    const isLost = this.lookupFault !== undefined && targets.length === 0;
    return wordOf({ spec: this.spec, admin: this.admin, targets, isLost, isTryAll });
  }

  /** Why the word is as it is; undefined while nothing is known. */
  cause(): Cause | undefined {
    const { admin, spec, units } = this;
    if (admin !== 'up') return causeOfAdmin(admin);
    if (spec.probe.mode === 'off') return healthCause('probe.off');
    if (units.length === 0) return this.lookupCause();
    const { state } = this.word;
    const decisive =
      state === 'unknown'
        ? (units.find((unit) => unit.state.isMute) ?? units[0])
        : units.find((unit) => unit.state.name === state);
    const cause = decisive === undefined ? undefined : causeOfUnit(decisive);
    if (cause === undefined || decisive === undefined || units.length === 1) return cause;
    return { ...cause, text: `${decisive.targetKey}: ${cause.text}` };
  }

  /** Why its name did not resolve when it was asked last. */
  lookupCause(): Cause | undefined {
    return this.lookupFault && causeOfLookup(this.lookupFault);
  }

  /** The earliest of its targets' probes, or when its name is asked again. */
  get nextProbeAt(): Instant | undefined {
    let earliest: Instant | undefined;
    for (const { nextProbeAt } of this.units) {
      if (nextProbeAt !== undefined && (earliest === undefined || nextProbeAt < earliest)) {
        earliest = nextProbeAt;
      }
    }
    if (earliest !== undefined || !this.locateTimer.isArmed) return earliest;
    return this.locateTimer.deadline;
  }

  /** Everything that consumers are told, as one text to be compared. */
  get tellable(): string {
    const { word, spec, units } = this;
    const targets = units.map((unit) => `${unit.targetKey}=${unit.state.name}`);
    return `${rankOf(word)} ${word.state} ${spec.priority} ${spec.weight} ${targets.join(' ')}`;
  }

  snapshot(): PeerServerSnapshot {
    const { spec, word, admin, since, units } = this;
    const { state, enabled, lastResort } = word;
    const best = units.find((unit) => unit.state.name === state) ?? units[0];
    const cause = this.cause();
    return {
      spec,
      state,
      enabled,
      lastResort,
      rank: rankOf(word),
      weight: spec.weight,
      admin,
      since,
      cause,
      causes: cause === undefined ? [] : [cause],
      changedIn: this.changedIn,
      rttMs: best?.rttMs,
      targets: units.map((unit) => ({
        ...unit.snapshot(),
        enabled: isTargetEnabled(unit.state, word),
      })),
      nextProbeAt: this.nextProbeAt,
    };
  }
}

function causeOfUnit({ state, plan }: ProbeUnit): Cause | undefined {
  const { voidFault, name } = state;
  // Its last verdict stands, and is nothing to rely on while our own proxy is silent or speaks for it.
  if (voidFault !== undefined && (name === 'unknown' || voidFault.code.startsWith('proxy.'))) {
    return causeOfVoid(voidFault);
  }
  return causeOfState(state.name, state.reason, state.failures, plan);
}
