/**
 * What is remembered of one target's probes: round-trip times, the last answer, and the last results
 * that were not as usual. It judges outcomes, since an answer that takes too long is worth less. The
 * usual answer leaves nothing behind here but numbers.
 */
import type { Instant } from '../base/instant.ts';
import type { ExchangeOutcome } from '../sip/user-agent/ports.ts';
import type { PeerState } from './events.ts';
import { RttStats } from './rtt-stats.ts';
import { RttWindow } from './rtt-window.ts';
import type { TargetSnapshot } from './snapshot.ts';
import type { ProbePlan } from './spec.ts';
import { type Finding, findingOf } from './verdict.ts';

/** Of `impairedAbove`: a target that was too slow has to be so much quicker to be up again. */
const QUICK_AGAIN = 0.8;
/** Unusual results that are kept for whoever asks why. */
const MAX_EVIDENCE = 8;

/** One result that was not as usual, or a change of the state; the same again in a row only counts. */
export interface Evidence {
  readonly at: Instant;
  readonly what: string;
  readonly times: number;
  /** When it was so last. */
  readonly lastAt: Instant;
}

const NO_EVIDENCE: readonly Evidence[] = [];

export class ProbeRecord {
  readonly #window = new RttWindow();
  readonly #stats = new RttStats();
  /** Answers take longer than `impairedAbove`. */
  #isSlow = false;
  #lastResponse: TargetSnapshot['lastResponse'];
  #evidence: readonly Evidence[] = NO_EVIDENCE;

  /** What the outcome of a probe says; round-trip times are taken from it. */
  judge(outcome: ExchangeOutcome, plan: ProbePlan, now: Instant): Finding {
    const finding = findingOf(outcome, plan);
    if (finding.kind !== 'answer') {
      this.note(now, finding.fault.code);
      return finding;
    }
    if (outcome.kind !== 'response') return finding;
    this.#window.add(outcome.rttMs);
    this.#stats.add(outcome.rttMs);
    const last = this.#lastResponse;
    if (last?.code !== finding.code || last.reason !== finding.reason) {
      this.#lastResponse = { code: finding.code, reason: finding.reason };
    }
    const weighed = plan.impairedAboveMs === undefined ? finding : this.#weigh(finding, plan);
    if (weighed.verdict !== 'good') this.note(now, `${finding.code} ${finding.reason}`.trim());
    return weighed;
  }

  changed(from: PeerState, to: PeerState, now: Instant): void {
    if (from !== to) this.note(now, `${from} -> ${to}`);
  }

  /** Something that explains a verdict; the last few are kept. */
  note(at: Instant, what: string): void {
    const last = this.#evidence.at(-1);
    this.#evidence =
      last?.what === what
        ? [...this.#evidence.slice(0, -1), { ...last, times: last.times + 1, lastAt: at }]
        : [...this.#evidence.slice(1 - MAX_EVIDENCE), { at, what, times: 1, lastAt: at }];
  }

  get evidence(): readonly Evidence[] {
    return this.#evidence;
  }

  get medianMs(): number {
    return this.#window.medianMs;
  }

  get lastRttMs(): number | undefined {
    return this.#window.lastMs;
  }

  get rtt(): TargetSnapshot['rtt'] {
    return this.#stats.summary();
  }

  get lastResponse(): TargetSnapshot['lastResponse'] {
    return this.#lastResponse;
  }

  /** A good answer of a target whose answers take too long; back only when they are well below that. */
  #weigh(
    finding: Finding & { readonly kind: 'answer' },
    { impairedAboveMs = 0 }: ProbePlan,
  ): Finding & { readonly kind: 'answer' } {
    const { smoothedMs } = this.#stats;
    this.#isSlow = smoothedMs > (this.#isSlow ? QUICK_AGAIN * impairedAboveMs : impairedAboveMs);
    if (!this.#isSlow || finding.verdict !== 'good') return finding;
    return { ...finding, verdict: 'impaired', slowMs: smoothedMs };
  }
}
