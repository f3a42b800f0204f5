/**
 * What is remembered of one target's probes: round-trip times, the last answer, and the last results
 * that were not as usual. It judges outcomes, since an answer that takes too long is worth less. The
 * usual answer leaves nothing behind here but numbers.
 */
import type { Instant } from '../base/instant.ts';
import type { PeerState } from './events.ts';
import { RttStats } from './rtt-stats.ts';
import { RttWindow, timeoutMs } from './rtt-window.ts';
import type { TargetSnapshot } from './snapshot.ts';
import type { ProbePlan } from './spec.ts';
import type { TargetInput, TargetState } from './target-state.ts';
import { type Finding, findingOf, type ProbeOutcome } from './verdict.ts';

/** Of `impairedAbove`: a target that was too slow has to be so much quicker to be up again. */
const QUICK_AGAIN = 0.8;
/** Of the time-out. */
const LOSSY_FACTOR = 1.5;
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
  judge(outcome: ProbeOutcome, plan: ProbePlan, now: Instant): Finding {
    const finding = findingOf(outcome, plan);
    if (finding.kind !== 'answer' && finding.kind !== 'connected') {
      this.note(now, finding.fault.code);
      return finding;
    }
    if (outcome.kind === 'response' || outcome.kind === 'connected') {
      this.#window.add(outcome.rttMs);
      this.#stats.add(outcome.rttMs);
    }
    if (finding.kind === 'answer') this.#answered(finding);
    const weighed = plan.impairedAboveMs === undefined ? finding : this.#weigh(finding, plan);
    if (weighed.verdict !== 'good') this.note(now, whatCame(finding));
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

  /**
   * How long a row of silence has to last: the time-out, and half as long again where datagrams get lost.
   * The copies that go in 4 s are all lost once in half a billion rows at a tenth of loss each way: too
   * often for a thousand peers.
   */
  rowMs(plan: ProbePlan, state: TargetState, input: TargetInput): number {
    const ms = timeoutMs(plan, this.medianMs);
    // Looked up where it decides something, and nowhere else.
    const isLonger = isMissing(state, input, plan) && this.#stats.isLossy;
    return isLonger ? Math.min(LOSSY_FACTOR * ms, 2 * plan.timeoutMs) : ms;
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

  #answered({ code, reason }: Finding & { readonly kind: 'answer' }): void {
    const last = this.#lastResponse;
    if (last?.code !== code || last.reason !== reason) this.#lastResponse = { code, reason };
  }

  /** A good answer of a target whose answers take too long; back only when they are well below that. */
  #weigh(finding: Told, { impairedAboveMs = 0 }: ProbePlan): Told {
    const { smoothedMs } = this.#stats;
    this.#isSlow = smoothedMs > (this.#isSlow ? QUICK_AGAIN * impairedAboveMs : impairedAboveMs);
    if (!this.#isSlow || finding.verdict !== 'good') return finding;
    return { ...finding, verdict: 'impaired', slowMs: smoothedMs };
  }
}

/** Something came back. */
type Told = Finding & { readonly kind: 'answer' | 'connected' };

function whatCame(told: Told): string {
  return told.kind === 'answer' ? `${told.code} ${told.reason}`.trim() : 'connected';
}

/** So many probes may have no answer that the length of a row of silence matters. */
function isMissing(
  { failures, name, open }: TargetState,
  input: TargetInput,
  { fall }: ProbePlan,
): boolean {
  if (failures + open.length < fall || name === 'down') return false;
  return input.kind !== 'ended' || input.finding.verdict === 'bad';
}
