/**
 * Client-initiated connections: RFC 5626 sections 4.1 and 4.2, as far as a REGISTER carries them. We
 * offer it with every binding (`auto`); it is in force only where the registrar says so in the 2xx.
 *
 * `;ob` is not sent: it belongs to Contacts of requests that make dialogs (section 4.3), and we make none.
 */
import { after, type Instant } from '../base/instant.ts';
import type { Hasher } from '../sip/digest/ports.ts';
import { parseDeltaSeconds } from '../sip/header/expires.ts';
import type { SipMessage } from '../sip/message/message.ts';
import { toWire } from '../sip/message/wire-text.ts';
import type { OutboundPolicy, RegistrationSpec } from './spec.ts';

/** What a registration says of itself in its Contact. */
export interface OutboundOffer {
  /** `urn:uuid:...`, the same over restarts of the same host. */
  readonly instance: string;
  /** Tells the flows of one instance apart, from 1. */
  readonly regId: number;
}

/** A first hop that cannot do it (439) is not offered it again for a day. */
const REFUSED_FOR_MS = 86_400_000;
/** Shorter flow timers would be a flood, longer ones mean nothing. */
const SHORTEST_FLOW_TIMER_SEC = 5;
const LONGEST_FLOW_TIMER_SEC = 86_400;

/**
 * The instance-id (RFC 5626 section 4.1): a name-based UUID (RFC 9562 sections 5.8 and B.2, of SHA-256),
 * made of the host and the address of record, so that a restart finds its binding again wherever its
 * Contact was, and two hosts never take each other's.
 */
export function instanceOf({ username, profile }: RegistrationSpec, host: Host): string {
  const name = `${host.id}\n${username}@${profile.domain.toLowerCase()}`;
  const digits = host.hasher.hash('sha256', toWire(name));
  const variant = ((Number.parseInt(digits.charAt(16), 16) & 3) | 8).toString(16);
  const parts = [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ];
  return `urn:uuid:${parts.join('-')}`;
}

/** The machine that we run on, as the daemon names it: any text that stays the same over restarts. */
export interface Host {
  readonly id: string;
  readonly hasher: Hasher;
}

/** Contact parameters of an offer; `+sip.instance` is quoted and in angle brackets (RFC 5626 section 4.1). */
export function outboundParameters({ instance, regId }: OutboundOffer): string {
  return `;+sip.instance="<${instance}>";reg-id=${regId}`;
}

/** Section 4.2.1: only `Require: outbound` in the answer puts it in force. */
export function isOutboundInForce(response: SipMessage): boolean {
  return response
    .all('Require')
    .some((line) => line.split(',').some((tag) => tag.trim().toLowerCase() === 'outbound'));
}

/** Section 10: how long the other side waits for a keep-alive; undefined when it does not say. */
export function flowTimerSec(response: SipMessage): number | undefined {
  const value = response.first('flow-timer');
  const seconds = value === undefined ? undefined : parseDeltaSeconds(value);
  if (seconds === undefined || seconds === 0) return undefined;
  return Math.min(Math.max(seconds, SHORTEST_FLOW_TIMER_SEC), LONGEST_FLOW_TIMER_SEC);
}

/** Is it to be offered? `refusedUntil`: what the first hop said (section 11.6). */
export function isOffered(policy: OutboundPolicy, refusedUntil: Instant, now: Instant): boolean {
  if (policy === 'off') return false;
  return policy === 'require' || now >= refusedUntil;
}

export function refusalEndsAt(now: Instant): Instant {
  return after(now, REFUSED_FOR_MS);
}
