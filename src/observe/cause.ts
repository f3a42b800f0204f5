/** How a cause looks outside: in log lines, in the API, in webhooks. */
import type { Cause } from '../core/base/cause.ts';
import type { Instant } from '../core/base/instant.ts';
import type { WallClock } from './wall-clock.ts';

export interface RenderedCause {
  /** Stable; docs/errors.md lists all of them. */
  readonly code: string;
  /** What happened and whose fault it is. */
  readonly text: string;
  /** What comes next, with the time of the next attempt where there is one. */
  readonly next: string;
}

const BLAME: Readonly<Record<Cause['blame'], string>> = {
  peer: 'the other side',
  network: 'the network between',
  local: 'this machine',
  config: 'the configuration',
  operator: "an operator's order",
  nobody: '',
};

/** Null stays null: a good state has no cause. */
export function renderCause(
  cause: Cause,
  nextAttemptAt: Instant | undefined,
  wallClock: WallClock,
): RenderedCause;
export function renderCause(
  cause: Cause | undefined,
  nextAttemptAt: Instant | undefined,
  wallClock: WallClock,
): RenderedCause | null;
export function renderCause(
  cause: Cause | undefined,
  nextAttemptAt: Instant | undefined,
  wallClock: WallClock,
): RenderedCause | null {
  if (cause === undefined) return null;
  const fault = BLAME[cause.blame];
  const at = nextAttemptAt === undefined ? '' : `Next attempt at ${wallClock.iso(nextAttemptAt)}.`;
  return {
    code: cause.code,
    text: fault === '' ? cause.text : `${cause.text} At fault: ${fault}.`,
    next: cause.next === '' ? at : at === '' ? cause.next : `${cause.next} ${at}`,
  };
}
