import type { DigestPolicy } from '../sip/digest/algorithm.ts';
import type { Credentials } from '../sip/digest/ports.ts';
import type { NextHop } from '../sip/locate/target.ts';
import type { TlsPolicy } from '../sip/transport/ports.ts';
import type { SourceCheck } from '../sip/user-agent/ports.ts';

/** What an operator lets a registration or server do: `drain` counts as `off` for a registration. */
export type Admin = 'up' | 'drain' | 'off';

/** Outbound (RFC 5626): never offered, offered, or a condition of the registration. */
export type OutboundPolicy = 'off' | 'auto' | 'require';

/** Where the registrar shall send calls: a given host[:port], or the local socket that registers. */
export type ContactPlan =
  | { readonly kind: 'address'; readonly hostPort: string }
  | { readonly kind: 'self' };

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
  readonly localSocket: string | undefined;
  readonly tls: TlsPolicy;
  readonly contact: ContactPlan;
  readonly outbound: OutboundPolicy;
  /** Asked for; what is granted never replaces it. */
  readonly expiresSec: number;
  readonly onRemove: 'unregister' | 'keep';
  readonly admin: Admin;
  readonly sourceCheck: SourceCheck;
  readonly digest: DigestPolicy;
  readonly userAgent: string;
  /** Of a registration that is kept by several bindings; the rest of this profile is that of the first. */
  readonly legs?: Legs;
}

/** See legs.ts. */
export interface Legs {
  /** `serial`: each waits until all before it fail. */
  readonly mode: 'parallel' | 'serial';
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
