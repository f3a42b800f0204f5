/**
 * The grammars that configured texts have to follow before they may get into a SIP message
 * (RFC 3261 section 25.1). Everything here is plain character tests: the bulk file runs them a
 * million times.
 */
import type { Quorum } from '../core/health/spec.ts';

/** True when a text holds CR, LF, NUL or any other control character: nothing of the kind goes on the wire. */
export function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/** RFC 3261 `user`: unreserved, user-unreserved and %HH; at most `maxLength` characters. */
export function isUserPart(text: string, maxLength: number): boolean {
  return text.length > 0 && text.length <= maxLength && isMadeOf(text, USER);
}

/** RFC 3261 `paramchar` row: the URI parameters of a call, as `;user=phone`; at most 128 characters. */
export function isUriParameters(text: string): boolean {
  if (!text.startsWith(';') || text.length > 128) return false;
  for (const parameter of text.slice(1).split(';')) {
    const equals = parameter.indexOf('=');
    const name = equals < 0 ? parameter : parameter.slice(0, equals);
    if (name === '' || !isMadeOf(name, PARAMETER)) return false;
    if (equals >= 0 && equals === parameter.length - 1) return false;
    if (equals >= 0 && !isMadeOf(parameter.slice(equals + 1), PARAMETER)) return false;
  }
  return true;
}

/** `[A-Za-z0-9._-]{1,64}`, what things are called in the configuration. */
export function isName(text: string): boolean {
  return text.length > 0 && text.length <= 64 && isMadeOf(text, NAME);
}

/** What a registration may be called: a name that may also hold `@` and `+`. */
export function isRegistrationId(text: string): boolean {
  return text.length > 0 && text.length <= 64 && isMadeOf(text, ID);
}

/** A label's name, usable as a Prometheus label as it stands. */
export function isLabelName(text: string): boolean {
  if (text.length === 0 || text.length > 64 || text.startsWith('__')) return false;
  const first = text.charCodeAt(0);
  return !(first >= 0x30 && first <= 0x39) && isMadeOf(text, LABEL);
}

/** `30s`, `500ms`, `5m`, `1h`, `2d` in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  const factor = match === null ? undefined : UNIT_MS.get(match[2] ?? '');
  return factor === undefined ? undefined : Number(match?.[1]) * factor;
}

/** `50%` as 50, from 1 to 100; undefined for anything else. */
export function parsePercent(text: string): number | undefined {
  const percent = /^\d{1,3}%$/.test(text) ? Number(text.slice(0, -1)) : 0;
  return percent >= 1 && percent <= 100 ? percent : undefined;
}

/** `any` as one, `all` as 100 percent, a number as it is, `50%`; undefined for anything else. */
export function parseQuorum(value: string | number): Quorum | undefined {
  if (typeof value === 'number') return { kind: 'count', count: value };
  if (value === 'any') return { kind: 'count', count: 1 };
  const percent = value === 'all' ? 100 : parsePercent(value);
  return percent === undefined ? undefined : { kind: 'percent', percent };
}

const UNIT_MS = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

function isMadeOf(text: string, allowed: CharacterSet): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0x25 && allowed.hasEscapes) {
      if (!isHex(text.charCodeAt(index + 1)) || !isHex(text.charCodeAt(index + 2))) return false;
      index += 2;
    } else if (code > 0x7f || allowed.table[code] !== 1) {
      return false;
    }
  }
  return true;
}

function isHex(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x46) ||
    (code >= 0x61 && code <= 0x66)
  );
}

interface CharacterSet {
  readonly table: Uint8Array;
  readonly hasEscapes: boolean;
}

function characterSet(marks: string, hasEscapes: boolean): CharacterSet {
  const table = new Uint8Array(128);
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  for (const character of letters + marks) table[character.charCodeAt(0)] = 1;
  return { table, hasEscapes };
}

const UNRESERVED_MARKS = "-_.!~*'()";
const USER = characterSet(`${UNRESERVED_MARKS}&=+$,;?/`, true);
const PARAMETER = characterSet(`${UNRESERVED_MARKS}[]/:&+$`, true);
const NAME = characterSet('._-', false);
const ID = characterSet('._-@+', false);
const LABEL = characterSet('_', false);
