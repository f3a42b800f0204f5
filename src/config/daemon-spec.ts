import type { Secret } from '../core/base/secret.ts';
import type { ContractSpec, OwnFaultSpec } from '../core/health/spec.ts';
import type { RegistrationSpec } from '../core/registration/spec.ts';
import type { ProxySpec } from '../core/sip/proxy/ports.ts';
import type { RelaySpec } from '../core/sip/relay/ports.ts';
import type { LocalSocketSpec } from '../core/sip/transport/ports.ts';
import type { PacingSpec } from '../core/sip/user-agent/ports.ts';

/** A bearer token that may less, or other things, than the one of `http.token`. */
export interface RoleToken {
  readonly name: string;
  readonly role: 'read' | 'route';
  readonly token: Secret;
}

/** The whole configuration, checked, with every default filled in: what the daemon is built from. */
export interface DaemonSpec {
  /** Always holds at least one socket for each protocol that something uses, made up where none is configured. */
  readonly localSockets: readonly LocalSocketSpec[];
  /** SIP proxies of ours, through which requests travel. */
  readonly proxies: readonly ProxySpec[];
  readonly inbound: {
    /** CIDR blocks that may send us requests, besides our own targets. */
    readonly allow: readonly string[];
    /** Requests a second that are answered, and calls that are relayed; more are dropped and counted. */
    readonly maxRate: number;
    /** Where calls are relayed to; undefined: they are refused. */
    readonly relay: RelaySpec | undefined;
  };
  readonly http:
    | {
        readonly host: string;
        readonly port: number;
        readonly token: Secret | undefined;
        /** Further ones. */
        readonly tokens: readonly RoleToken[];
      }
    | undefined;
  /** Accepted from the start, with one info line until state exists. */
  readonly stateDirectory: string | undefined;
  readonly log: { readonly level: LogLevel };
  readonly dns: { readonly servers: readonly string[] | undefined };
  readonly pacing: PacingSpec;
  /** To all targets together; 0: no limit. */
  readonly probesPerSec: number;
  readonly ownFault: OwnFaultSpec;
  readonly metrics: { readonly perRegistration: number };
  /** For instance-ids; undefined: that of the machine. */
  readonly hostId: string | undefined;
  readonly unregisterOnStop: boolean;
  readonly contracts: readonly ContractSpec[];
  readonly registrations: readonly RegistrationSpec[];
  readonly consumers: readonly ConsumerSpec[];
}

/** What all consumers have in common. */
interface AnyConsumer {
  readonly name: string;
  readonly contracts: 'all' | readonly string[];
  readonly mode: 'apply' | 'observe';
}

/** The shapes are those of src/consumers. */
export type ConsumerSpec = AnyConsumer &
  (
    | {
        readonly type: 'kamailioDispatcher';
        readonly listFile: string | undefined;
        readonly rpc: string | undefined;
        readonly socket: string | undefined;
      }
    | {
        readonly type: 'kamailioAddress';
        readonly listFile: string;
        readonly rpc: string | undefined;
        readonly group: number;
      }
    | { readonly type: 'kamailioHtable'; readonly rpc: string; readonly table: string }
    | {
        readonly type: 'opensipsMi';
        readonly url: string;
        readonly gateways: Readonly<Record<string, string>>;
      }
    | { readonly type: 'snapshotFile'; readonly path: string }
    | {
        readonly type: 'webhook';
        readonly url: string;
        readonly secret: Secret | undefined;
        readonly deadLetters: string | undefined;
      }
  );

type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
