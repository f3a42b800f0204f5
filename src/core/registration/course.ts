/**
 * The way of one try from target to target, after the first one failed (RFC 3263 section 4.3): each
 * once, within one time limit for the whole. A try whose first target answers has none.
 */
import { after, elapsedMs, type Instant } from '../base/instant.ts';
import { isSameTarget, type Target } from '../sip/locate/target.ts';
import { attemptTimeoutMs } from './backoff.ts';
import type { MachineState } from './machine-state.ts';
import { marginMs } from './refresh.ts';

/** A target gets that long while others are left to try (features D2, B9). */
const LONGEST_MS = 8_000;
/** Three copies of a request over UDP; more targets do not make it shorter. */
const SHORTEST_MS = 4_000;
const LAST_SHORTEST_MS = 2_000;

export class Course {
  readonly #tried: Target[] = [];
  readonly #deadline: Instant;

  /** `wholeMs`: for all targets together, from `begunAt` on. */
  constructor(begunAt: Instant, wholeMs: number) {
    this.#deadline = after(begunAt, wholeMs);
  }

  tried(target: Target): void {
    this.#tried.push(target);
  }

  hasTried(target: Target): boolean {
    return this.#tried.some((one) => isSameTarget(one, target));
  }

  isOver(now: Instant): boolean {
    return now >= this.#deadline;
  }

  leftMs(now: Instant): number {
    return Math.max(elapsedMs(now, this.#deadline), LAST_SHORTEST_MS);
  }
}

/** For all targets of a try together: three whole tries fit into the margin of a binding. `answerMs`: of its target. */
export function wholeTryMs(
  { boundUntil, grantedSec }: MachineState,
  now: Instant,
  answerMs: number,
): number {
  if (boundUntil === undefined || boundUntil <= now) return attemptTimeoutMs(undefined);
  const remainingMs = elapsedMs(now, boundUntil);
  return attemptTimeoutMs({ marginMs: marginMs(grantedSec), remainingMs }, answerMs);
}

/**
 * How long one target may stay without an answer, where `others` more could be tried in `leftMs`; never so short
 * that a slow one cannot answer (`answerMs`).
 */
export function targetTimeoutMs(leftMs: number, others: number, answerMs: number): number {
  if (others === 0) return leftMs;
  const shareMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, leftMs / (others + 1)));
  return Math.min(leftMs, Math.max(shareMs, answerMs));
}
