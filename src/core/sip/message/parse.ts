/**
 * From wire text to a SipMessage: the start line is read, the header section scanned once, and
 * everything else left until it is asked for. RFC 3261 sections 7, 18.3 and 20.14.
 */
import { topVia } from '../header/via.ts';
import { CR, isDigitCode, isToken, LF, matchesIgnoringCase } from './characters.ts';
import { LIMITS } from './limits.ts';
import type { SipMessage } from './message.ts';
import { HeaderScan, type ScanFlaw } from './scan.ts';
import { type StartLine, WireMessage } from './wire-message.ts';

/** Why a message was not taken; stable, used as metric label. */
export type ParseReason =
  | ScanFlaw
  | 'empty'
  | 'tooLarge'
  | 'startLine'
  | 'version'
  | 'statusCode'
  | 'truncated';

export type ParseResult =
  | { readonly ok: true; readonly message: SipMessage }
  | {
      readonly ok: false;
      readonly reason: ParseReason;
      /** How to answer; undefined unless it is a request whose Via, From, To, Call-ID, CSeq are there. */
      readonly reply: ParseReply | undefined;
    };

interface ParseReply {
  readonly status: 400 | 505;
  readonly phrase: string;
  /** What could be read of the request; enough for `response`. */
  readonly message: SipMessage;
}

/**
 * Reads one message. `datagram`: empty lines before it and octets after its body are let pass, and
 * without Content-Length the body goes to the end. `stream`: without Content-Length there is no body.
 * Never throws, whatever the wire holds.
 */
export function parseMessage(wire: string, over: 'datagram' | 'stream'): ParseResult {
  if (wire.length > LIMITS.messageOctets) return refused('tooLarge');
  const start = skipLineEnds(wire);
  if (start === wire.length) return refused('empty');
  const lf = wire.indexOf('\n', start);
  const lineEnd = lf < 0 ? wire.length : wire.charCodeAt(lf - 1) === CR ? lf - 1 : lf;
  const line = readStartLine(wire, start, lineEnd);
  const scan = new HeaderScan(wire, lf < 0 ? wire.length : lf + 1);
  const { bodyStart } = scan;
  const announced = scan.contentLength ?? (over === 'stream' ? 0 : wire.length - bodyStart);
  const bodyEnd = Math.min(wire.length, bodyStart + announced);
  const message = new WireMessage(wire, line.read, scan.marks, { start: bodyStart, end: bodyEnd });
  const reason =
    line.flaw ?? scan.flaw ?? (bodyStart + announced > wire.length ? 'truncated' : undefined);
  return reason === undefined ? { ok: true, message } : refused(reason, message);
}

function refused(reason: ParseReason, message?: SipMessage): ParseResult {
  const isAnswerable =
    message !== undefined &&
    message.kind === 'request' &&
    message.method !== 'ACK' &&
    ECHOED.every((name) => message.count(name) > 0) &&
    topVia(message) !== undefined;
  if (!isAnswerable) return { ok: false, reason, reply: undefined };
  const status = reason === 'version' ? 505 : 400;
  return { ok: false, reason, reply: { status, phrase: PHRASES[reason], message } };
}

/** Keep-alives and line ends left over from the message before: RFC 3261 section 7.5. */
function skipLineEnds(wire: string): number {
  let at = 0;
  for (; at < wire.length; at += 1) {
    const code = wire.charCodeAt(at);
    if (code !== CR && code !== LF) break;
  }
  return at;
}

interface ReadLine {
  readonly read: StartLine;
  readonly flaw: 'startLine' | 'version' | 'statusCode' | 'lineTooLong' | undefined;
}

function readStartLine(wire: string, start: number, end: number): ReadLine {
  const isResponse = matchesIgnoringCase(wire, start, 'sip/');
  const line = isResponse ? readStatusLine(wire, start, end) : readRequestLine(wire, start, end);
  return end - start > LIMITS.lineOctets ? { ...line, flaw: 'lineTooLong' } : line;
}

/** `SIP/2.0 200 OK`; a missing space after the code is forgiven, a code that is not three digits is not. */
function readStatusLine(wire: string, start: number, end: number): ReadLine {
  const isOurs = isOurVersion(wire, start, end) && wire.charCodeAt(start + 7) === 0x20;
  const version = isOurs ? VERSION : wire.slice(start, Math.min(end, start + 16));
  const codeStart = start + 8;
  const codeEnd = codeStart + 3;
  const status = isOurs ? threeDigits(wire, codeStart, end) : 0;
  const isClosed = codeEnd === end || wire.charCodeAt(codeEnd) === 0x20;
  const isCode = status >= 100 && status <= 699 && isClosed;
  return {
    read: {
      kind: 'response',
      method: '',
      requestUri: '',
      status: isCode ? status : 0,
      reason: wire.slice(Math.min(end, codeEnd + 1), end),
      version,
    },
    flaw: !isOurs ? 'version' : isCode ? undefined : 'statusCode',
  };
}

function threeDigits(wire: string, start: number, end: number): number {
  if (start + 3 > end) return 0;
  let value = 0;
  for (let at = start; at < start + 3; at += 1) {
    const code = wire.charCodeAt(at);
    if (!isDigitCode(code)) return 0;
    value = value * 10 + code - 0x30;
  }
  return value;
}

/** `METHOD Request-URI SIP/2.0`, with exactly one space at each place: RFC 3261 section 7.1. */
function readRequestLine(wire: string, start: number, end: number): ReadLine {
  const line = wire.slice(start, end);
  const first = line.indexOf(' ');
  const last = line.lastIndexOf(' ');
  const method = first < 0 ? line : line.slice(0, first);
  const requestUri = last > first ? line.slice(first + 1, last) : '';
  const version = last > first ? line.slice(last + 1) : '';
  const isOurs = version.length === VERSION.length && isOurVersion(version, 0, version.length);
  const read: StartLine = {
    kind: 'request',
    method,
    requestUri,
    status: 0,
    reason: '',
    version: isOurs ? VERSION : version,
  };
  const isShaped = isToken(method) && requestUri !== '' && !/[\x00-\x20\x7f]/.test(requestUri);
  if (!isShaped) return { read, flaw: 'startLine' };
  if (isOurs) return { read, flaw: undefined };
  return { read, flaw: /^SIP\/\d+\.\d+$/i.test(version) ? 'version' : 'startLine' };
}

function isOurVersion(text: string, start: number, end: number): boolean {
  if (start + VERSION.length > end) return false;
  return text.startsWith(VERSION, start) || matchesIgnoringCase(text, start, 'sip/2.0');
}

const VERSION = 'SIP/2.0';
const ECHOED = ['Via', 'From', 'To', 'Call-ID', 'CSeq'] as const;

const PHRASES: Readonly<Record<ParseReason, string>> = {
  empty: 'Bad Request',
  tooLarge: 'Message Too Large',
  startLine: 'Bad Request-Line',
  version: 'Version Not Supported',
  statusCode: 'Bad Status Code',
  truncated: 'Body Shorter Than Content-Length',
  contentLength: 'Bad Content-Length',
  headerLine: 'Bad Header Field',
  lineTooLong: 'Header Line Too Long',
  fieldTooLong: 'Header Field Too Long',
  tooManyFields: 'Too Many Header Fields',
  noEndOfHeaders: 'No End Of Header Fields',
};
