/**
 * The line before a target: bindings that run out first go first, then those without one as they
 * came due, then removals. While the gate is closed, bindings too go in order of arrival, so that
 * every canary is another registration.
 */
import { Heap } from '../base/heap.ts';
import { type Entry, goesBefore } from './entry.ts';

/** Wider than any instant or count: a band of ranks never reaches into the next. */
const BAND = 1e14;

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

  join(entry: Entry, isClosed: boolean): void {
    this.#arrivals += 1;
    entry.rank = rankOf(entry, this.#arrivals, isClosed);
    this.#heap.add(entry);
  }

  leave(entry: Entry): void {
    this.#heap.remove(entry);
  }

  /** Puts everybody in the order of an open or a closed gate; they are returned as they stood before. */
  reorder(isClosed: boolean): readonly Entry[] {
    const all: Entry[] = [];
    for (let entry = this.#heap.first; entry !== undefined; entry = this.#heap.first) {
      this.#heap.remove(entry);
      all.push(entry);
    }
    for (const entry of all) this.join(entry, isClosed);
    return all;
  }
}

function rankOf({ state }: Entry, arrival: number, isClosed: boolean): number {
  if (state.name === 'unregistering') return 3 * BAND + arrival;
  if (state.boundUntil === undefined) return 2 * BAND + arrival;
  return isClosed ? BAND + arrival : state.boundUntil;
}
