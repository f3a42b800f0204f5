/**
 * The text of a request or response as a stateless proxy sends it on: RFC 3261 sections 16.6, 16.7 and
 * 16.11. What is not ours to change stays octet by octet. Pure.
 */
import { endOfMember } from '../header/name-addr.ts';
import { parseDigits, trimmed } from '../message/characters.ts';
import type { SipMessage } from '../message/message.ts';
import { headerLine, stampedVia } from '../message/write.ts';
import type { Routing } from './routing.ts';
import { ending, isAmbiguous, isOwnField, type WireField, wireFields } from './wire-fields.ts';

export interface Forwarding {
  readonly routing: Routing;
  /** Value of our Via. */
  readonly via: string;
  /** Where the request came from: section 18.2.1, RFC 3581 section 4. */
  readonly source: { readonly address: string; readonly port: number };
  /** Values of Record-Route fields of ours, the one for the next hop first. */
  readonly recordRoutes: readonly string[];
  /** Header lines for the next hop alone, with their line ends. */
  readonly ownLines: string;
}

/** Section 8.1.1.6: where a request has none, or one that is beyond its range. */
const MAX_FORWARDS = 70;

/** What is left for the next hop; undefined: nothing (section 16.3, item 3). */
export function forwardsLeft(request: SipMessage): number | undefined {
  const value = request.first('Max-Forwards');
  const number = value === undefined ? undefined : parseDigits(value, 0, value.length, 255);
  if (number === undefined || number > 255) return MAX_FORWARDS;
  return number === 0 ? undefined : number - 1;
}

/** Undefined where it holds what parsers read in different ways. */
export function forwardedRequest(request: SipMessage, how: Forwarding): string | undefined {
  const fields = wireFields(request);
  if (isAmbiguous(request, fields)) return undefined;
  const { routing, via, recordRoutes, ownLines } = how;
  let wire = `${request.method} ${routing.requestUri} SIP/2.0\r\n${headerLine('Via', via)}`;
  for (const value of recordRoutes) wire += headerLine('Record-Route', value);
  wire += headerLine('Max-Forwards', String(forwardsLeft(request) ?? 0)) + ownLines;
  if (routing.isChanged) for (const route of routing.routes) wire += headerLine('Route', route);
  return wire + keptFields(request, fields, how) + ending(request);
}

function keptFields(
  request: SipMessage,
  fields: readonly WireField[],
  { routing, source }: Forwarding,
): string {
  const topVia = fields.find(({ name }) => name === 'via');
  let wire = '';
  for (const field of fields) {
    const isReplaced =
      field.name === 'max-forwards' || (field.name === 'route' && routing.isChanged);
    if (isOwnField(field) || isReplaced) continue;
    wire += field === topVia ? stampedTopVia(request, field, source) : field.text;
  }
  return wire;
}

/** Without our Via, which is the first one (section 16.7, item 3); undefined as for requests. */
export function forwardedResponse(response: SipMessage): string | undefined {
  const fields = wireFields(response);
  if (isAmbiguous(response, fields)) return undefined;
  let wire = `SIP/2.0 ${response.status} ${response.reason}\r\n`;
  let isTopVia = true;
  for (const field of fields) {
    if (isOwnField(field)) continue;
    if (field.name === 'via' && isTopVia) {
      isTopVia = false;
      const rest = behindFirst(field);
      if (rest !== '') wire += `Via: ${rest}\r\n`;
    } else wire += field.text;
  }
  return wire + ending(response);
}

/** `received` where sent-by is another host or `rport` is there; `rport` where it was asked for. */
function stampedTopVia(
  request: SipMessage,
  { value }: WireField,
  { address, port }: Forwarding['source'],
): string {
  const line = request.first('Via') ?? value;
  return `Via: ${stampedVia(line, { received: address, rport: port })}\r\n`;
}

/** What stands behind the first value of a field that may hold several. */
function behindFirst({ value }: WireField): string {
  const flat = value.replace(/\r\n[ \t]+/g, ' ');
  return trimmed(flat, endOfMember(flat, 0) + 1, flat.length);
}
