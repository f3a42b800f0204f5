/**
 * How far a target is avoided while there are others. One registration that it leaves without an answer
 * is enough: that closes nothing (the gate needs three for it), it only turns the order round.
 *
 *   clean --fails--> avoided: Retry-After of a 503, else 30 s x 2^n up to 10 min
 *     ^                 |  over: one registration may go back and see (failback `homing`), and so on
 *     |                 v
 *     +-- `holdMs` --- proven: an attempt was answered, and none has failed since
 */
import { after, elapsedMs, type Instant } from '../base/instant.ts';
import { boundedRetryAfterMs, doubled } from './backoff.ts';

const FIRST_MS = 30_000;
const LONGEST_MS = 600_000;
/** A clean record is trusted again after this time without failure. */
const HOLD_MS = 120_000;
/** Longer than most bindings live: whoever comes back from far still knows. */
const REMEMBERED_MS = 3_600_000;
/** One scout at a time: its whole attempt fits in. */
const SCOUT_MS = 40_000;

export class Penalty {
  #until: Instant | undefined;
  /** In a row; while one lasts, further failures do not count. */
  #times = 0;
  #provenAt: Instant | undefined;
  #scoutUntil: Instant | undefined;

  /** True while others go first. */
  isAvoided(now: Instant): boolean {
    return this.#until !== undefined && now < this.#until;
  }

  /** True while something is remembered against it. */
  isRemembered(now: Instant): boolean {
    if (this.#until === undefined) return false;
    return elapsedMs(this.#until, now) < REMEMBERED_MS;
  }

  /** True when a penalty begins with it that was not there. */
  failed(now: Instant, retryAfterSec: number | undefined): boolean {
    const isNews = !this.isAvoided(now);
    if (isNews) this.#times += 1;
    this.#provenAt = undefined;
    this.#scoutUntil = undefined;
    const wishMs =
      retryAfterSec === undefined
        ? doubled(FIRST_MS, this.#times, LONGEST_MS)
        : boundedRetryAfterMs(retryAfterSec);
    const until = after(now, wishMs);
    if (isNews || this.#until === undefined || until > this.#until) this.#until = until;
    return isNews;
  }

  /** An attempt there was answered to its end. */
  answered(now: Instant): void {
    if (this.#until === undefined) return;
    this.#provenAt ??= now;
    if (now < this.#until) this.#until = now;
    if (elapsedMs(this.#provenAt, now) < HOLD_MS) return;
    this.#until = undefined;
    this.#provenAt = undefined;
    this.#times = 0;
  }

  /**
   * May a binding that lives elsewhere come back? All may once it has been proven for a while; before
   * that one at a time, who finds out.
   */
  letsReturn(now: Instant): boolean {
    if (this.#until === undefined) return true;
    if (now < this.#until) return false;
    if (this.#provenAt !== undefined) return elapsedMs(this.#provenAt, now) >= HOLD_MS;
    if (this.#scoutUntil !== undefined && now < this.#scoutUntil) return false;
    this.#scoutUntil = after(now, SCOUT_MS);
    return true;
  }
}
