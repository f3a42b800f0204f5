/** How flows are kept alive (RFC 5626 section 4.4): what is asked for, and what comes back. */
import type { Flow } from '../transport/ports.ts';

/** What operators may choose for UDP: STUN only where it is needed, always, a double CRLF, or nothing. */
export type KeepAlivePolicy = 'auto' | 'stun' | 'crlf' | 'off';

export interface KeepAliveWish {
  /** UDP only. */
  readonly kind: 'stun' | 'crlf';
  /** What the other side waits for (Flow-Timer); undefined: it did not say. */
  readonly flowTimerSec: number | undefined;
  /** Streams: the other side promised to answer pings, so that a missing pong means a failed flow. */
  readonly isPongDue: boolean;
}

/** Why a UDP flow is no longer what it was. */
export type FlowNews =
  /** The NAT gave us another address, `mapped` as host:port; the server knew us as `before`. */
  | { readonly kind: 'moved'; readonly before: string; readonly mapped: string }
  /** It answered keep-alives, and does not any more. */
  | { readonly kind: 'silent' };

/** What is done for a flow, for people: it changes as the other side turns out to be. */
export interface KeptAlive {
  readonly method: 'stun' | 'crlf' | 'ping';
}

/** Implemented by flow-keeper.ts. */
export interface FlowKeeperPort {
  /** Keeps the flow alive from now on; once more with another wish changes it. */
  keep(flow: Flow, wish: KeepAliveWish): KeptAlive;
  /** Nothing of ours depends on it any more. */
  release(flow: Flow): void;
  /** The same for good: a connection that is nobody else's is closed. */
  abandon(flow: Flow): void;
}
