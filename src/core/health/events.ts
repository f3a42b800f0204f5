import type { Cause } from '../base/cause.ts';
import type { Fault } from '../base/fault.ts';
import type { Instant } from '../base/instant.ts';
import type { PeerServerSpec } from './spec.ts';

export type PeerState = 'unknown' | 'up' | 'impaired' | 'down';

export type HealthEvent =
  /** State, enabled or lastResort of a peer server changed. */
  | {
      readonly type: 'peerServer.changed';
      readonly at: Instant;
      readonly spec: PeerServerSpec;
      readonly from: PeerState;
      readonly state: PeerState;
      readonly enabled: boolean;
      readonly wasEnabled: boolean;
      readonly lastResort: boolean;
      readonly cause: Cause | undefined;
      readonly nextProbeAt: Instant | undefined;
    }
  /**
   * Anything of a peer server that consumers are told changed: its word, its rank and weight, its
   * targets or the state of one. Comes after `peerServer.changed`, and oftener; `isRemoved`: it is no
   * longer in the configuration.
   */
  | {
      readonly type: 'verdict.changed';
      readonly at: Instant;
      readonly epoch: number;
      readonly sequence: number;
      readonly contract: string;
      /** `contract/name`. */
      readonly peerServer: string;
      readonly isRemoved: boolean;
    }
  /** The roll-up of a contract, or which servers it offers. */
  | {
      readonly type: 'peeringContract.changed';
      readonly at: Instant;
      readonly contract: string;
      readonly enabled: 'all' | 'some' | 'none';
      readonly was: 'all' | 'some' | 'none';
      /** Which servers are offered to consumers now. */
      readonly offers: 'enabled' | 'all' | 'none';
    }
  /** Verdicts are frozen, since our own side is at fault or an operator wants it, or no longer. */
  | {
      readonly type: 'verdicts.frozen';
      readonly at: Instant;
      readonly isFrozen: boolean;
      readonly cause: Fault;
      /** When it ends at the latest. */
      readonly until: Instant | undefined;
    }
  /** One probe ended; for counters and the round-trip histogram. */
  | {
      readonly type: 'probe.finished';
      readonly at: Instant;
      readonly contract: string;
      readonly peerServer: string;
      readonly target: string;
      readonly verdict: 'good' | 'impaired' | 'bad' | 'void';
      readonly code: number | 'connected' | 'timeout' | 'fault';
      readonly rttMs: number | undefined;
    }
  /** Something an operator should know, which changes no state: never answered, name does not resolve ... */
  | {
      readonly type: 'peerServer.noticed';
      readonly at: Instant;
      readonly contract: string;
      readonly peerServer: string;
      readonly cause: Cause;
    };
