/**
 * What happened since the page was asked for last, as plain numbers. The metrics library hashes its
 * labels at every call, which costs more than the probe that is counted; so it is told in bulk.
 */
const MAX_SAMPLES = 10_000;

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

/** Samples by one label; `isFull` says that they should be taken before somebody asks. */
export class SampleTally {
  readonly #samples = new Map<string, number[]>();
  #size = 0;

  get isFull(): boolean {
    return this.#size >= MAX_SAMPLES;
  }

  add(label: string, sample: number): void {
    this.#size += 1;
    const row = this.#samples.get(label);
    if (row === undefined) this.#samples.set(label, [sample]);
    else row.push(sample);
  }

  take(tell: (label: string, sample: number) => void): void {
    for (const [label, row] of this.#samples) for (const sample of row) tell(label, sample);
    this.#samples.clear();
    this.#size = 0;
  }
}
