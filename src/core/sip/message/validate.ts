/**
 * What a message must have before anybody acts on it: RFC 3261 sections 8.1.1, 8.1.3.3, 8.2 and
 * 20.16. The parser tells whether it can be read at all; this tells whether it makes sense.
 */
import { parseCseq } from '../header/cseq.ts';
import { endOfMember, parseNameAddr } from '../header/name-addr.ts';
import { countVias, parseVia } from '../header/via.ts';
import { parseDigits, trimmed } from './characters.ts';
import type { SipMessage } from './message.ts';
import { KNOWN_METHODS } from './method.ts';
import { parseUri, schemeOf } from './uri.ts';

/** How a request is to be refused. */
export interface RequestFlaw {
  readonly status: number;
  readonly phrase: string;
}

/**
 * The checks by which a UAS answers 400 before it looks at the method (501 where an unknown method
 * does not match its CSeq). Without a Via that can be read no answer has anywhere to go: the caller
 * asks `topVia` first. A missing Max-Forwards or From tag is RFC 2543, and let pass.
 */
export function validateRequest(message: SipMessage): RequestFlaw | undefined {
  for (const name of SINGLE) {
    const count = message.count(name);
    if (count === 0) return bad(`Missing ${name}`);
    if (count > 1) return bad(`More Than One ${name}`);
  }
  if (!areVias(message)) return bad('Bad Via');
  if (!isMaxForwards(message)) return bad('Bad Max-Forwards');
  if (!isAddress(message.first('To'))) return bad('Bad To');
  if (!isAddress(message.first('From'))) return bad('Bad From');
  if (!isCallId(message.first('Call-ID'))) return bad('Bad Call-ID');
  const cseq = parseCseq(message.first('CSeq') ?? '');
  if (cseq === undefined) return bad('Bad CSeq');
  if (!isRequestUri(message.requestUri)) return bad('Bad Request-URI');
  if (cseq.method === message.method) return undefined;
  return KNOWN_METHODS.has(message.method)
    ? bad('CSeq Method Does Not Match')
    : { status: 501, phrase: 'Not Implemented' };
}

/**
 * Why a response must be dropped, as a stable word for a metric label; undefined when it is sound.
 * RFC 3261 section 8.1.3.3 for the Via: a response for us holds exactly one.
 */
export function validateResponse(
  message: SipMessage,
): 'via' | 'viaCount' | 'singleField' | 'cseq' | undefined {
  const vias = countVias(message);
  if (vias !== 1) return vias === 0 ? 'via' : 'viaCount';
  for (const name of SINGLE) {
    if (message.count(name) !== 1) return 'singleField';
  }
  return parseCseq(message.first('CSeq') ?? '') === undefined ? 'cseq' : undefined;
}

function bad(phrase: string): RequestFlaw {
  return { status: 400, phrase };
}

/** Every value of every line, empty ones included: RFC 4475 section 3.1.2.1. */
function areVias(message: SipMessage): boolean {
  const lines = message.all('Via');
  return lines.length > 0 && lines.every(isViaLine);
}

function isViaLine(line: string): boolean {
  if (line.indexOf(',') < 0) return parseVia(line) !== undefined;
  let from = 0;
  while (from <= line.length) {
    const end = endOfMember(line, from);
    if (parseVia(trimmed(line, from, end)) === undefined) return false;
    from = end + 1;
  }
  return true;
}

/** Digits; what is beyond 255 is as good as absent (RFC 4475 section 3.1.2.4). */
function isMaxForwards(message: SipMessage): boolean {
  const values = message.all('Max-Forwards');
  if (values.length > 1) return false;
  const value = values[0];
  return value === undefined || parseDigits(value, 0, value.length, 255) !== undefined;
}

/** Any scheme will do; a SIP URI must be well-formed. */
function isAddress(value: string | undefined): boolean {
  const address = value === undefined ? undefined : parseNameAddr(value);
  return address !== undefined && isUri(address.uri);
}

function isUri(text: string): boolean {
  const scheme = schemeOf(text);
  if (scheme === 'sip' || scheme === 'sips') return parseUri(text) !== undefined;
  return scheme !== undefined;
}

/** A Request-URI holds no header fields: RFC 3261 section 19.1.1, table 1. */
export function isRequestUri(text: string): boolean {
  if (!isUri(text)) return false;
  return parseUri(text)?.headers === undefined;
}

function isCallId(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value.indexOf(' ') < 0 && value.indexOf('\t') < 0;
}

const SINGLE = ['To', 'From', 'Call-ID', 'CSeq'] as const;
