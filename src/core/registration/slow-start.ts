/** The pace after a recovery: 10 a second, doubling every 5 s, until the usual pace is reached. */
import { elapsedMs, type Instant } from '../base/instant.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import type { PacingSpec } from '../sip/user-agent/ports.ts';

const SLOW_START_PER_SEC = 10;
const SLOW_START_DOUBLES_MS = 5_000;

export class SlowStart {
  readonly #since: Instant;
  readonly #bucket: TokenBucket;

  constructor(now: Instant) {
    this.#since = now;
    this.#bucket = new TokenBucket(SLOW_START_PER_SEC, 1, now);
  }

  /** True once the pacer alone is slow enough; where it has no limit, from the begin. */
  isOver(now: Instant, { perTarget, max }: PacingSpec): boolean {
    return perTarget === 0 || this.#rate(now) >= Math.max(perTarget, max);
  }

  take(now: Instant): boolean {
    this.#bucket.setRate(this.#rate(now), now);
    return this.#bucket.take(now);
  }

  readyAt(now: Instant): Instant {
    return this.#bucket.readyAt(now);
  }

  #rate(now: Instant): number {
    const doublings = Math.floor(elapsedMs(this.#since, now) / SLOW_START_DOUBLES_MS);
    return SLOW_START_PER_SEC * 2 ** Math.min(doublings, 20);
  }
}
