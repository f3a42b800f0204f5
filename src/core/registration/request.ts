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
import { lineToken } from './line-token.ts';
import { type OutboundOffer, outboundParameters } from './outbound.ts';
import type { MoreContact, RegisterStyle, RegistrationSpec } from './spec.ts';

/** Hexadecimal digits of a Call-ID; its last ones serve as From tag, which has to be as unguessable. */
export const CALL_ID_DIGITS = 32;
const TAG_DIGITS = 12;
/** RFC 3261 section 8.1.1.5: below 2^31; a new Call-ID begins long before. */
export const LAST_CSEQ: number = 2 ** 31 - 64;

/** `sip:user@domain`, in readable text. */
export function addressOfRecord({ username, profile }: RegistrationSpec): string {
  return `${profile.scheme}:${escapedUser(username)}@${profile.domain}`;
}

/** `requestUri`: where a redirection led; the address of record stays. */
export function registerTemplate(
  spec: RegistrationSpec,
  callId: string,
  requestUri?: string,
): RequestTemplate {
  const { scheme, domain, style } = spec.profile;
  const aor = toWire(addressOfRecord(spec));
  const from = style?.from === undefined ? aor : toWire(fromUri(spec, style.from));
  const fromTag = callId.slice(-TAG_DIGITS);
  return {
    method: 'REGISTER',
    requestUri: requestUri ?? `${scheme}:${domain}`,
    callId,
    fromTag,
    head:
      `Max-Forwards: 70\r\nFrom: <${from}>;tag=${fromTag}\r\nTo: <${aor}>\r\n` +
      `Call-ID: ${callId}\r\n`,
  };
}

function fromUri(
  { username, profile }: RegistrationSpec,
  { user, domain }: NonNullable<RegisterStyle['from']>,
): string {
  return `${profile.scheme}:${escapedUser(user ?? username)}@${domain}`;
}

/**
 * Host, port and parameters of the Contact as it was registered; equal texts are shared by callers.
 * `protocol`: over which the registrar was reached, be it by us or by a proxy of ours. `learned`: our
 * address as the registrar sees us on that flow, where it is known.
 */
export function contactPoint(
  spec: RegistrationSpec,
  flow: Flow,
  protocol: TransportProtocol = flow.protocol,
  learned?: string,
): string {
  const { contact, scheme } = spec.profile;
  const hostPort =
    contact.kind === 'address' ? contact.hostPort : ownPoint(contact.kind, flow, learned);
  return hostPort + transportParameter(scheme, protocol, hostPort);
}

export function contactUri(spec: RegistrationSpec, point: string): string {
  const { scheme, style } = spec.profile;
  if (style === undefined) return `${scheme}:${escapedUser(spec.ddi)}@${point}`;
  const parameters = style.uriParameters + (style.hasLine ? `;line=${lineToken(spec)}` : '');
  // RFC 6140 section 5.1: no user, since the registrar makes a Contact of it for each number.
  if (style.mode === 'gin') return `${scheme}:${point}${parameters};bnc`;
  return `${scheme}:${escapedUser(spec.ddi)}@${point}${parameters}`;
}

/** The URIs of its further Contacts, which go with the first one over the same transport protocol. */
export function moreContactUris(spec: RegistrationSpec, point: string): readonly string[] {
  const { style } = spec.profile;
  if (style === undefined || style.moreContacts.length === 0) return NONE;
  return style.moreContacts.map((more) => moreContactUri(spec, point, more));
}

const NONE: readonly string[] = [];

function moreContactUri(spec: RegistrationSpec, point: string, { hostPort }: MoreContact): string {
  const transport = point.indexOf(';transport=');
  return contactUri(spec, hostPort + (transport < 0 ? '' : point.slice(transport)));
}

/**
 * The lines after CSeq: what we ask for. `expiresSec` 0 removes the binding; what stands in `removed`
 * (URIs, wire text) is removed in any case (RFC 3261 section 10.2.2). With an `offer` the registrar may
 * know the binding by instance and flow instead of by its URI (RFC 5626 section 4.2).
 */
export function registerTail(
  spec: RegistrationSpec,
  point: string,
  expiresSec: number,
  removed: readonly string[] = NONE,
  offer?: OutboundOffer,
): string {
  const { style, userAgent } = spec.profile;
  const expiry = expiresSec === 0 ? ';expires=0' : '';
  let lines = '';
  for (const uri of removed) lines += `Contact: <${uri}>;expires=0\r\n`;
  lines += `Contact: <${toWire(contactUri(spec, point))}>${expiry}`;
  lines += (style?.parameters ?? '') + (offer === undefined ? '' : outboundParameters(offer));
  for (const more of style?.moreContacts ?? []) {
    const uri = toWire(moreContactUri(spec, point, more));
    lines += `\r\nContact: <${uri}>${expiry}${more.parameters}`;
  }
  lines += `\r\nExpires: ${expiresSec}\r\nUser-Agent: ${toWire(userAgent)}\r\n`;
  lines += offer === undefined ? 'Supported: path\r\n' : 'Supported: path, outbound\r\n';
  return style === undefined ? lines : lines + (style.mode === 'gin' ? GIN : '') + style.headers;
}

/**
 * A REGISTER without Contact asks which bindings there are (RFC 3261 section 10.2.3): the lines after
 * CSeq.
 */
export function queryTail(spec: RegistrationSpec): string {
  const { style, userAgent } = spec.profile;
  return `User-Agent: ${toWire(userAgent)}\r\nSupported: path\r\n${style?.headers ?? ''}`;
}

/** RFC 6140 section 5.1: neither a proxy nor the registrar may take it for an ordinary one. */
const GIN = 'Require: gin\r\nProxy-Require: gin\r\n';
function ownPoint(kind: 'self' | 'learned', flow: Flow, learned: string | undefined): string {
  return kind === 'self' ? flow.contactHost : (learned ?? flow.contactHost);
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
