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

/**
 * A hop as configured: what RFC 3263 section 4 starts from. `protocol` undefined leaves the choice
 * to it; `secure` (a sips URI) allows TLS only.
 */
export interface NextHop {
  readonly host: string;
  readonly port: number | undefined;
  readonly protocol: TransportProtocol | undefined;
  readonly secure: boolean;
  /** The SIP proxy of ours through which all its targets are reached, by name. */
  readonly via?: string | undefined;
}
