/**
 * Where the response to a request goes: RFC 3261 section 18.2.2, RFC 3581 section 4. Streams answer on their
 * connection; datagrams go to the source port when rport asks for it, else to the port of sent-by. `maddr` is
 * not followed, since it would let a sender aim us at others.
 */
import type { Via } from '../header/via.ts';
import type { Flow, SocketAddress, TransportPort } from '../transport/ports.ts';

const DEFAULT_PORT = 5060;

/** `via`: the top one of the request that came over the flow. */
export function replyPort(via: Via | undefined, { protocol, remote }: Flow): number {
  const isPlain = protocol === 'udp' && via !== undefined && via.rport === undefined;
  return isPlain ? (via.port ?? DEFAULT_PORT) : remote.port;
}

/** The UDP flow from a local socket to an address, which is known at once; undefined: there is no way. */
export function datagramFlow(
  transport: TransportPort,
  localSocket: string,
  { address, port }: SocketAddress,
): Flow | undefined {
  const family = address.includes(':') ? 6 : 4;
  const target = { protocol: 'udp', address, port, family } as const;
  let flow: Flow | undefined;
  transport.open({ target, localSocket, tls: undefined }, (result) => {
    if (result.ok) flow = result.value;
  });
  return flow;
}
