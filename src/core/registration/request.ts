/**
 * The REGISTER requests of one registration: RFC 3261 section 10.2. The Request-URI is the domain,
 * To and From are the address of record, the Contact is where calls shall arrive.
 *
 * The lines are put together for each exchange and not kept: that costs well under a microsecond
 * and saves half a kilobyte for each registration.
 */

import type { TransportProtocol } from '../sip/locate/target.ts';
import { toWire } from '../sip/message/wire-text.ts';
import type { Flow } from '../sip/transport/ports.ts';
import type { RequestTemplate } from '../sip/user-agent/ports.ts';
import { type OutboundOffer, outboundParameters } from './outbound.ts';
import type { RegistrationSpec } from './spec.ts';

/** Hexadecimal digits of a Call-ID; its last ones serve as From tag, which has to be as unguessable. */
export const CALL_ID_DIGITS = 32;
const TAG_DIGITS = 12;
/** RFC 3261 section 8.1.1.5: below 2^31; a new Call-ID begins long before. */
export const LAST_CSEQ: number = 2 ** 31 - 64;

/** `sip:user@domain`, in readable text. */
export function addressOfRecord({ username, profile }: RegistrationSpec): string {
  return `${profile.scheme}:${escapedUser(username)}@${profile.domain}`;
}

export function registerTemplate(spec: RegistrationSpec, callId: string): RequestTemplate {
  const { scheme, domain } = spec.profile;
  const aor = toWire(addressOfRecord(spec));
  const fromTag = callId.slice(-TAG_DIGITS);
  return {
    method: 'REGISTER',
    requestUri: `${scheme}:${domain}`,
    callId,
    fromTag,
    head:
      `Max-Forwards: 70\r\nFrom: <${aor}>;tag=${fromTag}\r\nTo: <${aor}>\r\n` +
      `Call-ID: ${callId}\r\n`,
  };
}

/** Host, port and parameters of the Contact as it was registered; equal texts are shared by callers. */
export function contactPoint(spec: RegistrationSpec, flow: Flow): string {
  const { contact, scheme } = spec.profile;
  const hostPort = contact.kind === 'self' ? flow.contactHost : contact.hostPort;
  return hostPort + transportParameter(scheme, flow.protocol, hostPort);
}

export function contactUri(spec: RegistrationSpec, point: string): string {
  return `${spec.profile.scheme}:${escapedUser(spec.ddi)}@${point}`;
}

/**
 * The lines after CSeq: what we ask for. `expiresSec` 0 removes the binding; that of a `former` point
 * is removed in any case (RFC 3261 section 10.2.2). With an `offer` the registrar may know the binding by
 * instance and flow instead of by its URI (RFC 5626 section 4.2).
 */
export function registerTail(
  spec: RegistrationSpec,
  point: string,
  expiresSec: number,
  former?: string,
  offer?: OutboundOffer,
): string {
  const uri = toWire(contactUri(spec, point));
  const parameters =
    (expiresSec === 0 ? ';expires=0' : '') + (offer === undefined ? '' : outboundParameters(offer));
  const removal =
    former === undefined ? '' : `Contact: <${toWire(contactUri(spec, former))}>;expires=0\r\n`;
  return (
    `${removal}Contact: <${uri}>${parameters}\r\nExpires: ${expiresSec}\r\n` +
    `User-Agent: ${toWire(spec.profile.userAgent)}\r\nSupported: ${offer === undefined ? 'path' : 'path, outbound'}\r\n`
  );
}

/** A URI without transport parameter means UDP (RFC 3263 section 4.1); sips says it all by itself. */
function transportParameter(
  scheme: 'sip' | 'sips',
  protocol: TransportProtocol,
  hostPort: string,
): string {
  if (protocol === 'udp' || scheme === 'sips' || hostPort.indexOf(';transport=') >= 0) return '';
  return protocol === 'tcp' ? ';transport=tcp' : ';transport=tls';
}

/** RFC 3261 section 25.1 `user`: what may not stand there is escaped; an escape stays as it is. */
function escapedUser(user: string): string {
  if (!/[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/.test(user)) return user;
  return toWire(user).replace(/%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-_.!~*'()&=+$,;?/%]/g, (char) => {
    const code = char.charCodeAt(0).toString(16).toUpperCase();
    return code.length < 2 ? `%0${code}` : `%${code}`;
  });
}
