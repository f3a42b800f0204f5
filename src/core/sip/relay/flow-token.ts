/**
 * Where a dialog or a response finds its way back, as a text that others carry for us: in the user of our
 * Record-Route URI (RFC 5626 section 5.2, flow tokens) and in the branch of our Via (RFC 3261 section 16.11).
 * A token names the registration besides the flow, so that it still leads somewhere after the connection of
 * the registration was made anew. Nobody can make one: it ends with a MAC over all of it.
 */
import type { TransportProtocol } from '../locate/target.ts';
import type { Hmac } from './hmac.ts';

/** One way to somebody, by name. */
export interface FlowRef {
  /** The registration whose flow may stand in when this one is gone; empty: none. */
  readonly registration: string;
  readonly protocol: TransportProtocol;
  readonly localSocket: string;
  readonly address: string;
  readonly port: number;
}

const MAC_DIGITS = 20;
/** What a token of ours begins with, so that a mangled one can be told from somebody else's user. */
const MARK = 'trunkd.';
/** Longer than any that we write. */
const MAX_CHARS = 512;

export class FlowTokens {
  readonly #hmac: Hmac;

  constructor(hmac: Hmac) {
    this.#hmac = hmac;
  }

  /** A user part; its characters need no escape in a URI. */
  user(ref: FlowRef): string {
    return MARK + this.seal('route', refText(ref));
  }

  /** Reads the (unescaped) user of a URI; undefined: not one of ours; `mangled`: it was, once. */
  readUser(user: string): FlowRef | 'mangled' | undefined {
    if (!user.startsWith(MARK)) return undefined;
    const text = this.open('route', user.slice(MARK.length));
    return (text === undefined ? undefined : readRef(text)) ?? 'mangled';
  }

  /** The text with its MAC; `purpose` keeps tokens of one kind from being used as another. */
  seal(purpose: string, text: string): string {
    return `${text}~${this.#mac(purpose, text)}`;
  }

  /** The text, if `seal` made it. */
  open(purpose: string, sealed: string): string | undefined {
    const end = sealed.length - MAC_DIGITS - 1;
    if (end < 0 || sealed.length > MAX_CHARS || sealed.charAt(end) !== '~') return undefined;
    const text = sealed.slice(0, end);
    return isSame(sealed.slice(end + 1), this.#mac(purpose, text)) ? text : undefined;
  }

  #mac(purpose: string, text: string): string {
    return this.#hmac.sign(`${purpose}|${text}`, MAC_DIGITS);
  }
}

/** `registration~protocol~localSocket~address~port`, of letters, digits, dots, hyphens and underscores. */
export function refText({ registration, protocol, localSocket, address, port }: FlowRef): string {
  return [registration, protocol, localSocket, address, String(port)].map(escaped).join('~');
}

export function readRef(text: string): FlowRef | undefined {
  const [registration, protocol, localSocket, address, port, ...more] = text
    .split('~')
    .map(unescaped);
  if (registration === undefined || localSocket === undefined || address === undefined) {
    return undefined;
  }
  if (protocol !== 'udp' && protocol !== 'tcp' && protocol !== 'tls') return undefined;
  if (port === undefined || !/^\d{1,5}$/.test(port) || more.length > 0) return undefined;
  return { registration, protocol, localSocket, address, port: Number(port) };
}

function escaped(text: string): string {
  return text.replace(
    /[^A-Za-z0-9.-]/g,
    (char) => `_${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function unescaped(text: string): string {
  return text.replace(/_([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Takes as long for a near miss as for a far one. */
function isSame(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let at = 0; at < b.length; at += 1) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
