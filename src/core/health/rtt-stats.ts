/**
 * Statistics of round-trip times: the smoothed one, and percentiles of the last 64 answers. Each is kept
 * in one octet on a scale of logarithms (0.1 ms to hours in steps of 6 %), so that ten thousand targets
 * need no more than their share. For people, and for `impairedAbove`; time-outs follow RttWindow.
 */
const SAMPLES = 64;
const FINEST_MS = 0.1;
const STEP = 1.06;
const LOG_STEP = Math.log(STEP);
/** Of a new sample in the smoothed value, as in RFC 6298. */
const GAIN = 0.125;
/** An answer that took so much longer than most was one to a copy. */
const COPY_MS = 400;
const LOSSY_SHARE = 0.04;

export interface RttSummary {
  readonly lastMs: number;
  readonly smoothedMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** From how many of the last answers, 64 at most. */
  readonly samples: number;
}

export class RttStats {
  readonly #steps = new Uint8Array(SAMPLES);
  #count = 0;
  #lastMs = 0;
  #smoothedMs = 0;

  add(rttMs: number): void {
    this.#steps[this.#count % SAMPLES] = stepOf(rttMs);
    this.#smoothedMs =
      this.#count === 0 ? rttMs : this.#smoothedMs + GAIN * (rttMs - this.#smoothedMs);
    this.#lastMs = rttMs;
    this.#count += 1;
  }

  /** 0 before the first answer. */
  get smoothedMs(): number {
    return this.#smoothedMs;
  }

  /**
   * Datagrams get lost on the way: of the last answers some took so much longer than the others that they
   * must have been to a copy, which goes after T1 (500 ms, RFC 3261 section 17.1.2.2) at the earliest.
   */
  get isLossy(): boolean {
    const summary = this.summary();
    if (summary === undefined) return false;
    const step = stepOf(summary.p50Ms + COPY_MS);
    const late = this.#steps.filter((one) => one >= step).length;
    return late > LOSSY_SHARE * summary.samples;
  }

  /** Undefined before the first answer. */
  summary(): RttSummary | undefined {
    if (this.#count === 0) return undefined;
    const samples = Math.min(this.#count, SAMPLES);
    const sorted = this.#steps.slice(0, samples).sort();
    const at = (share: number) => msOf(sorted[Math.ceil(share * samples) - 1] ?? 0);
    return {
      lastMs: this.#lastMs,
      smoothedMs: this.#smoothedMs,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      samples,
    };
  }
}

function stepOf(ms: number): number {
  const step = Math.round(Math.log(Math.max(ms, FINEST_MS) / FINEST_MS) / LOG_STEP);
  return Math.min(step, 255);
}

function msOf(step: number): number {
  return FINEST_MS * STEP ** step;
}
