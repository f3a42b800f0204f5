/** How long the machine waits after a failed try: the spans of backoff.ts, chosen by what it knows. */

import type { Cause } from '../base/cause.ts';
import { elapsedMs } from '../base/instant.ts';
import {
  flowRecoveryMs,
  retryAfterMs,
  retryAfterOwnFaultMs,
  retryRejectedMs,
  retryWithBindingMs,
  retryWithoutBindingMs,
} from './backoff.ts';
import { ADAPTED, type Context, type MachineState } from './machine-state.ts';
import type { FailedVerdict } from './outcome.ts';

/** Faults of our own machine that are counted: from two on, another registrar of the same registration is tried. */
const OWN_FAULTS = 2;

/** A refusal climbs its ladder; Retry-After may lengthen a rung, never shorten it. */
export function refusedWaitMs(
  { refusals }: MachineState,
  { failure, retryAfterSec }: FailedVerdict,
  { random }: Context,
): number {
  const rung = retryRejectedMs(refusals, failure === 'config' ? 'config' : 'rejected', random);
  return retryAfterSec === undefined ? rung : Math.max(rung, retryAfterMs(retryAfterSec, random));
}

/** Nothing was sent: how long it has been so counts, and never how often. `since`: when the present name began. */
export function ownFaultWaitMs(
  { name, since, boundUntil }: MachineState,
  { now, random }: Context,
): number {
  const isInTrouble = name === 'waiting' || name === 'refreshFailing';
  const remainingMs = boundUntil === undefined ? undefined : elapsedMs(now, boundUntil);
  return retryAfterOwnFaultMs(isInTrouble ? elapsedMs(since, now) : 0, remainingMs, random);
}

/**
 * What is counted for the back-off against the registrar. Faults of our own machine count just enough that another
 * leg may be tried, and what the registrar does after them is counted anew.
 */
export function failuresAfter({ failures, cause: before }: MachineState, cause: Cause): number {
  if (cause.blame === 'local') return Math.max(failures, Math.min(failures + 1, OWN_FAULTS));
  return before?.blame === 'local' ? 1 : failures + 1;
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
