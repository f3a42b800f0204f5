/** Header fields that an operator may add to a REGISTER: RFC 3261 sections 7.3 and 25.1. */

import { isToken } from '../core/sip/message/characters.ts';
import { toWire } from '../core/sip/message/wire-text.ts';

/** What the stack writes itself, or what would make the message another one; compact forms as well. */
const RESERVED: ReadonlySet<string> = new Set([
  ...['via', 'v', 'from', 'f', 'to', 't', 'call-id', 'i', 'cseq', 'contact', 'm', 'max-forwards'],
  ...['expires', 'authorization', 'proxy-authorization', 'route', 'record-route', 'path'],
  ...['supported', 'k', 'require', 'proxy-require', 'user-agent', 'date', 'timestamp'],
  ...['content-length', 'l', 'content-type', 'c', 'content-encoding', 'e', 'content-disposition'],
]);

/** What is wrong with the name; undefined when it may be added. */
export function headerNameFault(name: string): string | undefined {
  if (!isToken(name) || name.length > 64) return 'is no header field name';
  const isTaken = RESERVED.has(name.toLowerCase());
  return isTaken ? 'is a header field that trunkd writes itself' : undefined;
}

/** The lines as they are sent, each ended by CR LF. The values hold no control characters. */
export function headerLines(headers: Readonly<Record<string, string>> | undefined): string {
  let lines = '';
  for (const [name, value] of Object.entries(headers ?? {}))
    lines += `${name}: ${toWire(value)}\r\n`;
  return lines;
}
