/**
 * Where calls are relayed to (`inbound.forwardTo`), and the local socket for that: a configured one that
 * serves nothing else, or one that is made up. What arrives at it is taken for the proxy's, so it must not
 * be one at which providers are answered.
 */
import type { TransportProtocol } from '../core/sip/locate/target.ts';
import type { RelaySpec } from '../core/sip/relay/ports.ts';
import type { LocalSocketSpec, TlsPolicy } from '../core/sip/transport/ports.ts';
import { familyOf, type Hop, type HostPort, isLoopback, parseHop } from './address.ts';
import { ephemeral, freeName } from './local-sockets.ts';
import { quoted } from './parse-yaml.ts';
import type { Complaint } from './problem.ts';
import type { ConfigSettings } from './schema.ts';
import { unknownName } from './suggest.ts';
import type { WayPlanner } from './way.ts';

export interface Relaying {
  readonly relay: RelaySpec;
  /** A configured one, or one that is made up. */
  readonly socket: LocalSocketSpec;
}

/** Where calls go: the host of `forwardTo`, or its maddr. */
type Destination = Pick<HostPort, 'host' | 'kind'>;

const MADE_UP = 'auto-relay';

/** Undefined where calls are not relayed, or after a complaint. */
export function toRelaying(
  inbound: ConfigSettings['inbound'],
  sockets: readonly LocalSocketSpec[],
  ways: WayPlanner,
  complaints: Complaint[],
): Relaying | undefined {
  if (inbound?.forwardTo === undefined) {
    complaints.push(...aloneKeys(inbound));
    return undefined;
  }
  const proxy = parseHop(inbound.forwardTo);
  // The schema has said what is wrong with it.
  if (typeof proxy === 'string') return undefined;
  const named = inbound.socket;
  const given = sockets.find(({ name }) => name === named);
  if (named !== undefined && given === undefined) {
    const known = sockets.map(({ name }) => name);
    complaints.push(unknownName(['inbound', 'socket'], 'local socket', named, known));
    return undefined;
  }
  const protocol = protocolOf(proxy, given);
  const destination = proxy.maddr ?? proxy;
  const misfit = given && whyItDoesNotFit(given, protocol, destination);
  if (misfit !== undefined) {
    complaints.push({ path: ['inbound', 'socket'], text: misfit });
    return undefined;
  }
  const socket = given ?? madeUp(protocol, destination, sockets);
  return {
    relay: toRelay(proxy, protocol, socket, ways.tls(inbound.tls ?? {}, proxy.host)),
    socket,
  };
}

function toRelay(
  proxy: Hop,
  protocol: TransportProtocol,
  { name, family }: LocalSocketSpec,
  tls: TlsPolicy,
): RelaySpec {
  const { host, kind } = proxy.maddr ?? proxy;
  const fixed = { host, port: proxy.port, protocol, secure: proxy.scheme === 'sips' };
  // A name has to be looked up for the family that the socket has.
  const policy = family === 6 ? 'ipv6' : 'ipv4';
  return {
    hop: kind === 'name' ? { ...fixed, family: policy } : fixed,
    localSocket: name,
    tls,
  };
}

/** Said when it is known what uses which socket. */
export function whyShared(
  inbound: ConfigSettings['inbound'],
  used: ReadonlySet<string>,
): Complaint | undefined {
  const socket = inbound?.socket;
  if (inbound?.forwardTo === undefined || socket === undefined || !used.has(socket)) {
    return undefined;
  }
  return {
    path: ['inbound', 'socket'],
    text: `the local socket ${quoted(socket)} is for calls to the proxy alone, and something else names it as well`,
    hint: 'give one of them a local socket of its own',
  };
}

/** RFC 3261 section 26.2.2 for sips; the socket speaks one protocol only. */
function protocolOf(
  { scheme, transport }: Hop,
  socket: LocalSocketSpec | undefined,
): TransportProtocol {
  if (scheme === 'sips') return 'tls';
  return transport ?? socket?.protocol ?? 'udp';
}

function aloneKeys(inbound: ConfigSettings['inbound']): readonly Complaint[] {
  return (['socket', 'tls'] as const).flatMap((key) =>
    inbound?.[key] === undefined
      ? []
      : [{ path: ['inbound', key], text: `'${key}' is for 'forwardTo', which is missing` }],
  );
}

function whyItDoesNotFit(
  socket: LocalSocketSpec,
  protocol: TransportProtocol,
  { kind }: Destination,
): string | undefined {
  const name = quoted(socket.name);
  if (socket.protocol !== protocol) {
    return `the local socket ${name} speaks ${socket.protocol}, the proxy is reached by ${protocol}`;
  }
  const family = familyOf(kind);
  if (family === undefined || family === socket.family) return undefined;
  return `the local socket ${name} is bound to IPv${socket.family}, the proxy is at IPv${family}`;
}

/** Nobody but this machine reaches the one for a proxy beside us. */
function madeUp(
  protocol: TransportProtocol,
  destination: Destination,
  sockets: readonly LocalSocketSpec[],
): LocalSocketSpec {
  const family = familyOf(destination.kind) ?? 4;
  const socket = ephemeral(freeName(MADE_UP, sockets), protocol, family);
  return isLoopback(destination)
    ? { ...socket, address: family === 6 ? '::1' : '127.0.0.1' }
    : socket;
}
