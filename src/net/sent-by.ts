import type { SocketAddress } from '../core/sip/transport/ports.ts';

/** `host:port` as it stands in URIs and Via (RFC 3261 section 25.1); a zone index has no place there. */
export function hostPort({ address, port }: SocketAddress): string {
  if (!address.includes(':')) return `${address}:${port}`;
  const zone = address.indexOf('%');
  return `[${zone < 0 ? address : address.slice(0, zone)}]:${port}`;
}
