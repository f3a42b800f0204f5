import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SipMessage } from '../../src/core/sip/message/message.ts';
import { parseMessage } from '../../src/core/sip/message/parse.ts';

const VECTORS = join(import.meta.dirname, '../vectors');

/** Wire text of a file under test/vectors: one character per octet. */
export function wireOf(file: string): string {
  return readFileSync(join(VECTORS, file), 'latin1');
}

/** A JSON file under test/vectors. */
export function jsonOf<T>(file: string): T {
  return JSON.parse(readFileSync(join(VECTORS, file), 'utf8')) as T;
}

/** Lines joined as a message: start line, header fields, and an empty line. */
export function wire(...lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A sound response with further header lines. */
export function responseWire(status: number, ...lines: readonly string[]): string {
  return wire(
    `SIP/2.0 ${status} Text`,
    'Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKabc;rport=5070;received=192.0.2.1',
    'From: <sip:100@example.com>;tag=f1',
    'To: <sip:100@example.com>;tag=t1',
    'Call-ID: call-1',
    'CSeq: 7 REGISTER',
    ...lines,
    'Content-Length: 0',
  );
}

/** A sound request with further header lines. */
export function requestWire(method: string, ...lines: readonly string[]): string {
  return wire(
    `${method} sip:100@192.0.2.1:5070 SIP/2.0`,
    'Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKdef;rport',
    'Max-Forwards: 70',
    'From: "Other" <sip:other@example.com>;tag=o1',
    'To: <sip:100@example.com>',
    'Call-ID: call-2',
    `CSeq: 3 ${method}`,
    ...lines,
    'Content-Length: 0',
  );
}

/** The parsed message; throws when it is refused. */
export function parsed(text: string, over: 'datagram' | 'stream' = 'datagram'): SipMessage {
  const result = parseMessage(text, over);
  if (!result.ok) throw new Error(`refused: ${result.reason}`);
  return result.message;
}
