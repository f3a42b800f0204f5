/**
 * The round-trip times of a target's last answers, and what follows from them for its probes: a server
 * that always takes its time is not suspected sooner than it can answer. The median is used, since an
 * answer to a resent probe seems to have taken a second, and one such must not change anything.
 */
import type { ProbePlan } from './spec.ts';

const SAMPLES = 5;
const LEAST_PATIENCE_MS = 1_000;
/** A little more than the usual answer takes. */
const PATIENCE_FACTOR = 1.25;
/** So much that `fall` probes, each after the patience for the one before, have their time. */
const TIMEOUT_FACTOR = 4;

/** Up to here all are alike: nothing that follows from the median differs, down to a time-out of 500 ms. */
const QUICK_MS = 100;

export class RttWindow {
  /** A list of its full length: one that grows takes room for many more. */
  readonly #samples: number[] = [0, 0, 0, 0, 0];
  #count = 0;
  #isQuick = true;
  #medianMs: number | undefined;

  add(rttMs: number): void {
    this.#samples[this.#count % SAMPLES] = rttMs;
    this.#count += 1;
    this.#isQuick = rttMs <= QUICK_MS && (this.#isQuick || this.#areAllQuick());
    this.#medianMs = undefined;
  }

  /** The latest round-trip time; undefined before the first answer. */
  get lastMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#samples[(this.#count - 1) % SAMPLES];
  }

  /**
   * The median of the last answers, while they are few the least of them; 0 before the first, and where
   * all came so quickly that it makes no difference.
   */
  get medianMs(): number {
    if (this.#isQuick) return 0;
    this.#medianMs ??= middle(this.#samples.slice(0, this.#count));
    return this.#medianMs;
  }

  #areAllQuick(): boolean {
    return this.#samples.every((sample) => sample <= QUICK_MS);
  }
}

/** Counts instead of sorting: there are five. */
function middle(samples: readonly number[]): number {
  const rank = samples.length < SAMPLES ? 0 : SAMPLES >> 1;
  for (const candidate of samples) {
    let below = 0;
    let equal = 0;
    for (const sample of samples) {
      if (sample < candidate) below += 1;
      else if (sample === candidate) equal += 1;
    }
    if (below <= rank && rank < below + equal) return candidate;
  }
  return 0;
}

/** How long a probe may stay open before the next one starts: 1 s (`recheck`), or what an answer usually takes. */
export function patienceMs(plan: ProbePlan, medianMs: number): number {
  const usual = Math.max(plan.recheckMs ?? LEAST_PATIENCE_MS, PATIENCE_FACTOR * medianMs);
  return Math.min(usual, timeoutMs(plan, medianMs) / 2);
}

/** The time-out of a probe: never below the configured one, at most twice that. */
export function timeoutMs(plan: ProbePlan, medianMs: number): number {
  return Math.min(Math.max(plan.timeoutMs, TIMEOUT_FACTOR * medianMs), 2 * plan.timeoutMs);
}
