/**
 * The line before a target: bindings that run out soon go first, then those without one as they came due,
 * then bindings that have long to live (after a change of our address, say), then removals. While the gate is
 * closed, bindings too go in order of arrival, so that every canary is another registration.
 */

import { Heap } from '../base/heap.ts';
import type { Instant } from '../base/instant.ts';
import { type Entry, goesBefore } from './entry.ts';

/** Wider than any instant or count: a band of ranks never reaches into the next. */
const BAND = 1e14;
/**
 * Whoever has no binding goes before those that live longer than this. An ordinary refresh of an hour's
 * grant has less left (M + 0.1 G), so that nobody lapses for want of its turn; and nobody waits for ever,
 * since what comes later lives longer.
 */
const SOON_MS = 720_000;
/** Of a millisecond: keeps those in order who come at the same moment. */
const ARRIVAL_STEP = 1e-4;

export class GateLine {
  readonly #heap = new Heap<Entry>(goesBefore);
  #arrivals = 0;

  get first(): Entry | undefined {
    return this.#heap.first;
  }

  get size(): number {
    return this.#heap.size;
  }

  /** In no order that means anything. */
  all(): readonly Entry[] {
    return this.#heap.toArray();
  }

  join(entry: Entry, isClosed: boolean, now: Instant): void {
    this.#arrivals += 1;
    entry.rank = isClosed
      ? rankWhileClosed(entry, this.#arrivals)
      : rankOf(entry, this.#arrivals, now);
    this.#heap.add(entry);
  }

  leave(entry: Entry): void {
    this.#heap.remove(entry);
  }

  /** Puts everybody in the order of an open or a closed gate; they are returned as they stood before. */
  reorder(isClosed: boolean, now: Instant): readonly Entry[] {
    const all: Entry[] = [];
    for (let entry = this.#heap.first; entry !== undefined; entry = this.#heap.first) {
      this.#heap.remove(entry);
      all.push(entry);
    }
    for (const entry of all) this.join(entry, isClosed, now);
    return all;
  }
}

function rankOf({ state }: Entry, arrival: number, now: Instant): number {
  if (state.name === 'unregistering') return BAND + arrival;
  return state.boundUntil ?? now + SOON_MS + arrival * ARRIVAL_STEP;
}

function rankWhileClosed({ state }: Entry, arrival: number): number {
  if (state.name === 'unregistering') return 3 * BAND + arrival;
  return (state.boundUntil === undefined ? 2 * BAND : BAND) + arrival;
}
