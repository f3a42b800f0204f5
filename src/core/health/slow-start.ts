/**
 * Slow start: a server that comes back gets a tenth of its weight first, and a tenth more each tenth of
 * the time. It is never left out: what has a weight at all keeps some.
 */
import { after, elapsedMs, type Instant } from '../base/instant.ts';

const STEPS = 10;

/** The share of its weight that a server has now, in tenths; 1 where it came back long ago. */
export function shareOf(backSince: Instant | undefined, slowStartMs: number, now: Instant): number {
  if (backSince === undefined || slowStartMs === 0) return 1;
  const step = 1 + Math.floor((STEPS * elapsedMs(backSince, now)) / slowStartMs);
  return Math.min(step, STEPS) / STEPS;
}

/** When the share grows next; undefined: it is whole. */
export function nextStepAt(
  backSince: Instant | undefined,
  slowStartMs: number,
  now: Instant,
): Instant | undefined {
  if (backSince === undefined || shareOf(backSince, slowStartMs, now) === 1) return undefined;
  const steps = Math.floor((STEPS * elapsedMs(backSince, now)) / slowStartMs) + 1;
  return after(backSince, Math.ceil((steps * slowStartMs) / STEPS));
}
