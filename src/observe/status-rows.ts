/**
 * What the API shows of each registration: the field names of design.md 4, and the fields of the
 * configuration without secrets. Everything absent is null. peer-rows.ts has contracts and servers.
 */
import type { RegistrationCounters, RegistrationSnapshot } from '../core/registration/snapshot.ts';
import type { Credentials } from '../core/sip/digest/ports.ts';
import type { NextHop } from '../core/sip/locate/target.ts';
import { type RenderedCause, renderCause } from './cause.ts';
import { printable } from './printable.ts';
import type { WallClock } from './wall-clock.ts';

export type RegistrationState = RegistrationSnapshot['state'];
type Admin = 'up' | 'drain' | 'off';
export type Labels = Readonly<Record<string, string>>;
export type LastResponse = { readonly code: number; readonly reason: string } | null;

export interface OrderRow {
  readonly command: string;
  readonly reason: string;
  readonly until: string | null;
}

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
  readonly order: OrderRow | null;
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
export function realmText({ realm }: Pick<Credentials, 'realm'>): string | null {
  if (realm === undefined) return null;
  return typeof realm === 'string' ? realm : realm.join(', ');
}
