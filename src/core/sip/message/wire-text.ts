/**
 * Between readable text and wire text (one character per octet, RFC 3629 inside): names and
 * passwords of the configuration are made wire text before they are sent or hashed, and what a peer
 * wrote is decoded only for display.
 */

/** The UTF-8 octets of `text`, one character each. ASCII comes back as it is. */
export function toWire(text: string): string {
  if (isAscii(text)) return text;
  let wire = '';
  for (const char of text) wire += octetsOf(char.codePointAt(0) ?? 0);
  return wire;
}

/** What the UTF-8 octets in `wire` read as; broken sequences become U+FFFD. */
export function fromWire(wire: string): string {
  if (isAscii(wire)) return wire;
  const octets = new Uint8Array(wire.length);
  for (let at = 0; at < wire.length; at += 1) octets[at] = wire.charCodeAt(at);
  const text = new TextDecoder('utf-8').decode(octets);
  // The decoder eats a byte order mark, which is a part of the value here.
  return wire.startsWith('\xef\xbb\xbf') ? `\ufeff${text}` : text;
}

/**
 * A copy that does not keep the message alive which it was cut from: engines make a slice by
 * pointing into the whole. For everything from a message that is kept for longer than a moment.
 */
export function detached(text: string): string {
  // Short ones are copied anyway; joining an array writes one new string.
  return text.length < 13 ? text : [text.slice(0, 1), text.slice(1)].join('');
}

/** What a peer wrote, for people: decoded, without control characters, not kept with its message. The caller bounds it. */
export function readableText(wire: string): string {
  return fromWire(detached(wire)).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

/** The octets that hexadecimal digits stand for, two for each, as wire text. */
export function fromHex(digits: string): string {
  let wire = '';
  for (let at = 0; at < digits.length; at += 2) {
    wire += String.fromCharCode(Number.parseInt(digits.slice(at, at + 2), 16));
  }
  return wire;
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) > 0x7f) return false;
  }
  return true;
}

function octetsOf(point: number): string {
  if (point < 0x80) return String.fromCharCode(point);
  const last = 0x80 | (point & 0x3f);
  if (point < 0x800) return String.fromCharCode(0xc0 | (point >> 6), last);
  const third = 0x80 | ((point >> 6) & 0x3f);
  if (point < 0x10000) return String.fromCharCode(0xe0 | (point >> 12), third, last);
  return String.fromCharCode(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f), third, last);
}
