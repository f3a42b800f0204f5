/** What the API shows of peering contracts and their servers, in the words of status-rows.ts. */
import type { Cause } from '../core/base/cause.ts';
import type { ContractSnapshot, HealthBook, PeerServerSnapshot } from '../core/health/snapshot.ts';
import { type RenderedCause, renderCause } from './cause.ts';
import { printable } from './printable.ts';
import {
  hopText,
  type Labels,
  type LastResponse,
  type OrderRow,
  type RegistrationState,
  realmText,
  roundMs,
} from './status-rows.ts';
import type { WallClock } from './wall-clock.ts';

type PeerState = PeerServerSnapshot['state'];
type Admin = PeerServerSnapshot['admin'];

/** An order over peer servers, with who gave it and when. */
interface AdminOrderRow extends OrderRow {
  readonly by: string;
  readonly at: string;
}

interface TargetRow {
  readonly target: string;
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly address: string;
  readonly port: number;
  readonly state: PeerState;
  /** May calls go to this address? */
  readonly enabled: boolean;
  readonly since: string;
  readonly rttMs: number | null;
  /** Statistics of the last answers, in milliseconds. */
  readonly rtt: {
    readonly smoothedMs: number | null;
    readonly p50Ms: number | null;
    readonly p95Ms: number | null;
    readonly samples: number;
  } | null;
  readonly lastResponse: LastResponse;
  readonly lastProbeAt: string | null;
  /** The last results that were not as usual, and changes of the state; the oldest first. */
  readonly evidence: readonly {
    readonly at: string;
    readonly what: string;
    /** So often in a row, the last time at `lastAt`. */
    readonly times: number;
    readonly lastAt: string;
  }[];
  readonly successes: number;
  readonly failures: number;
  readonly nextProbeAt: string | null;
}

export interface PeerServerRow {
  readonly id: string;
  readonly contract: string;
  readonly name: string;
  readonly description: string;
  readonly labels: Labels;
  readonly state: PeerState;
  readonly enabled: boolean;
  readonly lastResort: boolean;
  /** 0 enabled, 1 last resort, 2 not offered: lower ones come first. */
  readonly rank: 0 | 1 | 2;
  readonly admin: Admin;
  /** What an operator ordered for it over the configuration. */
  readonly order: AdminOrderRow | null;
  readonly since: string;
  readonly cause: RenderedCause | null;
  /** Everything that has a word in it, `cause` first. */
  readonly causes: readonly RenderedCause[];
  readonly rttMs: number | null;
  readonly nextProbeAt: string | null;
  readonly priority: number;
  readonly weight: number;
  /** The weight as it counts now. */
  readonly effectiveWeight: number;
  readonly sipProxy: string;
  readonly uriScheme: 'sip' | 'sips';
  /** Where requests are sent: the outbound proxy, else the SIP proxy. */
  readonly nextHop: string;
  /** The SIP proxy of ours that probes travel through. */
  readonly via: string | null;
  /** What calls prove themselves with; the password is never shown. */
  readonly auth: { readonly username: string; readonly realm: string | null } | null;
  readonly callOriginHeaders: readonly ('pai' | 'rpid')[];
  readonly requestUri: {
    readonly strip: number;
    readonly prefix: string;
    readonly parameters: string;
  };
  readonly from: { readonly user: string | null; readonly domain: string | null };
  readonly probe: {
    readonly mode: PeerServerSnapshot['spec']['probe']['mode'];
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly fall: number;
    readonly rise: number;
    /** From a result that is to be confirmed to the next probe. */
    readonly recheckMs: number;
    /** The policy by which answers are judged. */
    readonly answers: string;
    readonly impairedAboveMs: number | null;
  };
  /** Registrations without which it is not enabled. */
  readonly requires: {
    readonly registrations: readonly string[];
    readonly atLeast: number;
  } | null;
  /** Some of its targets are down, and it is not. */
  readonly partial: boolean;
  readonly targets: readonly TargetRow[];
}

/** What a contract shows of each of its servers; the rest is asked for by id, so that a pool of thousands stays small. */
type PeerServerBrief = Pick<
  PeerServerRow,
  | 'id'
  | 'name'
  | 'state'
  | 'enabled'
  | 'lastResort'
  | 'rank'
  | 'admin'
  | 'since'
  | 'cause'
  | 'priority'
  | 'weight'
  | 'effectiveWeight'
>;

export interface ContractRow {
  readonly name: string;
  readonly description: string;
  readonly labels: Labels;
  readonly metadata: Labels;
  readonly admin: Admin;
  readonly onAllDown: 'tryAll' | 'none';
  readonly enabled: 'all' | 'some' | 'none';
  /** Which servers consumers get: the enabled ones, all that are not drained or off, or none. */
  readonly offers: 'enabled' | 'all' | 'none';
  /** Some are enabled, but so few that all are offered. */
  readonly panic: boolean;
  /** What an operator ordered for all its servers. */
  readonly order: AdminOrderRow | null;
  readonly peerServers: readonly PeerServerBrief[];
  /** How many registrations are in each state. */
  readonly registrations: Readonly<Record<RegistrationState, number>>;
}

export function peerServerRow(row: PeerServerSnapshot, wallClock: WallClock): PeerServerRow {
  const { spec } = row;
  return {
    ...peerServerBrief(row, wallClock),
    contract: spec.contract,
    description: spec.description,
    labels: spec.labels,
    order: adminOrderRow(row.order, wallClock),
    causes: row.causes.map((one) => rendered(one, row, wallClock)),
    rttMs: roundMs(row.rttMs),
    nextProbeAt: wallClock.iso(row.nextProbeAt),
    sipProxy: spec.sipProxy,
    uriScheme: spec.scheme,
    nextHop: hopText(spec.hop),
    via: spec.hop.via ?? null,
    auth:
      spec.credentials === undefined
        ? null
        : { username: spec.credentials.username, realm: realmText(spec.credentials) },
    callOriginHeaders: spec.callOriginHeaders,
    requestUri: spec.requestUri,
    from: { user: spec.from.user ?? null, domain: spec.from.domain ?? null },
    probe: probeRow(spec.probe),
    requires: spec.requires ?? null,
    partial: row.isPartial,
    targets: row.targets.map((target) => targetRow(target, wallClock)),
  };
}

/** The next probe is what comes next of probes, and not of orders, registrations or other servers. */
const OF_PROBES = /^(probe\.(?!off|flapping)|timeout|transport|tls|dns|proxy|process|ownFault)/;

function rendered(
  cause: Cause,
  { nextProbeAt }: PeerServerSnapshot,
  wallClock: WallClock,
): RenderedCause {
  return renderCause(cause, OF_PROBES.test(cause.code) ? nextProbeAt : undefined, wallClock);
}

function targetRow(target: PeerServerSnapshot['targets'][number], wallClock: WallClock): TargetRow {
  const { at, rtt } = target;
  return {
    target: target.target,
    transport: at.protocol,
    address: at.address,
    port: at.port,
    state: target.state,
    enabled: target.enabled,
    since: wallClock.iso(target.since),
    rttMs: roundMs(target.rttMs),
    rtt:
      rtt === undefined
        ? null
        : {
            smoothedMs: roundMs(rtt.smoothedMs),
            p50Ms: roundMs(rtt.p50Ms),
            p95Ms: roundMs(rtt.p95Ms),
            samples: rtt.samples,
          },
    lastResponse: target.lastResponse ?? null,
    lastProbeAt: wallClock.iso(target.lastSentAt),
    evidence: target.evidence.map((one) => ({
      at: wallClock.iso(one.at),
      what: printable(one.what),
      times: one.times,
      lastAt: wallClock.iso(one.lastAt),
    })),
    successes: target.successes,
    failures: target.failures,
    nextProbeAt: wallClock.iso(target.nextProbeAt),
  };
}

/** What is not configured is shown as what holds then. */
function probeRow(plan: PeerServerSnapshot['spec']['probe']): PeerServerRow['probe'] {
  const { mode, intervalMs, timeoutMs, fall, rise } = plan;
  return {
    ...{ mode, intervalMs, timeoutMs, fall, rise },
    recheckMs: plan.recheckMs ?? 1_000,
    answers: plan.answers?.name ?? 'standard',
    impairedAboveMs: plan.impairedAboveMs ?? null,
  };
}

/** Which version of all verdicts this is, and whether they are frozen. */
export interface VerdictsRow {
  readonly epoch: number;
  readonly sequence: number;
  /** Our own side is at fault, as it seems. */
  readonly networkSuspect: boolean;
  readonly frozen: {
    readonly since: string;
    readonly until: string | null;
    readonly ordered: boolean;
    readonly cause: RenderedCause;
  } | null;
}

const FREEZE_NEXT =
  'Nothing is disabled for its silence meanwhile; it ends when targets answer again, at its time, or by the command thaw.';

export function verdictsRow(
  { revision, freeze }: Pick<HealthBook, 'revision' | 'freeze'>,
  wallClock: WallClock,
): VerdictsRow {
  if (freeze === undefined) return { ...revision, networkSuspect: false, frozen: null };
  const { since, until, isOrdered, cause } = freeze;
  const blame = isOrdered ? 'operator' : cause.blame;
  return {
    ...revision,
    networkSuspect: !isOrdered,
    frozen: {
      since: wallClock.iso(since),
      until: wallClock.iso(until),
      ordered: isOrdered,
      cause: renderCause({ ...cause, blame, next: FREEZE_NEXT }, undefined, wallClock),
    },
  };
}

export function contractRow(
  row: ContractSnapshot,
  registrations: Readonly<Record<RegistrationState, number>> | undefined,
  wallClock: WallClock,
): ContractRow {
  const { spec } = row;
  return {
    name: spec.name,
    description: spec.description,
    labels: spec.labels,
    metadata: spec.metadata,
    admin: spec.admin,
    onAllDown: spec.onAllDown,
    enabled: row.enabled,
    offers: row.offers,
    panic: row.isPanic,
    order: adminOrderRow(row.order, wallClock),
    peerServers: row.peerServers.map((peer) => peerServerBrief(peer, wallClock)),
    registrations: registrations ?? NO_REGISTRATIONS,
  };
}

function peerServerBrief(row: PeerServerSnapshot, wallClock: WallClock): PeerServerBrief {
  const { spec } = row;
  return {
    id: spec.id,
    name: spec.name,
    state: row.state,
    enabled: row.enabled,
    lastResort: row.lastResort,
    rank: row.rank,
    admin: row.admin,
    since: wallClock.iso(row.since),
    cause: row.cause === undefined ? null : rendered(row.cause, row, wallClock),
    priority: spec.priority,
    weight: spec.weight,
    effectiveWeight: row.weight,
  };
}

const NO_REGISTRATIONS: Readonly<Record<RegistrationState, number>> = {
  idle: 0,
  registering: 0,
  registered: 0,
  refreshFailing: 0,
  waiting: 0,
  rejected: 0,
  unregistering: 0,
  off: 0,
};

function adminOrderRow(
  order: PeerServerSnapshot['order'],
  wallClock: WallClock,
): AdminOrderRow | null {
  if (order === undefined) return null;
  const { command, reason, by, at, until } = order;
  return { command, reason, by, at: wallClock.iso(at), until: wallClock.iso(until) };
}
