/**
 * Numbers of a call, which come from a caller and may hold anything, made safe to stand in a URI and in
 * a header field: RFC 3261 section 25.1 (`user`), section 19.1.2 (what has to be escaped). What cannot be
 * a number of anybody (control characters, escaped ones too) is refused, since some server behind us may
 * unescape it.
 */
import { toWire } from '../sip/message/wire-text.ts';

/** Longer numbers than this are nobody's. */
const MAX_NUMBER = 128;

/**
 * The user part that `text` stands for: what may stand there as it is stays, escapes stay, all else is
 * escaped (`;`, `?` and `/` too: they are allowed there, and too many parsers take them for an end).
 * Undefined when it is empty, too long, or holds control characters.
 */
export function toUserPart(text: string): string | undefined {
  if (text === '' || text.length > MAX_NUMBER || !text.isWellFormed()) return undefined;
  if (isPlain(text)) return text;
  const wire = toWire(text);
  let user = '';
  for (let at = 0; at < wire.length; ) {
    const piece = pieceAt(wire, at);
    if (piece === undefined) return undefined;
    user += piece;
    at += wire.charCodeAt(at) === PERCENT && octetAt(wire, at) !== undefined ? 3 : 1;
  }
  return user;
}

/** What stands for the character, or the escape, at `at`; undefined for a control character. */
function pieceAt(wire: string, at: number): string | undefined {
  const code = wire.charCodeAt(at);
  const escaped = code === PERCENT ? octetAt(wire, at) : undefined;
  if (isControl(escaped ?? code)) return undefined;
  if (escaped !== undefined) return wire.slice(at, at + 3);
  return isPlainCode(code) ? wire.charAt(at) : escapeOf(code);
}

/** Takes `count` characters from the front of a user part; an escape is one. Undefined where it has not so many. */
export function strip(user: string, count: number): string | undefined {
  let at = 0;
  for (let taken = 0; taken < count; taken += 1) {
    if (at >= user.length) return undefined;
    at += user.charCodeAt(at) === PERCENT ? 3 : 1;
  }
  return user.slice(at);
}

function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    if (!isPlainCode(text.charCodeAt(at))) return false;
  }
  return true;
}

function isPlainCode(code: number): boolean {
  return code < 0x80 && PLAIN[code] === 1;
}

function isControl(code: number): boolean {
  return code < 0x20 || code === 0x7f;
}

/** The octet that the escape at `at` stands for; undefined where there is none. */
function octetAt(wire: string, at: number): number | undefined {
  const digits = wire.slice(at + 1, at + 3);
  return /^[0-9A-Fa-f]{2}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

function escapeOf(code: number): string {
  return `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
}

const PERCENT = 0x25;
const PLAIN = new Uint8Array(128);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()&=+$,") {
  PLAIN[char.charCodeAt(0)] = 1;
}
