/**
 * What the API shows of each thing: the field names of design.md 4, and the fields of the
 * configuration without secrets. Everything absent is null.
 */
import type { ContractSnapshot, PeerServerSnapshot } from '../core/health/snapshot.ts';
import type { RegistrationCounters, RegistrationSnapshot } from '../core/registration/snapshot.ts';
import type { Credentials } from '../core/sip/digest/ports.ts';
import type { NextHop } from '../core/sip/locate/target.ts';
import { type RenderedCause, renderCause } from './cause.ts';
import { printable } from './printable.ts';
import type { WallClock } from './wall-clock.ts';

type RegistrationState = RegistrationSnapshot['state'];
type PeerState = PeerServerSnapshot['state'];
type Admin = PeerServerSnapshot['admin'];
type Labels = Readonly<Record<string, string>>;
type LastResponse = { readonly code: number; readonly reason: string } | null;

export interface RegistrationRow extends LegRow {
  readonly contract: string;
  readonly labels: Labels;
  readonly aor: string;
  readonly username: string;
  readonly domain: string;
  readonly ddi: string;
  /** The user of the credentials. */
  readonly authUsername: string;
  /** The realm that alone is answered, or several; null: any. */
  readonly realm: string | null;
  /** Asked for, in seconds. */
  readonly expires: number;
  readonly admin: Admin;
  /** What an operator commanded over the configuration. */
  readonly order: {
    readonly command: string;
    readonly reason: string;
    readonly until: string | null;
  } | null;
  /** Its bindings where it is kept by several (`registrars`, `flows`); empty for all others. */
  readonly legs: readonly LegRow[];
}

/** One binding: of a registration that has only that one, or of several. */
export interface LegRow {
  readonly id: string;
  /** The next hop of the REGISTER. */
  readonly registrar: string;
  /** The SIP proxy of ours that it travels through. */
  readonly via: string | null;
  readonly contact: string | null;
  readonly state: RegistrationState;
  readonly bound: boolean;
  readonly since: string;
  readonly cause: RenderedCause | null;
  /** Seconds. */
  readonly grantedExpires: number | null;
  readonly expiresAt: string | null;
  readonly nextAttemptAt: string | null;
  readonly target: string | null;
  readonly lastResponse: LastResponse;
  /** RFC 3608: the way for other requests of this account, in order. */
  readonly serviceRoute: readonly string[];
  /** RFC 3327: the proxies that calls come through. */
  readonly path: readonly string[];
  /** RFC 7315: the identities that belong to the account. */
  readonly associatedUris: readonly string[];
  /** RFC 5627. */
  readonly gruu: { readonly public: string | null; readonly temporary: string | null } | null;
  /** Bindings of the same account that are not ours. */
  readonly otherBindings: {
    readonly count: number;
    /** The first of them. */
    readonly listed: readonly OtherBindingRow[];
  };
  /** True while outbound (RFC 5626) is in force. */
  readonly outbound: boolean;
  /** `host:port`, as the registrar sees us. */
  readonly seenAs: string | null;
  /** How the way to the registrar is kept open; null: it is not. */
  readonly keepAlive: 'stun' | 'crlf' | 'ping' | null;
  readonly callId: string;
  readonly cseq: number;
  readonly counters: RegistrationCounters;
}

interface OtherBindingRow {
  readonly uri: string;
  /** Seconds; null where the registrar does not say. */
  readonly expires: number | null;
  /** It has our user: likely an old binding of ours. */
  readonly isStale: boolean;
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
  readonly lastResponse: LastResponse;
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
    readonly mode: 'options' | 'off';
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly fall: number;
    readonly rise: number;
  };
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
  readonly peerServers: readonly PeerServerBrief[];
  /** How many registrations are in each state. */
  readonly registrations: Readonly<Record<RegistrationState, number>>;
}

export function registrationRow(row: RegistrationSnapshot, wallClock: WallClock): RegistrationRow {
  const { spec } = row;
  const { profile } = spec;
  return {
    contract: profile.contract,
    labels: profile.labels,
    aor: `${profile.scheme}:${spec.username}@${profile.domain}`,
    username: spec.username,
    domain: profile.domain,
    ddi: spec.ddi,
    authUsername: spec.credentials.username,
    realm: realmText(spec.credentials),
    expires: profile.expiresSec,
    admin: profile.admin,
    order: orderRow(row.order, wallClock),
    ...legRow(row, wallClock),
    legs: (row.legs ?? []).map((leg) => legRow(leg, wallClock)),
  };
}

function orderRow(
  order: RegistrationSnapshot['order'],
  wallClock: WallClock,
): RegistrationRow['order'] {
  if (order === undefined) return null;
  const { command, reason, until } = order;
  return { command, reason, until: wallClock.iso(until) };
}

function legRow(row: RegistrationSnapshot, wallClock: WallClock): LegRow {
  return {
    id: row.spec.id,
    registrar: hopText(row.spec.profile.hop),
    via: row.spec.profile.hop.via ?? null,
    contact: row.contact ?? null,
    state: row.state,
    bound: row.bound,
    since: wallClock.iso(row.since),
    cause: renderCause(row.cause, row.nextAttemptAt, wallClock),
    grantedExpires: row.grantedExpiresSec ?? null,
    expiresAt: wallClock.iso(row.expiresAt),
    nextAttemptAt: wallClock.iso(row.nextAttemptAt),
    target: row.target ?? null,
    lastResponse: row.lastResponse ?? null,
    ...factsRow(row.facts),
    outbound: row.hasOutbound,
    seenAs: row.seenAs ?? null,
    keepAlive: row.keepAlive ?? null,
    callId: row.callId,
    cseq: row.cseq,
    counters: row.counters,
  };
}

type FactsRow = Pick<LegRow, 'serviceRoute' | 'path' | 'associatedUris' | 'gruu' | 'otherBindings'>;

const NO_FACTS: FactsRow = {
  serviceRoute: [],
  path: [],
  associatedUris: [],
  gruu: null,
  otherBindings: { count: 0, listed: [] },
};

function factsRow(facts: RegistrationSnapshot['facts']): FactsRow {
  if (facts === undefined) return NO_FACTS;
  const { publicGruu, temporaryGruu } = facts;
  const hasGruu = publicGruu !== undefined || temporaryGruu !== undefined;
  return {
    serviceRoute: facts.serviceRoute.map(printable),
    path: facts.path.map(printable),
    associatedUris: facts.associatedUris.map(printable),
    gruu: hasGruu
      ? { public: printableOrNull(publicGruu), temporary: printableOrNull(temporaryGruu) }
      : null,
    otherBindings: {
      count: facts.otherCount,
      listed: facts.others.map(({ uri, expiresSec, isStale }) => ({
        uri: printable(uri),
        expires: expiresSec ?? null,
        isStale,
      })),
    },
  };
}

function printableOrNull(wire: string | undefined): string | null {
  return wire === undefined ? null : printable(wire);
}

export function peerServerRow(row: PeerServerSnapshot, wallClock: WallClock): PeerServerRow {
  const { spec } = row;
  return {
    ...peerServerBrief(row, wallClock),
    contract: spec.contract,
    description: spec.description,
    labels: spec.labels,
    causes: row.causes.map((one) => renderCause(one, row.nextProbeAt, wallClock)),
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
    probe: spec.probe,
    targets: row.targets.map((target) => ({
      target: target.target,
      transport: target.at.protocol,
      address: target.at.address,
      port: target.at.port,
      state: target.state,
      enabled: target.enabled,
      since: wallClock.iso(target.since),
      rttMs: roundMs(target.rttMs),
      lastResponse: target.lastResponse ?? null,
      successes: target.successes,
      failures: target.failures,
      nextProbeAt: wallClock.iso(target.nextProbeAt),
    })),
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
    cause: renderCause(row.cause, row.nextProbeAt, wallClock),
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

/** `sip:198.51.100.7:5061;transport=tls`: the hop as it could stand in the configuration. */
export function hopText(hop: NextHop): string {
  const host = hop.host.includes(':') && !hop.host.startsWith('[') ? `[${hop.host}]` : hop.host;
  const port = hop.port === undefined ? '' : `:${hop.port}`;
  const transport = hop.protocol === undefined ? '' : `;transport=${hop.protocol}`;
  return `${hop.secure ? 'sips' : 'sip'}:${host}${port}${transport}`;
}

/** Tenths of a millisecond are as good as the clock of a loop that turns. */
export function roundMs(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 10) / 10;
}

/** Several pinned realms stand in one text. */
function realmText({ realm }: Pick<Credentials, 'realm'>): string | null {
  if (realm === undefined) return null;
  return typeof realm === 'string' ? realm : realm.join(', ');
}
