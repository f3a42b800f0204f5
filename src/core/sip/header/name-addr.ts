/**
 * Addresses in From, To, Contact, Route: `"Name" <uri>;param=value` or `uri;param=value`. Without
 * angle brackets every parameter belongs to the header field; RFC 3261 sections 20 and 20.10.
 */
import {
  COMMA,
  closingQuote,
  isBlankCode,
  isTokenCode,
  LESS,
  QUOTE,
  SEMICOLON,
  SPACE,
  skipBlanks,
  trimmed,
  unescapeQuoted,
} from '../message/characters.ts';
import { type Params, parseParams } from './params.ts';

export interface NameAddr {
  /** Without quotes and backslashes (wire text); undefined when there is none. */
  readonly display: string | undefined;
  /** As received, without angle brackets. */
  readonly uri: string;
  /** Header parameters: names in lower case, values without quotes. */
  readonly params: Params;
}

/** Reads one address; undefined when it is malformed. Any URI scheme will do. */
export function parseNameAddr(value: string): NameAddr | undefined {
  const start = skipBlanks(value, 0);
  if (value.charCodeAt(start) === QUOTE) {
    const close = closingQuote(value, start);
    if (close < 0) return undefined;
    const open = skipBlanks(value, close + 1);
    if (value.charAt(open) !== '<') return undefined;
    return bracketed(value, open, unescapeQuoted(value.slice(start + 1, close)));
  }
  const open = value.indexOf('<', start);
  if (open < 0 || !isUnquotedName(value, start, open)) return unbracketed(value, start);
  const display = trimmed(value, start, open);
  return bracketed(value, open, display === '' ? undefined : display);
}

/** The tag of a From or To value; undefined when there is none. Cheaper than the whole. */
export function tagOf(value: string): string | undefined {
  if (value.indexOf('"') >= 0) return parseNameAddr(value)?.params.get('tag');
  const close = Math.max(value.indexOf('>'), 0);
  const at = value.indexOf(';tag=', close);
  if (at < 0) {
    // Written in another way, if there is one at all.
    const hasParams = value.indexOf(';', close) >= 0;
    return hasParams ? parseNameAddr(value)?.params.get('tag') : undefined;
  }
  const start = at + 5;
  let end = start;
  while (end < value.length) {
    const code = value.charCodeAt(end);
    if (code === SEMICOLON || isBlankCode(code)) break;
    end += 1;
  }
  return value.slice(start, end);
}

/** The members of a list, trimmed; empty ones are left out. */
export function splitList(value: string): string[] {
  if (value.indexOf(',') < 0) return value === '' ? [] : [value];
  const members: string[] = [];
  for (let from = 0; from <= value.length; ) {
    const comma = endOfMember(value, from);
    const member = trimmed(value, from, comma);
    if (member !== '') members.push(member);
    from = comma + 1;
  }
  return members;
}

/**
 * Where the list member that begins at `from` ends: its comma, or the end of the text. What is
 * opened and never closed goes to the end.
 */
export function endOfMember(value: string, from: number): number {
  let at = skipBlanks(value, from);
  while (at < value.length) {
    const code = value.charCodeAt(at);
    if (code === COMMA) return at;
    if (code === QUOTE || code === LESS) {
      const close = code === QUOTE ? closingQuote(value, at) : value.indexOf('>', at);
      if (close < 0) return value.length;
      at = close;
    }
    at += 1;
  }
  return value.length;
}

function bracketed(value: string, open: number, display: string | undefined): NameAddr | undefined {
  const close = value.indexOf('>', open);
  if (close < 0) return undefined;
  const uri = trimmed(value, open + 1, close);
  const params = parseParams(value, close + 1);
  if (params === undefined || !isUriText(uri)) return undefined;
  return { display, uri, params };
}

function unbracketed(value: string, start: number): NameAddr | undefined {
  let end = start;
  while (end < value.length) {
    const code = value.charCodeAt(end);
    if (code === SEMICOLON || isBlankCode(code)) break;
    end += 1;
  }
  const uri = value.slice(start, end);
  const params = parseParams(value, end);
  if (params === undefined || !isUriText(uri)) return undefined;
  return { display: undefined, uri, params };
}

/** Tokens and blanks; octets above ASCII as well, since names are written that way. */
function isUnquotedName(value: string, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const code = value.charCodeAt(at);
    if (!isTokenCode(code) && !isBlankCode(code) && code < 0x80) return false;
  }
  return true;
}

/** No blanks, controls, quotes or brackets: what is inside is for the URI parser. */
function isUriText(uri: string): boolean {
  if (uri === '') return false;
  for (let at = 0; at < uri.length; at += 1) {
    const code = uri.charCodeAt(at);
    if (code <= SPACE || code === 0x7f || code === QUOTE || code === 0x3c || code === 0x3e) {
      return false;
    }
  }
  return true;
}
