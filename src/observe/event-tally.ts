/**
 * What happened since the page was asked for last, as plain numbers. The metrics library hashes its
 * labels at every call, which costs more than the probe that is counted; so it is told in bulk.
 */
/** Counts by two labels. */
export class EventTally {
  readonly #counts = new Map<string, Map<string | number, number>>();

  count(first: string, second: string | number, by: number = 1): void {
    let row = this.#counts.get(first);
    if (row === undefined) {
      row = new Map();
      this.#counts.set(first, row);
    }
    row.set(second, (row.get(second) ?? 0) + by);
  }

  /** Tells each count once and begins anew. */
  take(tell: (first: string, second: string, count: number) => void): void {
    for (const [first, row] of this.#counts) {
      for (const [second, count] of row) tell(first, String(second), count);
    }
    this.#counts.clear();
  }
}

/** Samples of one label, counted in buckets. */
export interface HistogramRow {
  readonly label: string;
  /** One for each bound, of samples up to it and above the bound before; then those above all. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** A histogram by one label. */
export class SampleTally {
  readonly #bounds: readonly number[];
  readonly #rows = new Map<string, { readonly label: string; counts: number[]; sum: number }>();

  /** `bounds`: of the buckets, rising. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  add(label: string, sample: number): void {
    let row = this.#rows.get(label);
    if (row === undefined) {
      row = { label, counts: new Array<number>(this.#bounds.length + 1).fill(0), sum: 0 };
      this.#rows.set(label, row);
    }
    let bucket = 0;
    while (sample > (this.#bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    row.counts[bucket] = (row.counts[bucket] ?? 0) + 1;
    row.sum += sample;
  }

  rows(): Iterable<HistogramRow> {
    return this.#rows.values();
  }
}
