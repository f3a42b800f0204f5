import type { Cause } from '../base/cause.ts';
import type { Fault } from '../base/fault.ts';
import type { Instant } from '../base/instant.ts';
import type { Target } from '../sip/locate/target.ts';
import type { PeerState } from './events.ts';
import type { Order } from './order.ts';
import type { Rank } from './peer-word.ts';
import type { Evidence } from './probe-record.ts';
import type { RttSummary } from './rtt-stats.ts';
import type { Admin, ContractSpec, PeerServerSpec } from './spec.ts';

export interface TargetSnapshot {
  /** targetKey. */
  readonly target: string;
  /** Where it is; `via` is the SIP proxy of ours through which it is probed. */
  readonly at: Target;
  readonly state: PeerState;
  /** May calls go to this address? Never when its server is not offered. */
  readonly enabled: boolean;
  readonly since: Instant;
  readonly rttMs: number | undefined;
  /** Statistics of its answers; undefined before the first one. */
  readonly rtt: RttSummary | undefined;
  readonly lastResponse: { readonly code: number; readonly reason: string } | undefined;
  readonly lastSentAt: Instant | undefined;
  /** The last results that were not as usual, and changes of the state; the oldest first. */
  readonly evidence: readonly Evidence[];
  /** Good or bad results in a row so far, towards rise or fall. */
  readonly successes: number;
  readonly failures: number;
  readonly nextProbeAt: Instant | undefined;
}

/** Everything that status pages and proxies are told of one peer server, at one moment. */
export interface PeerServerSnapshot {
  readonly spec: PeerServerSpec;
  readonly state: PeerState;
  /** The word for failover: may calls go there now? */
  readonly enabled: boolean;
  /**
   * To be used only after all others. With `enabled`: it never answered a probe. Without: no server
   * of its contract is enabled, and `onAllDown: tryAll` offers it all the same (never one that is
   * drained or off). What may get calls is `enabled || lastResort`.
   */
  readonly lastResort: boolean;
  /**
   * Servers of the lowest rank come first, whatever their priorities: 0 enabled, 1 a last resort,
   * 2 not offered at all.
   */
  readonly rank: Rank;
  /** Its share among servers of its rank and priority now; the spec has the configured one. */
  readonly weight: number;
  /** The effective one: the stricter of contract's and server's, or what a command set. */
  readonly admin: Admin;
  /** What an operator ordered for this server over the configuration. */
  readonly order: Order | undefined;
  readonly since: Instant;
  readonly cause: Cause | undefined;
  /** Everything that has a word in it, the decisive one (`cause`) first. */
  readonly causes: readonly Cause[];
  /** The `sequence` of the revision in which it, or one of its targets, changed last. */
  readonly changedIn: number;
  readonly rttMs: number | undefined;
  /** Some of its targets are down, and it is not. */
  readonly isPartial: boolean;
  readonly targets: readonly TargetSnapshot[];
  readonly nextProbeAt: Instant | undefined;
}

export interface ContractSnapshot {
  readonly spec: ContractSpec;
  /** How many of its servers are enabled; `all` too where it has none. */
  readonly enabled: 'all' | 'some' | 'none';
  /**
   * Which servers are offered: the enabled ones; `all` that are not drained or off, since too few are
   * enabled (`onAllDown: tryAll`); none, though there are servers (`onAllDown: none`).
   */
  readonly offers: 'enabled' | 'all' | 'none';
  /** Some are enabled, but so few that all are offered (`panicBelow`). */
  readonly isPanic: boolean;
  /** What an operator ordered for all its servers. */
  readonly order: Order | undefined;
  readonly peerServers: readonly PeerServerSnapshot[];
}

/**
 * Which version of all verdicts this is. `epoch` rises with every start of the daemon, `sequence` with
 * every change, so that whoever is told twice or late can tell what is newer.
 */
export interface Revision {
  readonly epoch: number;
  readonly sequence: number;
}

/** Verdicts are frozen: nothing is disabled for its silence. */
export interface Freeze {
  readonly since: Instant;
  /** When it ends at the latest; undefined: when an operator ends it. */
  readonly until: Instant | undefined;
  readonly cause: Fault;
  /** By an operator: then no bad answer counts either. */
  readonly isOrdered: boolean;
}

/** What observers may ask the prober; read by src/observe. */
export interface HealthBook {
  readonly revision: Revision;
  /** Undefined: verdicts are not frozen. */
  readonly freeze: Freeze | undefined;
  /** Probes that the self-check found without a next step; must stay 0. */
  readonly stuck: number;
  contracts(): Iterable<string>;
  contract(name: string): ContractSnapshot | undefined;
  peerServers(): Iterable<string>;
  peerServer(id: string): PeerServerSnapshot | undefined;
}
