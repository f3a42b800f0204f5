/**
 * The port between the SIP core and the sockets. Wire text is a string with one character per octet
 * (latin1): lengths are octets, nothing is decoded twice, UTF-8 is made readable only for display.
 */
import type { Fault, Result } from '../../base/fault.ts';
import type { Instant } from '../../base/instant.ts';
import type { Target, TransportProtocol } from '../locate/target.ts';

/** How a TLS server has to prove itself. `warn` checks, reports, and goes on. */
export interface TlsPolicy {
  readonly verify: 'strict' | 'warn' | 'off';
  /** The name that the certificate has to hold (RFC 5922 section 7.1); a host name or an IP address. */
  readonly identity: string;
  /** Further names; one of all of them is enough. */
  readonly otherIdentities?: readonly string[];
  /**
   * SHA-256 of certificates, in lower case and without colons. With any, the server has to show one of
   * these, and neither authorities nor names are asked.
   */
  readonly fingerprints?: readonly string[];
  readonly allowWildcard: boolean;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

export interface SocketAddress {
  /** IP literal without brackets, as the kernel prints it. */
  readonly address: string;
  readonly port: number;
}

/**
 * One way to one peer: for UDP a (local socket, remote address) pair, for TCP and TLS a connection.
 * Owned by the edge; core only keeps the reference and compares it.
 */
export interface Flow {
  readonly protocol: TransportProtocol;
  /** Name of the local socket that it belongs to. */
  readonly localSocket: string;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** `host:port` for Via (RFC 3261 section 18.1.1): the advertised address, else the local one. */
  readonly sentBy: string;
  /** Where requests would reach us over this local socket; for `contact: self`. */
  readonly contactHost: string;
  /** False once the connection is gone; always true for UDP. */
  readonly isOpen: boolean;
  /** A connection that was made for one owner alone (`OpenFlow.owner`). */
  readonly isOwned?: boolean;
}

export interface OpenFlow {
  readonly target: Target;
  /** Name of a configured local socket; undefined: the first that fits protocol and family. */
  readonly localSocket: string | undefined;
  /** Needed for TLS only. */
  readonly tls: TlsPolicy | undefined;
  /** Whose connection it is, where it is not to be shared; no word for UDP. */
  readonly owner?: string | undefined;
}

/** RFC 5626 section 4.4.1: a double CRLF, answered with a CRLF within 10 s. */
export interface StreamKeepAlive {
  /** The time between two pings is drawn from here. */
  readonly intervalMs: readonly [least: number, most: number];
  /** A missing pong means a failed flow, also where none has ever come. */
  readonly isPongDue: boolean;
}

/** Implemented by src/net. */
export interface TransportPort {
  /**
   * Finds or makes the flow to a target. A flow that exists already is reported before `open`
   * returns; a new connection, and every failure, later. Connections are shared: same target, local
   * socket, TLS policy and owner.
   */
  open(request: OpenFlow, receive: (result: Result<Flow>) => void): void;
  /** Writes one message (or keep-alive). What goes wrong comes back later through `flowFailed`. */
  send(flow: Flow, wire: string): void;
  /** Connections ping the other side; this is how often from now on. Does nothing for UDP. */
  keepAlive(flow: Flow, plan: StreamKeepAlive): void;
  /**
   * Nothing comes back. Over UDP finds out, where the network tells, whether the port is closed, and reports that
   * with `flowFailed` (RFC 3261 section 18.4). A connection is pinged at once (RFC 5626 section 4.4.1).
   */
  inquire(flow: Flow): void;
  /** Closes a connection that proved dead, and reports it with `flowFailed`; does nothing for UDP. */
  close(flow: Flow, reason: Fault): void;
}

/** Implemented by core; called by src/net from the event loop, never from inside open or send. */
export interface TransportUser {
  /**
   * One datagram, or one message cut from a stream by framing.ts. A stream that lost its framing gives
   * its last octets here, so that they can be answered with 400, then `dropped`, then `flowFailed`.
   */
  received(wire: string, flow: Flow, at: Instant): void;
  /** The other side of a connection answered a ping. */
  ponged(flow: Flow, at: Instant): void;
  /** A connection ended, or a datagram could not be sent: every transaction on the flow is affected. */
  flowFailed(flow: Flow, reason: Fault): void;
  /** Octets that are no message: counted with their reason, then forgotten. */
  dropped(reason: string, flow: Flow): void;
}

/** Implemented by core; called by src/net from the event loop. */
export interface AddressUser {
  /**
   * Requests over a local socket leave from another address than before, or leave again at all: it was
   * opened late, changed by a reload, or addresses and routes of this machine changed. A connection
   * that this ended was reported with `flowFailed` besides.
   */
  localAddressChanged(change: LocalAddressChange): void;
}

/** Who is concerned by another address of ours. */
export interface LocalAddressChange {
  readonly localSocket: string;
  readonly protocol: TransportProtocol;
  readonly family: 4 | 6;
  /** It also serves those that name no local socket. */
  readonly isDefault: boolean;
  /** IP addresses of the peers that are concerned; undefined: all. */
  readonly remotes: ReadonlySet<string> | undefined;
}

/** What is read from a PEM file. */
export type TlsPart = 'ca' | 'crl' | 'certificate' | 'key';

/** One named local socket as configured; UDP binds it, TCP and TLS listen on it when the port is fixed. */
export interface LocalSocketSpec {
  readonly name: string;
  readonly protocol: TransportProtocol;
  readonly address: string;
  /** 0: ephemeral; a stream socket with port 0 does not listen. */
  readonly port: number;
  readonly family: 4 | 6;
  /** `host[:port]` for Via sent-by and `contact: self`; undefined: the address that the kernel tells. */
  readonly advertise: string | undefined;
  /** TLS only: PEM text, already read. */
  readonly tls:
    | {
        /** Undefined: the authorities that the system trusts. */
        readonly ca: string | undefined;
        /** Certificates that these authorities have revoked; needed of each of them when given. */
        readonly crl?: string | undefined;
        readonly certificate: string | undefined;
        readonly key: string | undefined;
        /** Absolute paths of the files that hold these texts, where they are files. */
        readonly files?: Readonly<Partial<Record<TlsPart, string>>>;
      }
    | undefined;
  /** Nobody configured it: that it cannot be bound (a host without IPv6) is no reason not to start. */
  readonly isMadeUp?: boolean;
}
