/**
 * Hosts, ports, hops and networks as people write them in the configuration: `host[:port]`,
 * `sip:host:port;transport=tls`, `192.0.2.0/24` (RFC 3261 section 25.1 for host, RFC 4291 for IPv6).
 * A parser returns what it understood, or a sentence that says what is wrong.
 */
import type { TransportProtocol } from '../core/sip/locate/target.ts';

export interface HostPort {
  /** Lower case as far as it is a name; an IPv6 literal without brackets. */
  readonly host: string;
  readonly kind: 'name' | 'ipv4' | 'ipv6';
  readonly port: number | undefined;
}

/** A next hop: a host[:port], or a SIP URI without user part. */
export interface Hop extends HostPort {
  readonly scheme: 'sip' | 'sips' | undefined;
  readonly transport: TransportProtocol | undefined;
  /** False for a whole URI without `lr`: among several hops that is a strict router (RFC 3261 16.12). */
  readonly isLoose: boolean;
  /** Where the request goes in place of the host (RFC 3263 section 4); the host remains what TLS proves. */
  readonly maddr?: Pick<HostPort, 'host' | 'kind'>;
}

/** `host`, `host:port`, `[2001:db8::1]:5060`; a bare IPv6 literal is taken as a host. */
export function parseHostPort(text: string): HostPort | string {
  if (isIpv6(text)) return { host: text.toLowerCase(), kind: 'ipv6', port: undefined };
  if (/^sips?:/i.test(text)) return 'a host is meant, not a URI: leave the scheme out';
  const parts = text.startsWith('[') ? splitBracketed(text) : splitAtColon(text);
  if (typeof parts === 'string') return parts;
  const { host, portText } = parts;
  const kind = hostKind(host);
  if (kind === undefined) return whyNoHost(host);
  const port = portText === undefined ? undefined : parsePort(portText);
  if (portText !== undefined && port === undefined) return 'the port has to be 1 to 65535';
  return { host: kind === 'name' ? host : host.toLowerCase(), kind, port };
}

interface HostAndPortText {
  readonly host: string;
  readonly portText: string | undefined;
}

function splitBracketed(text: string): HostAndPortText | string {
  const end = text.indexOf(']');
  if (end < 0) return 'the bracket of the IPv6 address is not closed';
  const host = text.slice(1, end);
  if (!isIpv6(host)) return 'what stands in brackets is no IPv6 address';
  const rest = text.slice(end + 1);
  if (rest === '') return { host, portText: undefined };
  return rest.startsWith(':')
    ? { host, portText: rest.slice(1) }
    : 'only a port may follow the IPv6 address';
}

function splitAtColon(text: string): HostAndPortText {
  const colon = text.indexOf(':');
  if (colon < 0) return { host: text, portText: undefined };
  return { host: text.slice(0, colon), portText: text.slice(colon + 1) };
}

/** An IP address with a port; port 0 (ephemeral) is allowed. For sockets of our own. */
export function parseBind(text: string): (HostPort & { readonly port: number }) | string {
  const isAnyPort = text.endsWith(':0') && !text.endsWith('::0');
  const parsed = parseHostPort(isAnyPort ? text.slice(0, -2) : text);
  if (typeof parsed === 'string') return parsed;
  if (isAnyPort && parsed.port !== undefined) return 'there are two ports';
  const port = isAnyPort ? 0 : parsed.port;
  if (port === undefined) return 'the port is missing: write ADDRESS:PORT, port 0 for any';
  if (parsed.kind === 'ipv6' && !text.startsWith('[')) {
    return 'an IPv6 address with a port needs brackets: [::1]:5060';
  }
  return { ...parsed, port };
}

/** `host[:port]` or `sip:host[:port][;transport=udp|tcp|tls][;maddr=host]`, also `sips:`. */
export function parseHop(text: string): Hop | string {
  const colon = text.indexOf(':');
  const prefix = colon < 0 ? '' : text.slice(0, colon).toLowerCase();
  const scheme = prefix === 'sip' || prefix === 'sips' ? prefix : undefined;
  const [address = '', ...parameters] = text.slice(scheme === undefined ? 0 : colon + 1).split(';');
  if (text.includes('?')) return 'headers in a URI have no place here';
  if (address.includes('@')) return 'a next hop has no user part';
  const hostPort = parseHostPort(address);
  if (typeof hostPort === 'string') return hostPort;
  const maddrs = parameters.filter((one) => /^maddr=/i.test(one));
  const others = parameters.filter((one) => !maddrs.includes(one));
  const transport = parseTransport(others, scheme);
  if (transport !== undefined && !isTransport(transport)) return transport;
  const maddr = parseMaddr(maddrs);
  if (typeof maddr === 'string') return maddr;
  const isLoose = scheme === undefined || parameters.some((one) => one.toLowerCase() === 'lr');
  return { ...hostPort, scheme, transport, isLoose, ...(maddr !== undefined && { maddr }) };
}

/** `udp:127.0.0.1:5060`, `tls:edge.example`: a protocol and where to find it. */
export function parseProtocolAddress(
  text: string,
): (HostPort & { readonly protocol: TransportProtocol }) | string {
  const colon = text.indexOf(':');
  const protocol = text.slice(0, Math.max(colon, 0)).toLowerCase();
  if (!isTransport(protocol)) return 'has to begin with udp:, tcp: or tls:, as udp:127.0.0.1:5060';
  const hostPort = parseHostPort(text.slice(colon + 1));
  return typeof hostPort === 'string' ? hostPort : { ...hostPort, protocol };
}

/** Two texts for the same address family are never mixed: 4 for IPv4, 6 for IPv6, undefined for names. */
export function familyOf(kind: HostPort['kind']): 4 | 6 | undefined {
  if (kind === 'name') return undefined;
  return kind === 'ipv4' ? 4 : 6;
}

/** As it stands in a URI: an IPv6 literal in brackets. */
export function printHostPort(hostPort: HostPort): string {
  const host = hostPort.kind === 'ipv6' ? `[${hostPort.host}]` : hostPort.host;
  return hostPort.port === undefined ? host : `${host}:${hostPort.port}`;
}

/** True for a host that may stand as `domain`: a name, an IPv4 address or a bracketed IPv6 address. */
export function isHost(text: string): boolean {
  if (text.startsWith('[')) return text.endsWith(']') && isIpv6(text.slice(1, -1));
  return !text.includes(':') && hostKind(text) !== undefined;
}

/** `192.0.2.0/24`, `2001:db8::/32`; without a length: the one address. */
export function isNetwork(text: string): boolean {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const isV4 = isIpv4(address);
  if (!isV4 && !isIpv6(address)) return false;
  if (slash < 0) return true;
  const length = text.slice(slash + 1);
  return /^(0|[1-9]\d{0,2})$/.test(length) && Number(length) <= (isV4 ? 32 : 128);
}

/** True for addresses that only this machine can reach. */
export function isLoopback(hostPort: Pick<HostPort, 'host' | 'kind'>): boolean {
  if (hostPort.kind === 'ipv4') return hostPort.host.startsWith('127.');
  if (hostPort.kind === 'ipv6') return /^(0*:)*:?0*1$/.test(hostPort.host);
  return hostPort.host.toLowerCase() === 'localhost';
}

export function isIpv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text) && !/(^|\.)0\d/.test(text);
}

export function isIpv6(text: string): boolean {
  if (text.length < 2 || text.length > 45 || !/^[0-9A-Fa-f:.]+$/.test(text)) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  const hasV4 = last?.includes('.') === true;
  if (hasV4 && (!isIpv4(last) || text.endsWith('::'))) return false;
  const hexGroups = hasV4 ? groups.slice(0, -1) : groups;
  if (!hexGroups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  const count = hexGroups.length + (hasV4 ? 2 : 0);
  return halves.length === 2 ? count <= 7 : count === 8;
}

function hostKind(host: string): HostPort['kind'] | undefined {
  const last = host.charCodeAt(host.length - 1);
  if (last >= 0x30 && last <= 0x39 && isIpv4(host)) return 'ipv4';
  if (host.includes(':')) return isIpv6(host) ? 'ipv6' : undefined;
  return isHostName(host) ? 'name' : undefined;
}

/** RFC 3261 `hostname`: labels of letters, digits and inner hyphens; the last one begins with a letter. */
function isHostName(text: string): boolean {
  const end = text.endsWith('.') ? text.length - 1 : text.length;
  if (end === 0 || end > 253) return false;
  let start = 0;
  for (;;) {
    const dot = text.indexOf('.', start);
    const labelEnd = dot < 0 ? end : dot;
    if (!isLabel(text, start, labelEnd)) return false;
    if (labelEnd >= end) return isLetter(text.charCodeAt(start));
    start = labelEnd + 1;
  }
}

function isLabel(text: string, start: number, end: number): boolean {
  if (end <= start || end - start > 63) return false;
  if (text.charCodeAt(start) === HYPHEN || text.charCodeAt(end - 1) === HYPHEN) return false;
  for (let index = start; index < end; index += 1) {
    const code = text.charCodeAt(index);
    const isDigit = code >= 0x30 && code <= 0x39;
    if (!isDigit && code !== HYPHEN && !isLetter(code)) return false;
  }
  return true;
}

const HYPHEN = 0x2d;

function isLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
}

function whyNoHost(host: string): string {
  if (host === '') return 'the host is missing';
  if (/[^\x00-\x7f]/.test(host)) return 'a host name is written in ASCII: use its xn-- form';
  if (host.includes('_')) return 'a SIP host name holds no underscore';
  return 'this is no host name and no IP address';
}

function parsePort(text: string): number | undefined {
  if (!/^[1-9]\d{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

function isTransport(text: string): text is TransportProtocol {
  return text === 'udp' || text === 'tcp' || text === 'tls';
}

/** RFC 3261 section 19.1.1; a sentence where it names no host. */
function parseMaddr(parameters: readonly string[]): Hop['maddr'] | string {
  const [parameter, ...more] = parameters;
  if (parameter === undefined) return undefined;
  if (more.length > 0) return 'the parameter maddr stands twice';
  const parsed = parseHostPort(parameter.slice('maddr='.length));
  if (typeof parsed === 'string' || parsed.port !== undefined) {
    return 'maddr has to be a host name or an IP address';
  }
  return { host: parsed.host, kind: parsed.kind };
}

/** The transport parameter, or a sentence; `lr` counts only where several hops make a Route. */
function parseTransport(
  parameters: readonly string[],
  scheme: 'sip' | 'sips' | undefined,
): TransportProtocol | undefined | string {
  let transport: string | undefined;
  for (const parameter of parameters) {
    const lower = parameter.toLowerCase();
    if (lower === 'lr') continue;
    if (!lower.startsWith('transport=')) {
      return 'only the parameters transport, maddr and lr are known';
    }
    if (transport !== undefined) return 'the parameter transport stands twice';
    transport = lower.slice('transport='.length);
  }
  if (transport === undefined) return undefined;
  if (!isTransport(transport)) return 'the transport has to be udp, tcp or tls';
  if (scheme !== 'sips') return transport;
  return transport === 'udp' ? 'a sips URI cannot go over udp' : 'tls';
}
