/** How long the machine waits after a failed try: the spans of backoff.ts, chosen by what it knows. */
import {
  flowRecoveryMs,
  retryAfterMs,
  retryRejectedMs,
  retryWithBindingMs,
  retryWithoutBindingMs,
} from './backoff.ts';
import { ADAPTED, type Context, type MachineState } from './machine-state.ts';
import type { FailedVerdict } from './outcome.ts';

/** A refusal climbs its ladder; Retry-After may lengthen a rung, never shorten it. */
export function refusedWaitMs(
  { refusals }: MachineState,
  { failure, retryAfterSec }: FailedVerdict,
  { random }: Context,
): number {
  const rung = retryRejectedMs(refusals, failure === 'config' ? 'config' : 'rejected', random);
  return retryAfterSec === undefined ? rung : Math.max(rung, retryAfterMs(retryAfterSec, random));
}

/**
 * Retry-After is obeyed, with one exception: where it would let the binding run out, one try is
 * made before that, half way to its end.
 */
export function transientWaitMs(
  { failures, boundUntil, adapted }: MachineState,
  retryAfterSec: number | undefined,
  { now, random, hasOtherFlow }: Context,
): { readonly waitMs: number; readonly beforeExpiry: boolean } {
  const remainingMs = boundUntil === undefined ? 0 : boundUntil - now;
  if (retryAfterSec !== undefined) {
    const waitMs = retryAfterMs(retryAfterSec, random);
    const isTooLate = boundUntil !== undefined && waitMs >= remainingMs;
    const mayTry = isTooLate && (adapted & ADAPTED.beforeExpiry) === 0;
    return mayTry
      ? { waitMs: remainingMs / 2, beforeExpiry: true }
      : { waitMs, beforeExpiry: false };
  }
  if ((adapted & ADAPTED.flowLost) !== 0) {
    const facts = { hasOtherFlow: hasOtherFlow === true, remainingMs };
    return { waitMs: flowRecoveryMs(failures, facts, random), beforeExpiry: false };
  }
  const waitMs =
    boundUntil === undefined
      ? retryWithoutBindingMs(failures, random)
      : retryWithBindingMs(failures, remainingMs, random);
  return { waitMs, beforeExpiry: false };
}
