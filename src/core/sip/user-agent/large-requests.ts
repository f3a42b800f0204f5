/**
 * Requests that are too large for one datagram: which targets take them over TCP instead (RFC 3261 section
 * 18.1.1).
 *
 *   TCP is tried --failed--> doubtful: UDP is tried --answered--> only UDP, for ten minutes
 *        ^                          |
 *        +--------- silence --------+      (it was the target that was away, not its TCP)
 */
import { putNewest } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { elapsedMs, type Instant } from '../../base/instant.ts';

/** A larger one may be fragmented on the way. */
export const LARGE_REQUEST_OCTETS = 1300;

const AGAIN_AFTER_MS = 600_000;
const MOST_TARGETS = 1_000;

export class LargeRequests {
  readonly #clock: Clock;
  readonly #withoutTcpSince = new Map<string, Instant>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  mayGoByTcp(target: string): boolean {
    const since = this.#withoutTcpSince.get(target);
    return since === undefined || elapsedMs(since, this.#clock.now()) >= AGAIN_AFTER_MS;
  }

  /** TCP was refused, or nothing came back over it. */
  failedByTcp(target: string): void {
    putNewest(this.#withoutTcpSince, target, this.#clock.now(), MOST_TARGETS);
  }

  /** What became of a large request over UDP. */
  endedByUdp(target: string, wasAnswered: boolean): void {
    if (!wasAnswered) this.#withoutTcpSince.delete(target);
    else if (!this.mayGoByTcp(target)) this.failedByTcp(target);
  }
}
