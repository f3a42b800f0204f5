/**
 * After a time in which trunkd did not run (the machine slept, the process was stopped): our clock stood
 * still with it, so that no time-out is reached by it, but the registrars' clocks went on. Bindings and
 * plans are nearer to their end by that time; whoever lost its binding registers again, paced, first who
 * ran out first; and what was under way begins anew, since its answer may be lost or tell of a time that
 * is over.
 */
import type { TimerQueue } from '../base/timer-queue.ts';
import { STOOD_STILL } from './causes.ts';
import { soonestFirst } from './crowd.ts';
import type { Entry } from './entry.ts';
import type { Machinist } from './machinist.ts';
import { ageOverride } from './override.ts';

export function ageAll(
  machinist: Machinist,
  entries: ReadonlyMap<string, Entry>,
  timers: TimerQueue,
  ms: number,
): void {
  const all = [...entries.values()];
  const now = machinist.now();
  for (const entry of all) {
    machinist.queries.abort(entry);
    ageOverride(entry, ms, timers);
    machinist.feed(entry, { kind: 'aged', ms });
  }
  for (const entry of soonestFirst(all)) {
    const { boundUntil } = entry.state;
    const isLost = boundUntil !== undefined && boundUntil <= now;
    if (isLost) machinist.feed(entry, { kind: 'expired', cause: STOOD_STILL });
    if (isLost) machinist.fired(entry, now);
    if (entry.place === 'exchange' && entry.state.name !== 'unregistering') {
      machinist.feed(entry, { kind: 'urge', isFresh: false });
    }
  }
}
