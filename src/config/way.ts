/**
 * From configured names to the way that requests take: next hop, local socket, TLS policy. Equal
 * ones are one object, so that 100,000 registrations share them; what no configured socket serves
 * is remembered, so that a socket can be made up.
 */
import type { NextHop, TransportProtocol } from '../core/sip/locate/target.ts';
import type { TlsPolicy } from '../core/sip/transport/ports.ts';
import { familyOf, type Hop, type HostPort, parseHop } from './address.ts';
import { DEFAULTS } from './defaults.ts';
import { quoted } from './parse-yaml.ts';
import type { Complaint } from './problem.ts';
import { nearestWord } from './suggest.ts';

export interface SocketKind {
  readonly name: string;
  readonly protocol: TransportProtocol;
  readonly family: 4 | 6;
}

/** What an item says about its way, defaults laid under it. */
interface WaySettings {
  readonly transport?: TransportProtocol | 'auto' | undefined;
  readonly localSocket?: string | undefined;
  readonly outboundProxy?: string | undefined;
}

export interface TlsSettings {
  readonly verify?: TlsPolicy['verify'] | undefined;
  readonly identity?: string | undefined;
  readonly allowWildcard?: boolean | undefined;
  readonly minVersion?: TlsPolicy['minVersion'] | undefined;
}

export interface WayWish {
  /** The registrar or SIP proxy; an outbound proxy is asked in its place. */
  readonly last: HostPort & Partial<Hop>;
  /** True for sips. */
  readonly isSecure: boolean;
  readonly settings: WaySettings;
  /** What the item itself says, without defaults. */
  readonly own: WaySettings;
}

export interface Way {
  readonly hop: NextHop;
  readonly localSocket: string | undefined;
  /** Host of the next hop's URI where that is a name: what TLS has to prove. */
  readonly namedHost: string | undefined;
}

export class WayPlanner {
  readonly #sockets: ReadonlyMap<string, SocketKind>;
  readonly #hops = new Map<string, NextHop>();
  readonly #policies = new Map<string, TlsPolicy>();
  readonly #wanted = new Set<string>();

  constructor(sockets: readonly SocketKind[]) {
    this.#sockets = new Map(sockets.map((socket) => [socket.name, socket]));
  }

  /** `udp/4` and so on, for every hop that names no local socket; `udp/any` where a name decides the family. */
  get wanted(): ReadonlySet<string> {
    return this.#wanted;
  }

  /** Where requests leave from and go to; undefined after a complaint. */
  plan(wish: WayWish, complaints: Complaint[]): Way | undefined {
    const { settings, last } = wish;
    const outbound = parsed(settings.outboundProxy);
    const first = outbound ?? last;
    const secure = wish.isSecure || first.scheme === 'sips';
    const socket = this.#socketNamed(settings.localSocket, complaints);
    if (socket === undefined && settings.localSocket !== undefined) return undefined;
    const chosen = chooseProtocol({ ...wish, first, secure, socket });
    const family = familyOf(first.kind);
    const misfit =
      'text' in chosen ? chosen : socket && whySocketDoesNotFit(socket, chosen.protocol, family);
    if (misfit !== undefined) complaints.push(misfit);
    if ('text' in chosen || misfit !== undefined) return undefined;
    const { protocol } = chosen;
    if (socket === undefined) this.#want(protocol ?? (secure ? 'tls' : 'udp'), family);
    return {
      hop: this.#hop({ host: first.host, port: first.port, protocol, secure }),
      localSocket: socket?.name,
      namedHost: first.kind === 'name' ? first.host : undefined,
    };
  }

  /** The policy; the identity is the configured one, else the named host, else `fallback`. */
  tls(settings: TlsSettings, way: Way, fallback: string): TlsPolicy {
    const identity = bareHost(settings.identity ?? way.namedHost ?? fallback);
    const verify = settings.verify ?? DEFAULTS.tls.verify;
    const allowWildcard = settings.allowWildcard ?? DEFAULTS.tls.allowWildcard;
    const minVersion = settings.minVersion ?? DEFAULTS.tls.minVersion;
    const key = `${verify} ${identity} ${allowWildcard} ${minVersion}`;
    return getOrAdd(this.#policies, key, { verify, identity, allowWildcard, minVersion });
  }

  #hop(hop: NextHop): NextHop {
    return getOrAdd(this.#hops, `${hop.host} ${hop.port} ${hop.protocol} ${hop.secure}`, hop);
  }

  #want(protocol: TransportProtocol, family: 4 | 6 | undefined): void {
    this.#wanted.add(`${protocol}/${family ?? 'any'}`);
  }

  #socketNamed(name: string | undefined, complaints: Complaint[]): SocketKind | undefined {
    if (name === undefined) return undefined;
    const socket = this.#sockets.get(name);
    if (socket === undefined) {
      const near = nearestWord(name, [...this.#sockets.keys()]);
      complaints.push({
        path: ['localSocket'],
        text: `there is no local socket ${quoted(name)}`,
        hint: near === undefined ? undefined : `did you mean '${near}'?`,
      });
    }
    return socket;
  }
}

/** The URI's word first, then the key, then the URI behind an outbound proxy, then the local socket. */
function chooseProtocol(
  wish: WayWish & {
    readonly first: HostPort & Partial<Hop>;
    readonly secure: boolean;
    readonly socket: SocketKind | undefined;
  },
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

/** A hop that the schema has let pass. */
function parsed(text: string | undefined): Hop | undefined {
  const hop = parseHop(text ?? '');
  return typeof hop === 'string' ? undefined : hop;
}

/** As it stands in a certificate: no brackets, no final dot. */
function bareHost(host: string): string {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  return (bare.endsWith('.') ? bare.slice(0, -1) : bare).toLowerCase();
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, value: V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  map.set(key, value);
  return value;
}
