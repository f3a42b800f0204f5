import type { Cause } from '../base/cause.ts';
import type { Instant } from '../base/instant.ts';
import type { PeerState } from './events.ts';
import type { Admin, ContractSpec, PeerServerSpec } from './spec.ts';

export interface TargetSnapshot {
  /** targetKey. */
  readonly target: string;
  readonly state: PeerState;
  readonly since: Instant;
  readonly rttMs: number | undefined;
  readonly lastResponse: { readonly code: number; readonly reason: string } | undefined;
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
  /** The effective one: the stricter of contract's and server's, or what a command set. */
  readonly admin: Admin;
  readonly since: Instant;
  readonly cause: Cause | undefined;
  readonly rttMs: number | undefined;
  readonly targets: readonly TargetSnapshot[];
  readonly nextProbeAt: Instant | undefined;
}

export interface ContractSnapshot {
  readonly spec: ContractSpec;
  /** How many of its servers are enabled; `all` too where it has none. */
  readonly enabled: 'all' | 'some' | 'none';
  readonly peerServers: readonly PeerServerSnapshot[];
}

/** What observers may ask the prober; read by src/observe. */
export interface HealthBook {
  contracts(): Iterable<string>;
  contract(name: string): ContractSnapshot | undefined;
  peerServers(): Iterable<string>;
  peerServer(id: string): PeerServerSnapshot | undefined;
}
