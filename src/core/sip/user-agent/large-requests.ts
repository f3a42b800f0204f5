/**
 * Requests that are too large for one datagram: which targets take them over TCP instead (RFC 3261 section
 * 18.1.1). One that does not is asked over UDP for a while, as it was before.
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
  readonly #failedAt = new Map<string, Instant>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** False for ten minutes after TCP failed there. */
  mayGoByTcp(target: string): boolean {
    const at = this.#failedAt.get(target);
    return at === undefined || elapsedMs(at, this.#clock.now()) >= AGAIN_AFTER_MS;
  }

  failedByTcp(target: string): void {
    putNewest(this.#failedAt, target, this.#clock.now(), MOST_TARGETS);
  }
}
