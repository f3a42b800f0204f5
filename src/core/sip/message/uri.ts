/**
 * SIP and SIPS URIs: RFC 3261 sections 19.1 and 25.1, RFC 5118 for IPv6; when two of them name the
 * same resource: section 19.1.4. Components are kept as
 * received (escapes included), so that printing gives back what was read.
 */
import { isTokenCode, parseDigits } from './characters.ts';

export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  /** Escapes as received; undefined when there is no `@`. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** In lower case; an IPv6 address without its brackets (it is the only one with a colon). */
  readonly host: string;
  readonly port: number | undefined;
  /** Names in lower case, values as received. */
  readonly params: ReadonlyMap<string, string | undefined>;
  /** What follows `?`, as received. */
  readonly headers: string | undefined;
}

/** Reads a sip or sips URI; undefined for any other scheme and for what is malformed. */
export function parseUri(text: string): SipUri | undefined {
  const colon = text.indexOf(':');
  const scheme = colon < 0 ? '' : text.slice(0, colon).toLowerCase();
  if ((scheme !== 'sip' && scheme !== 'sips') || !isUriText(text)) return undefined;
  const at = text.indexOf('@', colon);
  const userinfo = at < 0 ? undefined : splitUserinfo(text.slice(colon + 1, at));
  if (at >= 0 && userinfo === undefined) return undefined;
  const rest = text.slice((at < 0 ? colon : at) + 1);
  const question = rest.indexOf('?');
  const beforeHeaders = question < 0 ? rest : rest.slice(0, question);
  const semicolon = beforeHeaders.indexOf(';');
  const hostport = splitHostport(semicolon < 0 ? beforeHeaders : beforeHeaders.slice(0, semicolon));
  const params = semicolon < 0 ? NO_PARAMS : splitParams(beforeHeaders.slice(semicolon + 1));
  if (hostport === undefined || params === undefined || rest.indexOf('@') >= 0) return undefined;
  return {
    scheme,
    user: userinfo?.user,
    password: userinfo?.password,
    host: hostport.host,
    port: hostport.port,
    params,
    headers: question < 0 ? undefined : rest.slice(question + 1),
  };
}

/** The opposite of parseUri. */
export function printUri(uri: SipUri): string {
  let text = `${uri.scheme}:`;
  if (uri.user !== undefined) {
    text += uri.password === undefined ? `${uri.user}@` : `${uri.user}:${uri.password}@`;
  }
  text += uri.host.indexOf(':') < 0 ? uri.host : `[${uri.host}]`;
  if (uri.port !== undefined) text += `:${uri.port}`;
  for (const [name, value] of uri.params)
    text += value === undefined ? `;${name}` : `;${name}=${value}`;
  return uri.headers === undefined ? text : `${text}?${uri.headers}`;
}

/** The scheme in lower case; undefined when the text begins with none. RFC 3986 section 3.1. */
export function schemeOf(text: string): string | undefined {
  const colon = text.indexOf(':');
  if (colon < 1 || colon === text.length - 1) return undefined;
  const scheme = text.slice(0, colon);
  return /^[A-Za-z][A-Za-z0-9+.-]*$/.test(scheme) ? scheme.toLowerCase() : undefined;
}

/**
 * The comparison of RFC 3261 section 19.1.4: a component that is left out is not the same as its
 * default value, written out.
 */
export function sameUri(a: SipUri, b: SipUri): boolean {
  return (
    a.port === b.port &&
    sameAuthority(a, b) &&
    sameParams(a, b, DECIDING) &&
    sameHeaders(a.headers, b.headers)
  );
}

/**
 * As sameUri, for finding our own binding in what a registrar lists: a default port counts as the
 * same whether written or not, and a transport parameter that only one of them has is let go, since
 * registrars add and drop both.
 */
export function sameBinding(a: SipUri, b: SipUri): boolean {
  return (
    effectivePort(a) === effectivePort(b) &&
    sameAuthority(a, b) &&
    sameParams(a, b, DECIDING_FOR_BINDING)
  );
}

/** Each `%` escape replaced by its octet, once: RFC 4475 section 3.1.1.3. */
export function unescapeUri(text: string): string {
  return text.indexOf('%') < 0
    ? text
    : text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
}

interface Userinfo {
  readonly user: string;
  readonly password: string | undefined;
}

function splitUserinfo(text: string): Userinfo | undefined {
  const colon = text.indexOf(':');
  const user = colon < 0 ? text : text.slice(0, colon);
  if (user === '') return undefined;
  return { user, password: colon < 0 ? undefined : text.slice(colon + 1) };
}

interface Hostport {
  readonly host: string;
  readonly port: number | undefined;
}

function splitHostport(text: string): Hostport | undefined {
  const close = text.startsWith('[') ? text.indexOf(']') : -1;
  const colon = close < 0 ? text.indexOf(':') : text.charAt(close + 1) === ':' ? close + 1 : -1;
  if (close >= 0 && colon < 0 && close !== text.length - 1) return undefined;
  const host = (
    close >= 0 ? text.slice(1, close) : colon < 0 ? text : text.slice(0, colon)
  ).toLowerCase();
  // Two tests, since one expression for both would go back over the text for each colon in it.
  const isHost =
    close >= 0 ? host.indexOf(':') >= 0 && /^[0-9a-f:.]+$/.test(host) : /^[a-z0-9._-]+$/.test(host);
  if (!isHost) return undefined;
  if (colon < 0) return { host, port: undefined };
  const port = parseDigits(text, colon + 1, text.length, 65_535);
  return port === undefined || port > 65_535 ? undefined : { host, port };
}

/** Empty parameters are let pass; the first of a name counts. */
function splitParams(text: string): Map<string, string | undefined> | undefined {
  const params = new Map<string, string | undefined>();
  for (const param of text.split(';')) {
    if (param === '') continue;
    const equals = param.indexOf('=');
    const name = (equals < 0 ? param : param.slice(0, equals)).toLowerCase();
    if (name === '') return undefined;
    if (!params.has(name)) params.set(name, equals < 0 ? undefined : param.slice(equals + 1));
  }
  return params;
}

/** No blanks, controls or delimiters, and every `%` begins an escape. */
function isUriText(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isTokenCode(code) && code !== PERCENT) continue;
    if (code === PERCENT) {
      if (!isHexCode(text.charCodeAt(at + 1)) || !isHexCode(text.charCodeAt(at + 2))) return false;
    } else if (code <= 0x20 || code === 0x7f || FORBIDDEN.indexOf(text.charAt(at)) >= 0) {
      return false;
    }
  }
  return true;
}

function isHexCode(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66);
}

function sameAuthority(a: SipUri, b: SipUri): boolean {
  return (
    a.scheme === b.scheme &&
    a.host === b.host &&
    sameText(a.user, b.user) &&
    sameText(a.password, b.password)
  );
}

function effectivePort(uri: SipUri): number {
  if (uri.port !== undefined) return uri.port;
  const isTls = uri.scheme === 'sips' || uri.params.get('transport')?.toLowerCase() === 'tls';
  return isTls ? 5061 : 5060;
}

/** A parameter in both must match; one of `deciding` in only one of them makes the difference. */
function sameParams(a: SipUri, b: SipUri, deciding: readonly string[]): boolean {
  for (const [name, value] of a.params) {
    if (b.params.has(name) && !sameIgnoringCase(value, b.params.get(name))) return false;
  }
  return deciding.every((name) => a.params.has(name) === b.params.has(name));
}

function sameHeaders(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return (a ?? '') === (b ?? '');
  const sorted = (headers: string) => headers.split('&').map(headerKey).sort().join('&');
  return a === b || sorted(a) === sorted(b);
}

/** Header names are compared without regard to case. */
function headerKey(header: string): string {
  const equals = header.indexOf('=');
  const nameEnd = equals < 0 ? header.length : equals;
  return normalized(header.slice(0, nameEnd)).toLowerCase() + normalized(header.slice(nameEnd));
}

function sameText(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && normalized(a) === normalized(b);
}

function sameIgnoringCase(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true;
  return (
    a !== undefined &&
    b !== undefined &&
    normalized(a).toLowerCase() === normalized(b).toLowerCase()
  );
}

/** An escape equals its character, unless that is reserved (RFC 3261 section 19.1.4, RFC 2396). */
function normalized(text: string): string {
  if (text.indexOf('%') < 0) return text;
  return text.replace(/%([0-9A-Fa-f]{2})/g, (escaped, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return RESERVED.indexOf(char) >= 0 || char === '%' ? escaped.toUpperCase() : char;
  });
}

const PERCENT = 0x25;
const FORBIDDEN = '<>"\\';
const NO_PARAMS: ReadonlyMap<string, string | undefined> = new Map();
const RESERVED = ';/?:@&=+$,';
/** RFC 3261 lists user, ttl, method and maddr; its examples show that transport decides as well. */
const DECIDING = ['user', 'ttl', 'method', 'maddr', 'transport'] as const;
/** `bnc` makes a Contact that of a whole PBX: RFC 6140 section 5.2. */
const DECIDING_FOR_BINDING = ['user', 'ttl', 'method', 'maddr', 'bnc'] as const;
