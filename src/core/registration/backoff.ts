/**
 * How long a registration waits after a failure (design.md 6). Pure; chance comes in as a port.
 * All spans are milliseconds.
 */
import { elapsedMs, type Instant } from '../base/instant.ts';
import { between, type Random } from '../base/random.ts';

/** While a binding lives: 2 s doubling, full jitter. */
const LIVING_BASE_MS = 2_000;
const LIVING_LONGEST_MS = 300_000;
/** Keeps registrations that fail at once from trying without end just before they run out. */
const LIVING_SHORTEST_MS = 500;

/** Without a binding: 30 s doubling to 30 min, times U(0.5, 1). */
const UNBOUND_BASE_MS = 30_000;
const UNBOUND_LONGEST_MS = 1_800_000;

/** While our own machine cannot send, nobody is bothered by a try: half as long as it lasts, within these. */
const LOCAL_SHORTEST_MS = 2_000;
const LOCAL_LONGEST_MS = 60_000;

/** While another flow of the same registration works. RFC 5626 section 4.5. */
const OTHER_FLOW_BASE_MS = 90_000;

/** Refused by the registrar; what is wrong in the configuration begins at the second rung. */
export const REJECTED_LADDER_MS: readonly [number, number, number] = [60_000, 300_000, 1_800_000];

const RETRY_AFTER_SHORTEST_MS = 1_000;
const RETRY_AFTER_LONGEST_MS = 3_600_000;

const ATTEMPT_LONGEST_MS = 32_000;
const ATTEMPT_SHORTEST_MS = 2_000;

/** After `failures` failures in a row (1 or more), with `remainingMs` of the binding left. */
export function retryWithBindingMs(failures: number, remainingMs: number, random: Random): number {
  const span = doubled(LIVING_BASE_MS, failures, LIVING_LONGEST_MS);
  const wait = Math.min(random.fraction() * span, remainingMs / 2);
  return Math.max(LIVING_SHORTEST_MS, wait);
}

/** After `failures` failures in a row (1 or more), with nothing to lose. RFC 5626 section 4.5. */
export function retryWithoutBindingMs(failures: number, random: Random): number {
  return doubled(UNBOUND_BASE_MS, failures, UNBOUND_LONGEST_MS) * between(random, 0.5, 1);
}

/**
 * After a fault of our own machine, in a trouble that lasts for `lastedMs` by now. It grows with the time, not with
 * failures, so that the back-off against the registrar is what it was when the way is back.
 */
export function retryAfterOwnFaultMs(
  lastedMs: number,
  remainingMs: number | undefined,
  random: Random,
): number {
  const span = Math.min(LOCAL_LONGEST_MS, Math.max(LOCAL_SHORTEST_MS, lastedMs / 2));
  const wait = span * between(random, 0.5, 1);
  return Math.max(LIVING_SHORTEST_MS, Math.min(wait, (remainingMs ?? 2 * wait) / 2));
}

/**
 * After `failures` failures in a row (1 or more) to replace a flow of outbound: RFC 5626 section 4.5. While
 * the binding lives, half of what remains is the limit here too.
 */
export function flowRecoveryMs(
  failures: number,
  { hasOtherFlow, remainingMs }: { readonly hasOtherFlow: boolean; readonly remainingMs: number },
  random: Random,
): number {
  const baseMs = hasOtherFlow ? OTHER_FLOW_BASE_MS : UNBOUND_BASE_MS;
  const wait = doubled(baseMs, failures, UNBOUND_LONGEST_MS) * between(random, 0.5, 1);
  return remainingMs > 0 ? Math.max(LIVING_SHORTEST_MS, Math.min(wait, remainingMs / 2)) : wait;
}

/** After `refusals` refusals in a row (1 or more); up to a tenth later, so that crowds disperse. */
export function retryRejectedMs(
  refusals: number,
  kind: 'rejected' | 'config',
  random: Random,
): number {
  const rung = refusals - 1 + (kind === 'config' ? 1 : 0);
  const [first, second, last] = REJECTED_LADDER_MS;
  const wait = rung === 0 ? first : rung === 1 ? second : last;
  return wait * between(random, 1, 1.1);
}

/** The wish of a Retry-After header field (RFC 3261 section 20.33), kept within [1 s, 1 h]. */
export function boundedRetryAfterMs(retryAfterSec: number): number {
  return Math.min(Math.max(retryAfterSec * 1000, RETRY_AFTER_SHORTEST_MS), RETRY_AFTER_LONGEST_MS);
}

/** The same for one registration: up to a tenth later, so that crowds disperse. */
export function retryAfterMs(retryAfterSec: number, random: Random): number {
  const wait = boundedRetryAfterMs(retryAfterSec) * between(random, 1, 1.1);
  return Math.min(wait, RETRY_AFTER_LONGEST_MS);
}

/**
 * How long one request may stay unanswered: three whole attempts fit into the margin of a binding,
 * and always another three into what remains of it, so that they follow faster towards its end. But none is
 * given up before an answer of a slow target can be here (`answerMs`): it would be for nothing.
 */
export function attemptTimeoutMs(
  living: { readonly marginMs: number; readonly remainingMs: number } | undefined,
  answerMs = 0,
): number {
  if (living === undefined) return ATTEMPT_LONGEST_MS;
  const third = Math.min(living.marginMs, living.remainingMs) / 3;
  return Math.min(ATTEMPT_LONGEST_MS, Math.max(ATTEMPT_SHORTEST_MS, answerMs, third));
}

/** The same once a provisional answer came: half of what remains is for those after it. */
export function patienceMs(boundUntil: Instant | undefined, now: Instant): number {
  const remainingMs = boundUntil === undefined ? 0 : elapsedMs(now, boundUntil);
  return Math.min(ATTEMPT_LONGEST_MS, remainingMs / 2);
}

/** `baseMs` for the first of `times` in a row, twice as much for each further one, up to `longestMs`. */
export function doubled(baseMs: number, times: number, longestMs: number): number {
  return Math.min(longestMs, baseMs * 2 ** Math.min(times - 1, 20));
}
