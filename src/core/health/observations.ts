/**
 * What calls say about a server (features P15): a proxy tells which answers they got. Nothing is disabled for
 * that, since a call may fail for many reasons, and anybody may tell; but a server that fails calls is
 * asked at once instead of at its next turn, so that its probes decide within a time-out.
 */
import { type AnswerPolicy, verdictOfStatus } from './answer-policy.ts';

export interface Observation {
  /** Status code that calls got; 408 too where the proxy itself gave up. */
  readonly code: number;
  /** How many calls. */
  readonly count: number;
  readonly by: string;
}

/** True when calls that get this answer are a reason to ask the server. */
export function isAlarming({ code }: Observation, policy: AnswerPolicy | undefined): boolean {
  return code >= 300 && verdictOfStatus(code, policy) === 'bad';
}

export function observationText({ code, count, by }: Observation): string {
  return `calls got ${code}${count === 1 ? '' : ` ${count} times`} (${by})`;
}
