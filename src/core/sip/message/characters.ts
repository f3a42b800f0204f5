/**
 * Character classes of RFC 3261 section 25.1 and the few scans over octets that all parsers share.
 * Wire text has one character per octet.
 */

const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const LESS = 0x3c;
export const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

const TOKEN = new Uint8Array(256);
for (const char of "-.!%*_+`'~0123456789") TOKEN[char.charCodeAt(0)] = 1;
for (let code = 0x41; code <= 0x5a; code += 1) {
  TOKEN[code] = 1;
  TOKEN[code | 0x20] = 1;
}

/** True for the characters of a token. */
export function isTokenCode(code: number): boolean {
  return TOKEN[code] === 1;
}

export function isDigitCode(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Space or tab; line ends are gone once a field is unfolded. */
export function isBlankCode(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** True when `text` from `start` up to `end` is one token of at least one character. */
export function isToken(text: string, start: number = 0, end: number = text.length): boolean {
  if (start >= end) return false;
  for (let at = start; at < end; at += 1) {
    if (TOKEN[text.charCodeAt(at)] !== 1) return false;
  }
  return true;
}

/** The first position from `at` on that holds no blank; `end` if there is none. */
export function skipBlanks(text: string, at: number, end: number = text.length): number {
  let position = at;
  while (position < end && isBlankCode(text.charCodeAt(position))) position += 1;
  return position;
}

/** `text` from `start` to `end` without the blanks around it. */
export function trimmed(text: string, start: number, end: number): string {
  const from = skipBlanks(text, start, end);
  let to = end;
  while (to > from && isBlankCode(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

/** True when `text` holds `lower`, which is in lower case, at `start`, in whatever case. */
export function matchesIgnoringCase(text: string, start: number, lower: string): boolean {
  for (let index = 0; index < lower.length; index += 1) {
    const code = text.charCodeAt(start + index);
    const folded = code >= 0x41 && code <= 0x5a ? code | 0x20 : code;
    if (folded !== lower.charCodeAt(index)) return false;
  }
  return true;
}

/**
 * The position of the quote that closes the quoted string opened at `open`, or -1 when it is not
 * closed. A backslash takes the next character with it.
 */
export function closingQuote(text: string, open: number): number {
  let at = open + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    at += code === BACKSLASH ? 2 : 1;
  }
  return -1;
}

/** The content of a quoted string with its backslashes taken away. */
export function unescapeQuoted(raw: string): string {
  let backslash = raw.indexOf('\\');
  if (backslash < 0) return raw;
  let plain = '';
  let from = 0;
  while (backslash >= 0 && backslash + 1 < raw.length) {
    plain += raw.slice(from, backslash) + raw.charAt(backslash + 1);
    from = backslash + 2;
    backslash = raw.indexOf('\\', from);
  }
  return plain + raw.slice(from);
}

/**
 * The number that `text` from `start` to `end` writes in decimal digits, or undefined when it is no
 * run of digits. What exceeds `most` comes back as Infinity, so that no digit is lost in silence.
 */
export function parseDigits(
  text: string,
  start: number,
  end: number,
  most: number,
): number | undefined {
  if (start >= end) return undefined;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (!isDigitCode(code)) return undefined;
    value = value * 10 + (code - 0x30);
    if (value > most) value = Number.POSITIVE_INFINITY;
  }
  return value;
}
