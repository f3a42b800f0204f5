import type { Cause } from '../base/cause.ts';
import type { Instant } from '../base/instant.ts';
import type { BindingFacts } from './binding-facts.ts';
import type { RegistrationState } from './events.ts';
import type { Order } from './override.ts';
import type { ToldPause } from './pause.ts';
import type { RegistrationSpec } from './spec.ts';

/** Everything that status pages show of one registration, at one moment. */
export interface RegistrationSnapshot {
  readonly spec: RegistrationSpec;
  readonly state: RegistrationState;
  readonly bound: boolean;
  readonly since: Instant;
  readonly cause: Cause | undefined;
  /** What an operator ordered over the configuration. */
  readonly order: Order | undefined;
  /** The Contact URI that we registered last, without angle brackets. */
  readonly contact: string | undefined;
  readonly grantedExpiresSec: number | undefined;
  readonly expiresAt: Instant | undefined;
  readonly nextAttemptAt: Instant | undefined;
  /** targetKey of the last attempt. */
  readonly target: string | undefined;
  readonly lastResponse: { readonly code: number; readonly reason: string } | undefined;
  /** Outbound (RFC 5626) is in force: the registrar said so with the last grant. */
  readonly hasOutbound: boolean;
  /** What the registrar told beside the grant, as wire text; undefined while not bound, or if it told nothing. */
  readonly facts: BindingFacts | undefined;
  /** `host:port`, as the registrar sees us; undefined: it does not say. */
  readonly seenAs: string | undefined;
  readonly keepAlive: 'stun' | 'crlf' | 'ping' | undefined;
  readonly callId: string;
  readonly cseq: number;
  readonly counters: RegistrationCounters;
  /** Its bindings, where it is kept by several; the rest is then of the best of them, counters of all. */
  readonly legs?: readonly RegistrationSnapshot[];
}

export interface RegistrationCounters {
  readonly attempts: number;
  readonly requests: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Times that a binding was lost or ran out while we wanted it. */
  readonly lapses: number;
}

/** What observers may ask the keeper; implemented by keeper.ts, read by src/observe. */
export interface RegistrationBook {
  ids(): Iterable<string>;
  snapshot(id: string): RegistrationSnapshot | undefined;
  /** How many registrations are in each state, by contract; counted as they change, not by a walk. */
  counts(): ReadonlyMap<string, Readonly<Record<RegistrationState, number>>>;
  /** Bindings of the same accounts that are not ours, by contract; contracts without any are left out. */
  otherBindings(): ReadonlyMap<string, number>;
  /** Registrations that the sweeper found without a next step; must stay 0. */
  readonly stuck: number;
  /** An operator has all registrations rest; undefined: nobody has. */
  readonly paused: ToldPause | undefined;
}
