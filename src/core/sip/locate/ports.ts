import type { Fault, Result } from '../../base/fault.ts';
import type { Instant } from '../../base/instant.ts';
import type { NextHop, Target } from './target.ts';

/** Questions to the DNS; `srv` and `naptr` are asked from the next step of RFC 3263 on. */
export type LookupQuestion =
  | { readonly kind: 'addresses'; readonly name: string }
  | { readonly kind: 'srv'; readonly name: string }
  | { readonly kind: 'naptr'; readonly name: string };

export type LookupRecord =
  | { readonly kind: 'address'; readonly address: string; readonly family: 4 | 6 }
  | {
      readonly kind: 'srv';
      readonly target: string;
      readonly port: number;
      readonly priority: number;
      readonly weight: number;
    }
  | {
      readonly kind: 'naptr';
      readonly order: number;
      readonly preference: number;
      readonly flags: string;
      readonly service: string;
      readonly replacement: string;
    };

export interface LookupAnswer {
  readonly records: readonly LookupRecord[];
  /** Seconds for which the records may be used. */
  readonly ttlSec: number;
}

/** Implemented by src/net/dns.ts. The answer comes later, never from inside `ask`. */
export interface LookupPort {
  ask(question: LookupQuestion, receive: (result: Result<LookupAnswer>) => void): void;
}

/** What the keepers ask: the targets of a hop in the order in which they are to be tried. Never empty. */
export interface Locator {
  /**
   * `receive` is called before `locate` returns where the answer is known already. `freshUntil` is
   * when asking again may give another answer; undefined for an IP literal, whose answer never changes.
   */
  locate(
    hop: NextHop,
    receive: (result: Result<readonly Target[], Fault>, freshUntil?: Instant) => void,
  ): void;
}
