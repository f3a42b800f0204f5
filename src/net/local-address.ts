/**
 * Which of our addresses does the kernel use towards a peer? A socket bound to 0.0.0.0 or :: does not
 * know, but Via sent-by and Contact need it (RFC 3261 section 18.1.1). Connecting a datagram socket
 * sends nothing and makes the kernel choose a route; with a look-up that answers at once, Node does it
 * before `connect` returns. It costs about 30 us, so the answer is kept a minute for each remote network.
 */
import dgram from 'node:dgram';
import type { Clock } from '../core/base/clock.ts';
import { elapsedMs, type Instant } from '../core/base/instant.ts';
import { isLoopbackAddress } from '../core/sip/locate/target.ts';

const KEPT_MS = 60_000;
const MAX_NETWORKS = 1024;
/** Any port does: nothing is sent. */
const DISCARD_PORT = 9;

export class LocalAddresses {
  readonly #clock: Clock;
  readonly #found = new Map<string, { readonly address: string; readonly at: Instant }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Our address towards `remote`; undefined when the kernel knows no way to it now. */
  towards(remote: string, family: 4 | 6): string | undefined {
    const network = networkOf(remote, family);
    const known = this.#found.get(network);
    const now = this.#clock.now();
    if (known !== undefined && elapsedMs(known.at, now) < KEPT_MS) return known.address;
    const address = chosenByKernel(remote, family);
    this.#found.delete(network);
    if (address === undefined) return undefined;
    if (this.#found.size >= MAX_NETWORKS) this.#found.clear();
    this.#found.set(network, { address, at: now });
    return address;
  }

  /** Addresses or routes of this machine changed: what was found is worth nothing. */
  forget(): void {
    this.#found.clear();
  }
}

/** An answering look-up that never leaves the process: only IP literals may come here. */
export function literalLookup(
  host: string,
  family: unknown,
  answer: (error: Error | null, address: string, family: number) => void,
): void {
  answer(null, host, family === 6 ? 6 : 4);
}

function chosenByKernel(remote: string, family: 4 | 6): string | undefined {
  const socket = dgram.createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    lookup: literalLookup,
  });
  let address: string | undefined;
  // No route, or no descriptor left: told by an exception, this event, or the missing remote address.
  socket.on('error', () => undefined);
  try {
    socket.bind({ port: 0, exclusive: true });
    socket.connect(DISCARD_PORT, remote);
    socket.remoteAddress();
    address = socket.address().address;
  } catch {
    address = undefined;
  }
  socket.close();
  return address;
}

export function isLoopback(address: string): boolean {
  return isLoopbackAddress(address) || address.startsWith('::ffff:127.');
}

export function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** Routes are rarely finer than a /24 or a /64; IPv6 text is cut at its fourth group. */
function networkOf(remote: string, family: 4 | 6): string {
  if (family === 4) return remote.slice(0, remote.lastIndexOf('.'));
  const groups = remote.split(':');
  return groups.includes('') ? remote : groups.slice(0, 4).join(':');
}
