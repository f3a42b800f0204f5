import type { DigestPolicy } from '../sip/digest/algorithm.ts';
import type { Credentials } from '../sip/digest/ports.ts';
import type { KeepAlivePolicy } from '../sip/keep-alive/ports.ts';
import type { NextHop } from '../sip/locate/target.ts';
import type { TlsPolicy } from '../sip/transport/ports.ts';
import type { SizePolicy, SourceCheck } from '../sip/user-agent/ports.ts';
import type { RedirectPolicy } from './redirect.ts';

/** What an operator lets a registration or server do: `drain` counts as `off` for a registration. */
export type Admin = 'up' | 'drain' | 'off';

/** Outbound (RFC 5626): never offered, offered, or a condition of the registration. */
export type OutboundPolicy = 'off' | 'auto' | 'require';

/** Where the registrar shall send calls: a given host[:port], or the local socket that registers. */
export type ContactPlan =
  | { readonly kind: 'address'; readonly hostPort: string }
  | { readonly kind: 'self' }
  /** As `self`, at the address as which the registrar sees us. */
  | { readonly kind: 'learned' };

/**
 * Where a binding that had to move lives on: back at the preferred target once that has answered others
 * for a while; where it is until that fails; back as soon as the answer of the DNS is over by which it moved;
 * or back after a time.
 */
type Failback = 'homing' | 'parking' | 'dnsTtl' | { readonly afterMs: number };

/** The parts that many registrations share; kept as one object, so that 100,000 stay small. */
export interface RegistrationProfile {
  readonly contract: string;
  readonly labels: Readonly<Record<string, string>>;
  /** AOR domain, as in the Request-URI. */
  readonly domain: string;
  /** `sips` where the registrar URI is a sips URI. */
  readonly scheme: 'sip' | 'sips';
  /** Where the request is sent: the outbound proxy, else the registrar, else the domain. */
  readonly hop: NextHop;
  /** Route URIs, where the request passes several hops; undefined for a single one. */
  readonly route?: readonly string[] | undefined;
  readonly localSocket: string | undefined;
  readonly tls: TlsPolicy;
  readonly contact: ContactPlan;
  readonly outbound: OutboundPolicy;
  /** Asked for; what is granted never replaces it. */
  readonly expiresSec: number;
  readonly onRemove: 'unregister' | 'keep';
  readonly admin: Admin;
  readonly sourceCheck: SourceCheck;
  /** Over TCP and TLS: a connection for each, or one for all; undefined: shared. */
  readonly connection?: 'shared' | 'perRegistration' | undefined;
  /** What becomes of large requests over UDP. */
  readonly sizePolicy?: SizePolicy | undefined;
  readonly failback: Failback;
  readonly digest: DigestPolicy;
  readonly keepAlive: KeepAlivePolicy;
  /** Undefined: redirections are not followed. */
  readonly redirects?: RedirectPolicy | undefined;
  readonly userAgent: string;
  readonly onForeign: ForeignPolicy;
  /** A refresh is preceded by the question what the registrar holds, that often; undefined: never. */
  readonly auditMs?: number;
  /** What only few registrations want in their REGISTER. */
  readonly style?: RegisterStyle;
  /** Of a registration that is kept by several bindings; the rest of this profile is that of the first. */
  readonly legs?: Legs;
}

/** What to do about bindings of the same address of record that are not ours. */
type ForeignPolicy = 'report' | 'removeOwnStale' | 'ignore';

/** Texts are checked; those that are sent as they stand are wire text. */
export interface RegisterStyle {
  /** From where it is not the address of record: third-party registration (RFC 3261 section 10.2). */
  readonly from: { readonly user: string | undefined; readonly domain: string } | undefined;
  /** Header lines of the operator, each ended by CR LF; none that the stack writes itself. */
  readonly headers: string;
  /** `;name=value` behind the Contact URI, inside the angle brackets. */
  readonly uriParameters: string;
  /** The same outside of them: `;q=0.5`. */
  readonly parameters: string;
  /** Adds `;line=TOKEN` to the Contact URI: a token of the registration (line-token.ts). */
  readonly hasLine: boolean;
  /** `gin`: for all numbers of a PBX at once (RFC 6140): the Contact has `bnc` in place of a user. */
  readonly mode: 'single' | 'gin';
  /** Further Contacts, bound and removed with the first. */
  readonly moreContacts: readonly MoreContact[];
}

export interface MoreContact {
  readonly hostPort: string;
  /** `;q=0.5` or nothing. */
  readonly parameters: string;
}

/** See legs.ts. */
export interface Legs {
  /**
   * `serial`: each waits until all before it fail. `flows`: all go to one registrar, by different targets
   * (RFC 5626 section 4.2); the others wait until one has outbound in force, since without it they would be one
   * binding.
   */
  readonly mode: 'parallel' | 'serial' | 'flows';
  /** Two at least, none with legs of its own. */
  readonly profiles: readonly RegistrationProfile[];
}

/** One AOR that is kept registered (the seed's SIP Register), ready for the core. */
export interface RegistrationSpec {
  readonly id: string;
  readonly username: string;
  /** User part of the Contact. */
  readonly ddi: string;
  readonly credentials: Credentials;
  readonly profile: RegistrationProfile;
}
