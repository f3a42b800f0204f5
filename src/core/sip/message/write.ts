/**
 * Making wire text that cannot be broken out of: a line end in a value would let a peer write header
 * fields of its own. RFC 3261 sections 7.3, 8.2.6, 18.2.1 and 25.1, RFC 3581 section 4.
 */
import { assert } from '../../base/assert.ts';
import { endOfMember, tagOf } from '../header/name-addr.ts';
import { ParamCursor } from '../header/params.ts';
import type { HeaderName } from './header-name.ts';
import type { SipMessage } from './message.ts';

/** One header field with its line end. The value is wire text of ours: a line end or NUL in it is a bug. */
export function headerLine(name: HeaderName, value: string): string {
  assert(isOneLine(value), 'a header value of ours has no line end and no NUL');
  return `${name}: ${value}\r\n`;
}

/** A quoted string: the text in quotes, its quotes and backslashes escaped. */
export function quote(text: string): string {
  const isPlain = text.indexOf('"') < 0 && text.indexOf('\\') < 0;
  return isPlain ? `"${text}"` : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

export interface ResponseOptions {
  /** Added to To where that has no tag yet. */
  readonly toTag?: string;
  /** Source address, without brackets, for the top Via. */
  readonly received?: string;
  /** Source port; written only where the top Via asks for it by `rport`. */
  readonly rport?: number;
  /** Further header lines, as headerLine gives them. */
  readonly lines?: readonly string[];
  readonly body?: string;
}

/**
 * The response to a request: Via, From, To, Call-ID and CSeq are echoed octet by octet, in order.
 * Fields that the request lacks are left out.
 */
export function response(
  request: SipMessage,
  status: number,
  phrase: string,
  options: ResponseOptions = {},
): string {
  assert(isOneLine(phrase), 'a reason phrase of ours has no line end and no NUL');
  const body = options.body ?? '';
  let wire = `SIP/2.0 ${status} ${phrase}\r\n`;
  request.rawAll('Via').forEach((line, index) => {
    wire += `Via: ${index === 0 ? stampedVia(line, options) : line}\r\n`;
  });
  wire += echo(request, 'From');
  wire += echoedTo(request, options.toTag);
  wire += echo(request, 'Call-ID') + echo(request, 'CSeq');
  for (const line of options.lines ?? []) wire += line.endsWith('\r\n') ? line : `${line}\r\n`;
  return `${wire}Content-Length: ${body.length}\r\n\r\n${body}`;
}

function echo(request: SipMessage, name: HeaderName): string {
  const value = request.rawAll(name)[0];
  return value === undefined ? '' : `${name}: ${value}\r\n`;
}

function echoedTo(request: SipMessage, toTag: string | undefined): string {
  const value = request.rawAll('To')[0];
  if (value === undefined) return '';
  const needsTag = toTag !== undefined && tagOf(request.first('To') ?? '') === undefined;
  return needsTag ? `To: ${value};tag=${toTag}\r\n` : `To: ${value}\r\n`;
}

/** The first value of the first Via line with received and rport; the rest of the line as it is. */
export function stampedVia(
  line: string,
  { received, rport }: Pick<ResponseOptions, 'received' | 'rport'>,
): string {
  if (received === undefined && rport === undefined) return line;
  // A folded line is put on one, so that its parameters can be told apart.
  const flat = line.replace(/\r\n[ \t]+/g, ' ');
  const end = endOfMember(flat, 0);
  const value = flat.slice(0, end);
  const paramsStart = value.indexOf(';', value.indexOf(']') + 1);
  let stamped = paramsStart < 0 ? value : value.slice(0, paramsStart);
  const cursor = new ParamCursor(value, paramsStart < 0 ? value.length : paramsStart);
  let isPortDue = rport !== undefined;
  while (cursor.next()) {
    if (rport !== undefined && cursor.isNamed('rport')) {
      // Once: a line full of them would make us send more than we got.
      if (isPortDue) stamped += `;rport=${rport}`;
      isPortDue = false;
    }
    // A received that the sender wrote itself would tell a lie.
    else if (received === undefined || !cursor.isNamed('received')) {
      stamped += `;${value.slice(cursor.start, cursor.end)}`;
    }
  }
  if (received !== undefined) stamped = `${stamped.trimEnd()};received=${received}`;
  return stamped + flat.slice(end);
}

function isOneLine(text: string): boolean {
  return text.indexOf('\r') < 0 && text.indexOf('\n') < 0 && text.indexOf('\0') < 0;
}
