/** What the relay of calls needs to know of others, and what it tells. */
import type { NextHop } from '../locate/target.ts';
import type { Flow, TlsPolicy } from '../transport/ports.ts';

/** Where calls go (`inbound.forwardTo`), and the local socket that is for nothing else. */
export interface RelaySpec {
  readonly hop: NextHop;
  readonly localSocket: string;
  readonly tls: TlsPolicy;
}

/** What a request says of the registration that it is for. */
export interface CallHints {
  /** That of our Record-Route; undefined: none. */
  readonly registration: string | undefined;
  /** Users of the Request-URI and of To, unescaped; undefined: no SIP URI, or no user. */
  readonly requestUser: string | undefined;
  readonly toUser: string | undefined;
}

export interface Caller {
  /** The registration that is called; undefined: one of several, and nothing tells which. */
  readonly registration: string | undefined;
  /** One whose flow leads back to the caller; empty: none is known. */
  readonly owner: string;
}

/** Implemented by the keeper of registrations. */
export interface CallerBook {
  /**
   * Whose provider sends over that flow? Undefined: nobody's. With `isTrusted` the sender was allowed by
   * the operator, and need not be a target of the registration that it names.
   */
  callerOf(flow: Flow, hints: CallHints, isTrusted: boolean): Caller | undefined;
  /** The flow over which a registration is bound now. */
  flowOf(registration: string): Flow | undefined;
  /** Our own `host:port` on that flow as the other side sees it, where that is known. */
  seenOn(flow: Flow): string | undefined;
}

/** Counters since the start; whoever reads them must not write. */
export interface RelayCounters {
  /** Messages sent on, by the way they went. */
  readonly relayed: Map<RelayWay, number>;
  /** Messages that were not, by reason. */
  readonly refused: Map<RelayRefusal, number>;
}

export type RelayWay =
  | 'request toProxy'
  | 'request toProvider'
  | 'response toProxy'
  | 'response toProvider';

/** Stable, used as metric label. */
export type RelayRefusal =
  /** More than `inbound.maxRate`. */
  | 'rate'
  /** The proxy has no address, or no connection to it can be made. */
  | 'proxyUnreachable'
  /** Too many wait for that already. */
  | 'waiting'
  /** The flow that a dialog or response belongs to is gone, and no other took its place. */
  | 'flowGone'
  /** A Record-Route of ours that was changed on its way. */
  | 'token'
  /** It came to the socket for the proxy, from another address than the proxy's. */
  | 'stranger'
  /** A response from where its request did not go. */
  | 'source'
  | 'loop'
  | 'maxForwards'
  /** Proxy-Require. */
  | 'extension'
  | 'malformed'
  /** Larger than a datagram can be. */
  | 'tooLarge'
  /** An ACK for an answer that we gave ourselves. */
  | 'ack';
