/**
 * The `scheme name=value, name="value"` text of WWW-Authenticate, Proxy-Authenticate and
 * Authentication-Info: RFC 3261 section 25.1, RFC 7616 sections 3.3 and 3.5.
 *
 * Values stay as received: what stood between the quotes, backslashes included, is what gets hashed
 * and echoed. Tolerant: a missing comma (printed in RFC 3665), a trailing one, unquoted values, any
 * case, blanks anywhere. Bounded: what is too long or too much is left out.
 */
import {
  COMMA,
  closingQuote,
  EQUALS,
  isBlankCode,
  isTokenCode,
  QUOTE,
  skipBlanks,
} from '../message/characters.ts';

/** One scheme with what follows it. Names in lower case; the first of a name counts. */
export interface AuthParams {
  /** In lower case; empty when the text began with a parameter. */
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

/** Cuts the text into schemes: there may be several in one field, as in HTTP. At most `most` of them. */
export function parseAuthParams(text: string, most: number): AuthParams[] {
  const found: { scheme: string; params: Map<string, string> }[] = [];
  let current: { scheme: string; params: Map<string, string> } | undefined;
  let at = skipSeparators(text, 0);
  while (at < text.length) {
    const wordEnd = endOfToken(text, at);
    if (wordEnd === at) break;
    const word = text.slice(at, wordEnd).toLowerCase();
    const equals = skipBlanks(text, wordEnd);
    if (text.charCodeAt(equals) === EQUALS) {
      const value = readValue(text, skipBlanks(text, equals + 1));
      if (value === undefined) break;
      if (current === undefined) {
        current = { scheme: '', params: new Map() };
        found.push(current);
      }
      keep(current.params, word, value.text);
      at = skipSeparators(text, value.end);
    } else {
      if (found.length === most) break;
      current = { scheme: word, params: new Map() };
      found.push(current);
      at = skipSeparators(text, wordEnd);
    }
  }
  return found;
}

function keep(params: Map<string, string>, name: string, value: string): void {
  const isWelcome = value.length <= MOST_OCTETS && params.size < MOST_PARAMS && !params.has(name);
  if (isWelcome) params.set(name, value);
}

interface Value {
  readonly text: string;
  readonly end: number;
}

function readValue(text: string, start: number): Value | undefined {
  if (text.charCodeAt(start) === QUOTE) {
    const close = closingQuote(text, start);
    return close < 0 ? undefined : { text: text.slice(start + 1, close), end: close + 1 };
  }
  let end = start;
  while (end < text.length && isPlainCode(text.charCodeAt(end))) end += 1;
  return { text: text.slice(start, end), end };
}

/** What may stand unquoted here; never a quote or a backslash, since we put it in quotes. */
function isPlainCode(code: number): boolean {
  return code !== COMMA && code !== QUOTE && code !== 0x5c && !isBlankCode(code);
}

function endOfToken(text: string, start: number): number {
  let at = start;
  while (at < text.length && isTokenCode(text.charCodeAt(at))) at += 1;
  return at;
}

function skipSeparators(text: string, start: number): number {
  let at = start;
  while (at < text.length && (text.charCodeAt(at) === COMMA || isBlankCode(text.charCodeAt(at)))) {
    at += 1;
  }
  return at;
}

const MOST_OCTETS = 1_024;
const MOST_PARAMS = 32;
