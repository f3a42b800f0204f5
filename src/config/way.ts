/**
 * From configured names to the way that requests take: next hop, local socket, TLS policy. Equal
 * ones are one object, so that 100,000 registrations share them; what no configured socket serves
 * is remembered, so that a socket can be made up.
 */
import { bareHost } from '../core/sip/locate/domain-name.ts';
import { parseIpLiteral } from '../core/sip/locate/ip-literal.ts';
import {
  type FamilyPolicy,
  hopKey,
  type NextHop,
  type TransportProtocol,
} from '../core/sip/locate/target.ts';
import type { ProxySpec } from '../core/sip/proxy/ports.ts';
import type { TlsPolicy } from '../core/sip/transport/ports.ts';
import { tlsPolicyKey } from '../core/sip/transport/tls-policy.ts';
import type { SizePolicy } from '../core/sip/user-agent/ports.ts';
import { familyOf, type Hop, type HostPort } from './address.ts';
import { DEFAULTS } from './defaults.ts';
import { hopsOf, type OutboundProxies } from './hops.ts';
import { quoted } from './parse-yaml.ts';
import type { Complaint } from './problem.ts';
import { unknownName } from './suggest.ts';

export interface SocketKind {
  readonly name: string;
  readonly protocol: TransportProtocol;
  readonly family: 4 | 6;
}

/** What an item says about its way, defaults laid under it. */
interface WaySettings {
  readonly transport?: TransportProtocol | 'auto' | undefined;
  readonly localSocket?: string | undefined;
  readonly outboundProxy?: OutboundProxies | undefined;
  readonly family?: FamilyPolicy | undefined;
  readonly via?: string | undefined;
  readonly sizePolicy?: SizePolicy | undefined;
}

export interface TlsSettings {
  readonly verify?: TlsPolicy['verify'] | undefined;
  readonly identity?: string | readonly string[] | undefined;
  readonly fingerprints?: readonly string[] | undefined;
  readonly allowWildcard?: boolean | undefined;
  readonly minVersion?: TlsPolicy['minVersion'] | undefined;
}

export interface WayWish {
  /** The registrar or SIP proxy; an outbound proxy is asked in its place. */
  readonly last: HostPort & Partial<Hop>;
  /** Behind outbound proxies, the hop that the Request-URI does not name. */
  readonly registrar?: Hop | undefined;
  /** True for sips. */
  readonly isSecure: boolean;
  readonly settings: WaySettings;
  /** What the item itself says, without defaults. */
  readonly own: WaySettings & {
    /** Of the next hop, in place of the DNS. */
    readonly addresses?: readonly string[] | undefined;
  };
  readonly tls: TlsSettings;
  /** What TLS has to prove where the next hop is an IP address, unless the settings name it. */
  readonly domain: string;
}

export interface Way {
  readonly hop: NextHop;
  readonly localSocket: string | undefined;
  /** Route URIs, where there are several hops. */
  readonly route: readonly string[] | undefined;
  readonly tls: TlsPolicy;
  /** The proxy of ours that `hop.via` names. */
  readonly proxy: ProxySpec | undefined;
}

/** What is settled of a wish before the protocol is. */
interface WayParts extends WayWish {
  readonly first: HostPort & Partial<Hop>;
  readonly secure: boolean;
  readonly socket: SocketKind | undefined;
}

type WayLeg = Pick<Way, 'hop' | 'localSocket'>;

export class WayPlanner {
  readonly #sockets: ReadonlyMap<string, SocketKind>;
  readonly #hops = new Map<string, NextHop>();
  readonly #routes = new Map<string, readonly string[]>();
  #proxies: ReadonlyMap<string, ProxySpec> = new Map();
  readonly #policies = new Map<string, TlsPolicy>();
  readonly #wanted = new Set<string>();
  readonly #named = new Set<string>();

  constructor(sockets: readonly SocketKind[]) {
    this.#sockets = new Map(sockets.map((socket) => [socket.name, socket]));
  }

  /** `udp/4` and so on, for every hop that names no local socket; `udp/any` where a name decides the family. */
  get wanted(): ReadonlySet<string> {
    return this.#wanted;
  }

  /** Local sockets that something was planned over by name. */
  get named(): ReadonlySet<string> {
    return this.#named;
  }

  /** Those that `via` may name. */
  useProxies(proxies: readonly ProxySpec[]): void {
    this.#proxies = new Map(proxies.map((proxy) => [proxy.name, proxy]));
  }

  /** Where requests leave from and go to; undefined after a complaint. */
  plan(wish: WayWish, complaints: Complaint[]): Way | undefined {
    const { settings, last } = wish;
    const { via } = settings;
    const proxy = via === undefined ? undefined : this.#proxies.get(via);
    if (via !== undefined && proxy === undefined) {
      const hint = 'proxies: lists those that can be named';
      complaints.push(unknownName(['via'], 'proxy', via, this.#proxies.keys(), hint));
      return undefined;
    }
    const hops = hopsOf(settings.outboundProxy, wish.registrar, complaints);
    const first = hops.first ?? last;
    const secure = wish.isSecure || first.scheme === 'sips';
    const socket = this.#socketNamed(settings.localSocket, complaints);
    if (socket === undefined && settings.localSocket !== undefined) return undefined;
    const parts = { ...wish, first, secure, socket };
    const leg =
      proxy === undefined ? this.#direct(parts) : this.#through(proxy, parts, wish.own.localSocket);
    if ('text' in leg) {
      complaints.push(leg);
      return undefined;
    }
    const tls = this.tls(wish.tls, first.kind === 'name' ? first.host : wish.domain);
    return { ...leg, route: this.#route(hops.route), tls, proxy };
  }

  #direct(parts: WayParts): WayLeg | Complaint {
    const { first, secure, socket, settings } = parts;
    const chosen = chooseProtocol(parts);
    if ('text' in chosen) return chosen;
    const { host, kind } = first.maddr ?? first;
    const family = familyOf(kind) ?? onlyFamily(settings.family);
    const misfit = socket && whySocketDoesNotFit(socket, chosen.protocol, family);
    if (misfit !== undefined) return misfit;
    const fixed = { host, port: first.port, protocol: chosen.protocol, secure };
    const hop = withRareKeys(
      fixed,
      familyPolicy(kind, settings.family, socket),
      parts.own.addresses,
    );
    if (socket === undefined) for (const one of protocolsOf(hop, kind)) this.#want(one, family);
    // What is too large for UDP needs a socket that nobody names.
    const mayBeUdp = protocolsOf(hop, kind).includes('udp');
    if (settings.sizePolicy === 'tcp' && mayBeUdp) this.#want('tcp', socket?.family ?? family);
    return { hop: this.#hop(hop), localSocket: socket?.name };
  }

  /** The socket leads to the proxy, and says nothing of what lies behind it; a default that does not fit gives way. */
  #through(proxy: ProxySpec, parts: WayParts, own: string | undefined): WayLeg | Complaint {
    const { first, secure, socket, settings } = parts;
    const chosen = chooseProtocol({ ...parts, socket: undefined });
    if ('text' in chosen) return chosen;
    const wrong = whyProxyDoesNotFit(proxy, secure, own === undefined ? undefined : socket);
    if (wrong !== undefined) return wrong;
    const { host, kind } = first.maddr ?? first;
    const via = proxy.name;
    const fixed = { host, port: first.port, protocol: chosen.protocol, secure, via };
    const policy = familyPolicy(kind, settings.family, undefined);
    const hop = this.#hop(withRareKeys(fixed, policy, parts.own.addresses));
    return { hop, localSocket: fits(proxy, socket) ? socket?.name : undefined };
  }

  /** The local socket for a hop whose protocol is settled; a complaint says why it is none. */
  socketFor(
    name: string | undefined,
    protocol: TransportProtocol,
    family: 4 | 6 | undefined,
    complaints: Complaint[],
  ): string | undefined {
    const socket = this.#socketNamed(name, complaints);
    if (socket === undefined) {
      if (name === undefined) this.#want(protocol, family);
      return undefined;
    }
    const misfit = whySocketDoesNotFit(socket, protocol, family);
    if (misfit !== undefined) complaints.push(misfit);
    return socket.name;
  }

  /** The policy; the identity is the configured one, else `host`. */
  tls(settings: TlsSettings, host: string): TlsPolicy {
    const names = [settings.identity ?? host].flat().map(bareHost);
    const [identity = host, ...otherIdentities] = names;
    const verify = settings.verify ?? DEFAULTS.tls.verify;
    const allowWildcard = settings.allowWildcard ?? DEFAULTS.tls.allowWildcard;
    const minVersion = settings.minVersion ?? DEFAULTS.tls.minVersion;
    const fingerprints = (settings.fingerprints ?? []).map(bareFingerprint);
    const policy = {
      ...{ verify, identity, allowWildcard, minVersion },
      ...(otherIdentities.length > 0 ? { otherIdentities } : {}),
      ...(fingerprints.length > 0 ? { fingerprints } : {}),
    };
    return getOrAdd(this.#policies, tlsPolicyKey(policy), policy);
  }

  #route(route: readonly string[] | undefined): readonly string[] | undefined {
    return route && getOrAdd(this.#routes, route.join(' '), route);
  }

  #hop(hop: NextHop): NextHop {
    return getOrAdd(this.#hops, hopKey(hop), hop);
  }

  #want(protocol: TransportProtocol, family: 4 | 6 | undefined): void {
    this.#wanted.add(`${protocol}/${family ?? 'any'}`);
  }

  #socketNamed(name: string | undefined, complaints: Complaint[]): SocketKind | undefined {
    if (name === undefined) return undefined;
    this.#named.add(name);
    const socket = this.#sockets.get(name);
    if (socket === undefined) {
      complaints.push(unknownName(['localSocket'], 'local socket', name, this.#sockets.keys()));
    }
    return socket;
  }
}

/** The URI's word first, then the key, then the URI behind an outbound proxy, then the local socket. */
function chooseProtocol(
  wish: WayParts,
): { readonly protocol: TransportProtocol | undefined } | Complaint {
  const { first, last, settings, own, secure, socket } = wish;
  const path = ['transport'];
  const ownWord = unlessAuto(own.transport);
  if (first.transport !== undefined && ownWord !== undefined && ownWord !== first.transport) {
    return { path, text: `'transport' says ${ownWord}, the URI says ${first.transport}` };
  }
  const asked =
    first.transport ?? unlessAuto(settings.transport) ?? last.transport ?? socket?.protocol;
  if (secure && asked === 'udp') return { path, text: 'a sips URI cannot go over udp' };
  return { protocol: secure && asked === 'tcp' ? 'tls' : asked };
}

function unlessAuto(transport: WaySettings['transport']): TransportProtocol | undefined {
  return transport === 'auto' ? undefined : transport;
}

function whySocketDoesNotFit(
  socket: SocketKind,
  protocol: TransportProtocol | undefined,
  family: 4 | 6 | undefined,
): Complaint | undefined {
  const path = ['localSocket'];
  if (protocol !== undefined && socket.protocol !== protocol) {
    const text = `the local socket ${quoted(socket.name)} speaks ${socket.protocol}, not ${protocol}`;
    return { path, text };
  }
  if (family !== undefined && socket.family !== family) {
    const text = `the local socket ${quoted(socket.name)} is bound to IPv${socket.family}, the next hop is IPv${family}`;
    return { path, text };
  }
  return undefined;
}

function withRareKeys(
  hop: NextHop,
  family: FamilyPolicy | undefined,
  addresses: readonly string[] | undefined,
): NextHop {
  return {
    ...hop,
    ...(family !== undefined && { family }),
    ...(addresses !== undefined && { addresses }),
  };
}

/** Those that may be used: RFC 3263 chooses for a name without port. */
function protocolsOf(hop: NextHop, kind: HostPort['kind']): readonly TransportProtocol[] {
  const { protocol, secure, port, addresses } = hop;
  if (protocol !== undefined) return [protocol];
  if (secure) return ['tls'];
  const isOpen = port === undefined && kind === 'name' && addresses === undefined;
  return isOpen ? ['udp', 'tcp', 'tls'] : ['udp'];
}

function onlyFamily(policy: FamilyPolicy | undefined): 4 | 6 | undefined {
  if (policy === 'ipv4') return 4;
  return policy === 'ipv6' ? 6 : undefined;
}

/** A socket has one family only; undefined is `auto`, and all that a literal needs. */
function familyPolicy(
  kind: HostPort['kind'],
  policy: FamilyPolicy | undefined,
  socket: SocketKind | undefined,
): FamilyPolicy | undefined {
  if (kind !== 'name') return undefined;
  if (socket !== undefined) return socket.family === 4 ? 'ipv4' : 'ipv6';
  return policy === 'auto' ? undefined : policy;
}

/** RFC 3261 section 26.2.2: a sips URI is never sent over anything but TLS, whichever hop it is. */
function whyProxyDoesNotFit(
  { name, hop }: ProxySpec,
  isSecure: boolean,
  socket: SocketKind | undefined,
): Complaint | undefined {
  if (isSecure && hop.protocol !== 'tls') {
    const text = `a sips URI cannot go over ${hop.protocol}, by which the proxy ${quoted(name)} is reached`;
    return { path: ['via'], text };
  }
  if (socket === undefined || socket.protocol === hop.protocol) return undefined;
  const text = `the local socket ${quoted(socket.name)} speaks ${socket.protocol}, the proxy ${quoted(name)} is reached by ${hop.protocol}`;
  return { path: ['localSocket'], text };
}

function fits({ hop }: ProxySpec, socket: SocketKind | undefined): boolean {
  if (socket === undefined || socket.protocol !== hop.protocol) return false;
  const literal = parseIpLiteral(hop.host);
  return literal === undefined || literal.family === socket.family;
}

function bareFingerprint(text: string): string {
  return text.replaceAll(':', '').toLowerCase();
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, value: V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  map.set(key, value);
  return value;
}
