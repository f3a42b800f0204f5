/** Where requests go: RFC 3263's answer to 'which transport, address and port'. */
export type TransportProtocol = 'udp' | 'tcp' | 'tls';

export interface Target {
  readonly protocol: TransportProtocol;
  /** IP literal without brackets. */
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
  /** The SIP proxy of ours through which it is reached, by name: another way there is another target. */
  readonly via?: string | undefined;
  /** Its place among the targets of its hop; undefined: as it stands in the list. */
  readonly standing?: Standing;
}

/** One server (one SRV record) among those of a hop; all its addresses share this very object. */
export interface Standing {
  /** From 0 up without gaps: lower ones are tried first, equal ones share the load by weight. */
  readonly rank: number;
  /** RFC 2782. */
  readonly weight: number;
}

/**
 * `udp:192.0.2.1:5060`, `tls:[2001:db8::1]:5061`, through a proxy of ours `edge1>udp:192.0.2.1:5060`: one
 * text per target, for maps, pacing, logs and the API.
 */
export function targetKey(target: Target): string {
  const host = target.family === 6 ? `[${target.address}]` : target.address;
  const key = `${target.protocol}:${host}:${target.port}`;
  return target.via === undefined ? key : `${target.via}>${key}`;
}

/** What `targetKey` made a text of; undefined for anything else. */
export function parseTargetKey(key: string): Target | undefined {
  const [, via, protocol, host = '', port] = TARGET_KEY.exec(key) ?? [];
  if (protocol !== 'udp' && protocol !== 'tcp' && protocol !== 'tls') return undefined;
  const isV6 = host.startsWith('[');
  const address = isV6 ? host.slice(1, -1) : host;
  return { protocol, address, port: Number(port), family: isV6 ? 6 : 4, via };
}

const TARGET_KEY = /^(?:([^>]+)>)?(udp|tcp|tls):(\[[^\]]+\]|[^:]+):(\d{1,5})$/;

/** On this machine: no network is needed to reach it. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

export function isSameTarget(a: Target, b: Target): boolean {
  if (a === b) return true;
  const isSamePlace = a.address === b.address && a.port === b.port && a.protocol === b.protocol;
  return isSamePlace && a.via === b.via;
}

/**
 * Which address families a name may be resolved to. `auto`: both, as far as the host has sockets and
 * routes, IPv4 first.
 */
export type FamilyPolicy = 'auto' | 'ipv4' | 'ipv6' | 'preferIpv6';

/**
 * A hop as configured: what RFC 3263 section 4 starts from. `protocol` undefined leaves the choice
 * to it; `secure` (a sips URI) allows TLS only.
 */
export interface NextHop {
  readonly host: string;
  readonly port: number | undefined;
  readonly protocol: TransportProtocol | undefined;
  readonly secure: boolean;
  /** Undefined: `auto`. */
  readonly family?: FamilyPolicy;
  /** IP literals that are used in place of the DNS; the host remains what TLS has to prove. */
  readonly addresses?: readonly string[];
  /** The SIP proxy of ours through which all its targets are reached, by name. */
  readonly via?: string | undefined;
}

/** One text for each hop, for maps and for people. */
export function hopKey(hop: NextHop): string {
  const { host, port, protocol, secure, family, addresses, via } = hop;
  const way = via === undefined ? '' : `${via}>`;
  const plain = `${way}${secure ? 'sips' : 'sip'}:${host}:${port ?? ''};${protocol ?? ''}`;
  if (family === undefined && addresses === undefined) return plain;
  return `${plain};${family ?? ''};${addresses?.join(',') ?? ''}`;
}
