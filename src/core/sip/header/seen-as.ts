/**
 * Our own address as the other side sees it: `received` and `rport` that it wrote into our Via. RFC 3261
 * section 18.2.1, RFC 3581 section 4.
 */
import { bracketed, parseIpLiteral } from '../locate/ip-literal.ts';
import type { SipMessage } from '../message/message.ts';
import { topVia } from './via.ts';

/**
 * `host:port` in canonical spelling; undefined where the answer does not say, or says what cannot be
 * (garbage, port 0, an address that nobody can have).
 */
export function seenAs(response: SipMessage): string | undefined {
  const via = topVia(response);
  if (via?.rport === undefined || via.rport === null || via.rport === 0) return undefined;
  // Without `received` the address is the one that we wrote ourselves.
  const literal = parseIpLiteral(via.received ?? via.host);
  if (literal === undefined || !isUnicast(literal.address)) return undefined;
  return `${bracketed(literal.address)}:${via.rport}`;
}

function isUnicast(address: string): boolean {
  if (address.includes(':')) return address !== '::' && !address.startsWith('ff');
  const first = Number(address.slice(0, address.indexOf('.')));
  return first > 0 && first < 224;
}
