/**
 * What calls say about a server (features P15): a proxy tells which answers they got. Nothing is disabled for
 * that, since a call may fail for many reasons, and anybody may tell; but a server that fails calls is
 * asked at once instead of at its next turn, so that its probes decide within a time-out.
 */
import { after, earlier, type Instant } from '../base/instant.ts';
import { type AnswerPolicy, verdictOfStatus } from './answer-policy.ts';

interface CallObservation {
  /** Status code that calls got; 408 too where the proxy itself gave up. */
  readonly code: number;
  /** How many calls. */
  readonly count: number;
  readonly by: string;
}

/** A proxy took a destination out of its own list, or in, against our word: calls told it so, as it seems. */
interface StateObservation {
  readonly state: string;
  readonly destination: string;
  readonly by: string;
}

export type Observation = CallObservation | StateObservation;

/** True when what was seen is a reason to ask the server. */
export function isAlarming(seen: Observation, policy: AnswerPolicy | undefined): boolean {
  // A proxy that knows better than we deserves a look, whichever way.
  if ('state' in seen) return true;
  return seen.code >= 300 && verdictOfStatus(seen.code, policy) === 'bad';
}

/** Calls work there, says who saw it. */
export function isGood(seen: Observation): boolean {
  return 'state' in seen && seen.state === 'active';
}

export function observationText(seen: Observation): string {
  if ('state' in seen) return `${seen.by} set ${seen.destination} to ${seen.state} by itself`;
  const { code, count, by } = seen;
  return `calls got ${code}${count === 1 ? '' : ` ${count} times`} (${by})`;
}

/** However many calls fail: between two probes that they ask for. */
const GAP_MS = 1_000;

/** When a target is asked of which such an answer is told: now, or a second after it was asked last. */
export function observedTurn(
  lastSentAt: Instant | undefined,
  planned: Instant | undefined,
  now: Instant,
): Instant {
  const at = lastSentAt === undefined ? now : after(lastSentAt, GAP_MS);
  return earlier(at, planned ?? at);
}
