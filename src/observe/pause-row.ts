/** What the API tells of a pause of all registrations. */
import type { RegistrationBook } from '../core/registration/snapshot.ts';
import { type RenderedCause, renderCause } from './cause.ts';
import type { WallClock } from './wall-clock.ts';

export interface PausedRow {
  readonly paused: {
    readonly since: string;
    readonly until: string | null;
    readonly by: string;
    readonly reason: string;
    readonly cause: RenderedCause;
  } | null;
}

export function pausedRow(
  { paused }: Pick<RegistrationBook, 'paused'>,
  wallClock: WallClock,
): PausedRow {
  if (paused === undefined) return { paused: null };
  const { since, until, by, reason } = paused;
  return {
    paused: {
      ...{ by, reason },
      since: wallClock.iso(since),
      until: wallClock.iso(until),
      cause: renderCause(paused.cause, undefined, wallClock),
    },
  };
}
