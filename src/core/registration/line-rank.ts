/**
 * The order in the line of a target: bindings that run out first go first, then those without one
 * as they came due, then removals. While a target is dead, bindings too go in order of arrival, so
 * that every canary is another registration.
 */
import type { Entry } from './entry.ts';

/** Wider than any instant or count: a band never reaches into the next. */
const BAND = 1e14;

/** `arrival` counts who joined; `isClosed`: the gate lets only canaries through. */
export function lineRank({ state }: Entry, arrival: number, isClosed: boolean): number {
  if (state.name === 'unregistering') return 3 * BAND + arrival;
  if (state.boundUntil === undefined) return 2 * BAND + arrival;
  return isClosed ? BAND + arrival : state.boundUntil;
}
