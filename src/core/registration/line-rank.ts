/**
 * The order in the line of a target: bindings that run out first go first, then those without one
 * as they came due, then removals. While a target is dead, each band goes in order of arrival, so
 * that every canary is another registration.
 */
import type { Entry } from './entry.ts';

/** Wider than any instant or count: a band never reaches into the next. */
const BAND = 1e14;

/** `arrival` counts those who joined a closed gate; undefined where the gate is open. */
export function lineRank({ state }: Entry, arrival: number | undefined): number {
  if (state.name === 'unregistering') return 4 * BAND + (arrival ?? state.dueAt);
  const { boundUntil } = state;
  if (boundUntil !== undefined) return arrival === undefined ? boundUntil : BAND + arrival;
  return (arrival === undefined ? 2 * BAND : 3 * BAND) + (arrival ?? state.dueAt);
}
