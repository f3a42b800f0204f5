import type { DigestPolicy } from '../sip/digest/algorithm.ts';
import type { Credentials } from '../sip/digest/ports.ts';
import type { NextHop } from '../sip/locate/target.ts';
import type { TlsPolicy } from '../sip/transport/ports.ts';
import type { SourceCheck } from '../sip/user-agent/ports.ts';
import type { AnswerPolicy } from './answer-policy.ts';

export type Admin = 'up' | 'drain' | 'off';

/**
 * `idleOnly`: what is heard from an up target stands for its regular probe. `connect`: a connection is made
 * and closed. `register`: nothing is sent; how REGISTERs to the target end says how it is.
 */
type ProbeMode = 'options' | 'idleOnly' | 'connect' | 'register' | 'off';

export interface ProbePlan {
  readonly mode: ProbeMode;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failures in a row that make an up server down. */
  readonly fall: number;
  /** Successes in a row that make a down server up. */
  readonly rise: number;
  /** From a result that is to be confirmed to the next probe; undefined: 1 s. */
  readonly recheckMs?: number | undefined;
  /** Undefined: standard. */
  readonly answers?: AnswerPolicy | undefined;
  /** A target that answers, but takes longer than this, is impaired; undefined: never. */
  readonly impairedAboveMs?: number | undefined;
  /** What the request looks like, where it is not as usual. */
  readonly look?: ProbeLook | undefined;
}

/** What an operator may want in the OPTIONS requests of a server. */
export interface ProbeLook {
  /** 0: the first hop answers itself. */
  readonly maxForwards: number;
  /** User of the Request-URI and of To; empty: none. */
  readonly user: string;
  /** From; empty: no user, and the domain of the Request-URI. */
  readonly fromUser: string;
  readonly fromDomain: string;
  /** Header lines, each ended by CR LF. */
  readonly headers: string;
}

/** So many of several; `any` is a count of 1, `all` is 100 percent. */
export type Quorum =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'percent'; readonly percent: number };

/** Registrations without which a server is of no use. */
export interface Requires {
  /** Their ids. */
  readonly registrations: readonly string[];
  /** How many of them have to be bound. */
  readonly atLeast: number;
}

/** When our own network is suspected (design.md 5). */
export interface OwnFaultSpec {
  /** Above this share of the targets that were asked, 0 to 1. */
  readonly maxDownShare: number;
  readonly minTargets: number;
  readonly minContracts: number;
  /** The longest that verdicts freeze for it. */
  readonly freezeMaxMs: number;
}

/** One SIP server of a contract (the seed's Peer Server), ready for the core. */
export interface PeerServerSpec {
  /** `contract/name`. */
  readonly id: string;
  readonly contract: string;
  readonly name: string;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly admin: Admin;
  /** Host[:port] as configured: what a probe's Request-URI, From and To name. */
  readonly sipProxy: string;
  readonly scheme: 'sip' | 'sips';
  /** Where requests are sent: the outbound proxy, else the SIP proxy. */
  readonly hop: NextHop;
  /** Route URIs, where requests pass several hops. */
  readonly route?: readonly string[] | undefined;
  /** Host[:port] of the proxy of ours that probes travel through; undefined: our own socket's. */
  readonly contact?: string | undefined;
  readonly localSocket: string | undefined;
  readonly tls: TlsPolicy;
  readonly sourceCheck: SourceCheck;
  readonly priority: number;
  readonly weight: number;
  readonly whenNeverUp: 'lastResort' | 'disabled';
  readonly probe: ProbePlan;
  /** How many of its targets have to be up; undefined: one. */
  readonly upWhen?: Quorum | undefined;
  readonly requires?: Requires | undefined;
  /** Id of the registration whose flow and Service-Route its probes take; undefined: a way of their own. */
  readonly probeThrough?: string | undefined;
  /** How long a server that comes back takes to get its whole weight; undefined: none. */
  readonly slowStartMs?: number | undefined;
  /** Whether its way up is delayed when it flaps; undefined: it is. */
  readonly hasDamping?: boolean | undefined;
  readonly userAgent: string;
  /** For probes and calls: shown by the API (without the password) and handed on in routes. */
  readonly credentials: Credentials | undefined;
  readonly digest: DigestPolicy;
  readonly callOriginHeaders: readonly ('pai' | 'rpid')[];
  readonly requestUri: {
    readonly strip: number;
    readonly prefix: string;
    readonly parameters: string;
  };
  readonly from: { readonly user: string | undefined; readonly domain: string | undefined };
}

/** The agreement with one provider: the pool of failover. */
export interface ContractSpec {
  readonly name: string;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly admin: Admin;
  readonly onAllDown: 'tryAll' | 'none';
  /** How calls are shared among servers of one rank and priority (core/routing/order.ts). */
  readonly balance: 'weighted' | 'roundRobin' | 'inOrder' | 'hash';
  /** With fewer enabled servers than this all are offered, as if none were; undefined: never. */
  readonly panicBelow?: Quorum | undefined;
  /** Number of its set in Kamailio's dispatcher; undefined: it is in none. */
  readonly dispatcherSet?: number | undefined;
  readonly peerServers: readonly PeerServerSpec[];
}
