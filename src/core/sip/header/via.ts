/** The Via header field: RFC 3261 sections 18.1, 18.2 and 20.42, RFC 3581, RFC 5118 section 4. */
import {
  COLON,
  isToken,
  isTokenCode,
  parseDigits,
  SEMICOLON,
  SPACE,
  skipBlanks,
} from '../message/characters.ts';
import type { SipMessage } from '../message/message.ts';
import { endOfMember, splitList } from './name-addr.ts';
import { ParamCursor } from './params.ts';

export interface Via {
  /** In upper case: `UDP`, `TCP`, `TLS`, or whatever else was written. */
  readonly transport: string;
  /** In lower case; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number | undefined;
  /** As received; compared without regard to case. Undefined: RFC 2543. */
  readonly branch: string | undefined;
  /** Without brackets. */
  readonly received: string | undefined;
  /** Null: present without a usable value (RFC 3581 section 3); undefined: not present. */
  readonly rport: number | null | undefined;
  readonly maddr: string | undefined;
  readonly ttl: number | undefined;
}

/** The first Via value; undefined when there is none, or it is malformed. */
export function topVia(message: SipMessage): Via | undefined {
  const line = message.first('Via');
  if (line === undefined) return undefined;
  return parseVia(line.indexOf(',') < 0 ? line : line.slice(0, endOfMember(line, 0)));
}

/** Every Via line in order, octet by octet as received (a line may hold several values). */
export function allVias(message: SipMessage): readonly string[] {
  return message.rawAll('Via');
}

/** Number of Via values over all lines. */
export function countVias(message: SipMessage): number {
  const lines = message.count('Via');
  if (lines === 0) return 0;
  if (lines === 1 && (message.first('Via') ?? '').indexOf(',') < 0) return 1;
  return viaValues(message).length;
}

/** Every Via value in order, whichever lines they share. */
export function viaValues(message: SipMessage): readonly string[] {
  return message.all('Via').flatMap(splitList);
}

/** Reads one Via value; undefined when it is malformed. */
export function parseVia(value: string): Via | undefined {
  const sentProtocol = value.startsWith(USUAL) ? USUAL.length : afterProtocol(value);
  if (sentProtocol < 0) return undefined;
  let at = sentProtocol;
  while (isTokenCode(value.charCodeAt(at))) at += 1;
  if (at === sentProtocol) return undefined;
  const transport = transportName(value.slice(sentProtocol, at));
  const hostStart = skipBlanks(value, at);
  if (hostStart === at) return undefined;
  const hostEnd = endOfHost(value, hostStart);
  if (hostEnd < 0) return undefined;
  let paramsStart = skipBlanks(value, hostEnd);
  let port: number | undefined;
  if (value.charCodeAt(paramsStart) === COLON) {
    const portStart = skipBlanks(value, paramsStart + 1);
    paramsStart = endOfPort(value, portStart);
    port = parseDigits(value, portStart, paramsStart, 65_535);
    if (port === undefined || port > 65_535) return undefined;
  }
  return withParams(
    { transport, host: hostText(value, hostStart, hostEnd), port },
    value,
    paramsStart,
  );
}

/** `SIP / 2.0 /` with blanks anywhere: the position of the transport, or -1. */
function afterProtocol(value: string): number {
  const first = value.indexOf('/');
  const second = value.indexOf('/', first + 1);
  if (first < 0 || second < 0) return -1;
  const isProtocol =
    isToken(value.slice(0, first).trim()) && isToken(value.slice(first + 1, second).trim());
  return isProtocol ? skipBlanks(value, second + 1) : -1;
}

/** The usual three as constants, so that nothing is kept of the message. */
function transportName(text: string): string {
  if (text === 'UDP' || text === 'TCP' || text === 'TLS') return text;
  return text.toUpperCase();
}

/** Where the host that begins at `start` ends; -1 when there is none. */
function endOfHost(value: string, start: number): number {
  if (value.charAt(start) === '[') {
    const close = value.indexOf(']', start);
    return close > start + 1 && isIpv6Text(value, start + 1, close) ? close + 1 : -1;
  }
  let at = start;
  while (at < value.length && isHostCode(value.charCodeAt(at))) at += 1;
  return at > start ? at : -1;
}

function hostText(value: string, start: number, end: number): string {
  const isBracketed = value.charAt(start) === '[';
  return (isBracketed ? value.slice(start + 1, end - 1) : value.slice(start, end)).toLowerCase();
}

function isIpv6Text(value: string, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if (!/[0-9A-Fa-f:.]/.test(value.charAt(at))) return false;
  }
  return true;
}

/** Letters, digits, dot, hyphen, and the underscore that real host names have. */
function isHostCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    code === 0x2e ||
    code === 0x2d ||
    code === 0x5f
  );
}

function endOfPort(value: string, start: number): number {
  let at = start;
  while (
    at < value.length &&
    value.charCodeAt(at) !== SEMICOLON &&
    value.charCodeAt(at) !== SPACE
  ) {
    at += 1;
  }
  return at;
}

function withParams(
  sentBy: Pick<Via, 'transport' | 'host' | 'port'>,
  value: string,
  from: number,
): Via | undefined {
  let branch: string | undefined;
  let received: string | undefined;
  let rport: number | null | undefined;
  let maddr: string | undefined;
  let ttl: number | undefined;
  const cursor = new ParamCursor(value, from);
  while (cursor.next()) {
    if (cursor.isNamed('branch')) branch ??= cursor.value();
    else if (cursor.isNamed('received')) received ??= withoutBrackets(cursor.value());
    else if (cursor.isNamed('rport')) rport = numberOf(cursor.value(), 65_535) ?? null;
    else if (cursor.isNamed('maddr')) maddr ??= withoutBrackets(cursor.value());
    else if (cursor.isNamed('ttl')) ttl ??= numberOf(cursor.value(), 255);
  }
  if (cursor.isFaulty) return undefined;
  const { transport, host, port } = sentBy;
  return { transport, host, port, branch, received, rport, maddr, ttl };
}

function withoutBrackets(host: string | undefined): string | undefined {
  return host?.startsWith('[') === true && host.endsWith(']') ? host.slice(1, -1) : host;
}

function numberOf(text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const number = parseDigits(text, 0, text.length, most);
  return number === undefined || number > most ? undefined : number;
}

const USUAL = 'SIP/2.0/';
