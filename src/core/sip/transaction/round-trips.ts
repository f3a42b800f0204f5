/**
 * T1 of each target: "an estimate of the round-trip time" (RFC 3261 section 17.1.1.1), raised above its
 * default of 500 ms where a target is known to be slower, and never lowered. A path that takes seconds would
 * otherwise get copies of every request, which eat up the pace. Estimated as RFC 6298 does for TCP.
 *
 * Only targets that are slow have an estimate: for all others nothing is kept, and nothing is computed.
 */
import { putNewest } from '../../base/bounded-map.ts';
import { DEFAULT_TIMERS } from './timers.ts';

/** T2: copies further apart than this, RFC 3261 has none. */
const LONGEST_T1_MS = DEFAULT_TIMERS.t2Ms;
/** In steps, so that transactions share what they have alike. */
const T1_STEP_MS = 250;
/** Half of the longest transaction: what takes longer has to do without being waited for twice. */
const LONGEST_ANSWER_MS = 16_000;
/** RFC 6298 sections 2 and 5: gains of the smoothed time and of its variation, and the share of the latter. */
const GAIN = 1 / 8;
const VARIATION_GAIN = 1 / 4;
const VARIATIONS = 4;
/** A request that is given little time is sent about that often all the same, against loss. */
const SENDINGS = 4;
/** Slow targets that are remembered; the one that was measured longest ago goes first. */
const MAX_SLOW = 10_000;

interface Estimate {
  /** Undefined until an answer came to a request that had not been sent again. */
  smoothedMs: number | undefined;
  variationMs: number;
  /**
   * The last answer came after copies: to which one nobody knows (Karn), but not later than this after the
   * request it answers. RFC 6298 section 5.7 keeps such a back-off until the next clean measurement; 0: none.
   */
  heldMs: number;
}

export class RoundTrips {
  readonly #slow = new Map<string, Estimate>();

  /** Slow targets that are known. */
  get size(): number {
    return this.#slow.size;
  }

  /**
   * An answer came `rttMs` after the request was first sent. With `wasRepeated` that is an upper bound, as
   * the answer may be to a copy; the next request then waits as long, and so becomes a clean measurement.
   */
  measured(target: string, rttMs: number, wasRepeated: boolean): void {
    if (rttMs <= DEFAULT_TIMERS.t1Ms && this.#slow.size === 0) return;
    const known = this.#slow.get(target);
    if (known === undefined && rttMs <= DEFAULT_TIMERS.t1Ms) return;
    const estimate = known ?? { smoothedMs: undefined, variationMs: 0, heldMs: 0 };
    if (wasRepeated) {
      estimate.heldMs = Math.min(rttMs, LONGEST_ANSWER_MS);
    } else {
      estimate.heldMs = 0;
      smooth(estimate, rttMs);
    }
    if (waitOf(estimate) > DEFAULT_TIMERS.t1Ms) putNewest(this.#slow, target, estimate, MAX_SLOW);
    else this.#slow.delete(target);
  }

  /** Within it nearly every answer of the target comes; 0 where it has the usual T1. At most 16 s. */
  answerMs(target: string): number {
    const estimate = this.#slow.size === 0 ? undefined : this.#slow.get(target);
    return estimate === undefined ? 0 : waitOf(estimate);
  }

  /** T1 for a request that is given up after `timeoutMs`: between 500 ms and T2. */
  t1Ms(target: string, timeoutMs: number): number {
    const usualMs = this.answerMs(target);
    if (usualMs === 0) return DEFAULT_TIMERS.t1Ms;
    const mostMs = Math.min(LONGEST_T1_MS, timeoutMs / SENDINGS);
    const stepped = Math.ceil(Math.min(usualMs, mostMs) / T1_STEP_MS) * T1_STEP_MS;
    return Math.max(DEFAULT_TIMERS.t1Ms, stepped);
  }
}

/** RFC 6298 sections 2.2 and 2.3. */
function smooth(estimate: Estimate, rttMs: number): void {
  const { smoothedMs, variationMs } = estimate;
  if (smoothedMs === undefined) {
    estimate.smoothedMs = rttMs;
    estimate.variationMs = rttMs / 2;
    return;
  }
  estimate.variationMs =
    variationMs + VARIATION_GAIN * (Math.abs(smoothedMs - rttMs) - variationMs);
  estimate.smoothedMs = smoothedMs + GAIN * (rttMs - smoothedMs);
}

/** The retransmission time-out of RFC 6298 section 2.3, or the back-off where that is longer. */
function waitOf({ smoothedMs = 0, variationMs, heldMs }: Estimate): number {
  return Math.min(LONGEST_ANSWER_MS, Math.max(heldMs, smoothedMs + VARIATIONS * variationMs));
}
