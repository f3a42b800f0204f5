import type { Fault, Result } from '../../base/fault.ts';
import type { Instant } from '../../base/instant.ts';
import type { NextHop, Target, TransportProtocol } from './target.ts';

/** One question to the DNS; names are in lower case and have no final dot. */
export interface LookupQuestion {
  readonly kind: 'a' | 'aaaa' | 'srv' | 'naptr';
  readonly name: string;
}

interface AddressRecord {
  readonly kind: 'address';
  readonly address: string;
  readonly family: 4 | 6;
}

export interface SrvRecord {
  readonly kind: 'srv';
  /** `.`: the service is decidedly not there (RFC 2782). */
  readonly target: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

export interface NaptrRecord {
  readonly kind: 'naptr';
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly replacement: string;
}

export type LookupRecord = AddressRecord | SrvRecord | NaptrRecord;

/** No records: the DNS says that there are none, which holds for `ttlSec` too (RFC 2308). */
export interface LookupAnswer {
  readonly records: readonly LookupRecord[];
  /** Seconds for which the records may be used. */
  readonly ttlSec: number;
  /** Addresses of SRV targets that came along, which spares their questions. */
  readonly extras?: readonly {
    readonly question: LookupQuestion;
    readonly answer: LookupAnswer;
  }[];
}

/** Implemented by src/net/dns.ts. The answer comes later, never from inside `ask`, and always comes. */
export interface LookupPort {
  ask(question: LookupQuestion, receive: (result: Result<LookupAnswer>) => void): void;
}

/** Which ways out of this host there are; implemented by src/net/transport.ts. */
export interface WaysOut {
  /** Is there a local socket of that protocol and address family? */
  serves(protocol: TransportProtocol, family: 4 | 6): boolean;
  /** Does the kernel know a route to that address? */
  reaches(address: string, family: 4 | 6): boolean;
}

/**
 * What the keepers ask: the targets of a hop, by rank (target.ts); inside one rank the load is shared by
 * weight, see share-load.ts. Never empty.
 */
export interface Locator {
  /**
   * `receive` is called before `locate` returns where the answer is known already; while nothing has
   * changed it is the same array. `freshUntil` is when asking again may give another answer; undefined
   * for an IP literal, whose answer never changes.
   */
  locate(
    hop: NextHop,
    receive: (result: Result<readonly Target[], Fault>, freshUntil?: Instant) => void,
  ): void;
}
