/** A SIP proxy of our own, through which requests travel (`via`), as the rest of the core sees it. */
import type { Cause } from '../../base/cause.ts';
import type { Instant } from '../../base/instant.ts';
import type { NextHop, Target } from '../locate/target.ts';
import type { SipMessage } from '../message/message.ts';
import type { TlsPolicy } from '../transport/ports.ts';

/** One entry of `proxies`. */
export interface ProxySpec {
  readonly name: string;
  /** Its address, a hop like any other. */
  readonly hop: NextHop;
  /** Host[:port] where it takes calls: the Contact of what is registered through it. */
  readonly contact: string;
  /** What requests to it leave from, unless whoever sends them names another. */
  readonly localSocket: string | undefined;
  readonly tls: TlsPolicy;
  readonly userAgent: string;
}

export interface OwnProxy {
  readonly spec: ProxySpec;
  /** Where it answered last; undefined while it does not answer: nothing is sent through it then. */
  readonly target: Target | undefined;
  /** When it is asked again. */
  readonly nextProbeAt: Instant | undefined;
  /** Why it does not answer; undefined while it does, or before it was asked. */
  cause(): Cause | undefined;
  /** Something came back through it. */
  heard(at: Instant): void;
  /** The way to it is not there: its port is closed, or the connection to it was lost. */
  unreachable(): void;
  /**
   * Asks whether it was alive since then, so that the silence of what lies behind it means something.
   * The answer comes at once where it is known, else within seconds, once.
   */
  vouch(since: Instant, receive: (wasAlive: boolean) => void): void;
}

/** Undefined where the configuration has no such proxy (any more). */
export type ProxyNamed = (name: string) => OwnProxy | undefined;

/** Codes with which a proxy reports by itself that it did not reach the next hop. */
const HOP_FAILURES: ReadonlySet<number> = new Set([408, 430, 477, 478]);

/**
 * True for a reply that our own proxy made instead of the target behind it. It may say so itself
 * (`X-Trunkd-Local: 1`, as ops/kamailio/via.cfg does, which takes the field out of what comes from
 * outside); to be asked only of replies that came through a proxy of ours.
 */
export function isMadeByProxy(response: SipMessage): boolean {
  const { status } = response;
  if (HOP_FAILURES.has(status)) return true;
  return status >= 300 && response.first(LOCAL_MARK)?.trim() === '1';
}

const LOCAL_MARK = 'x-trunkd-local';
