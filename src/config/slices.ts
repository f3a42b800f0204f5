/**
 * Long work in short slices: the event loop turns in between, so that refreshes go out on time
 * while 100,000 registrations load. Work is counted in units of about a plain line of the bulk file
 * (some ten microseconds), not in time: the number of slices is then the same on every machine.
 */
export class Slices {
  #left = UNITS_PER_SLICE;
  #count = 1;

  /** Slices so far. */
  get count(): number {
    return this.#count;
  }

  /** Notes work done; true when it is time to call `pause`. */
  spend(units: number): boolean {
    this.#left -= units;
    return this.#left <= 0;
  }

  /** Lets the event loop turn once. */
  pause(): Promise<void> {
    this.#left = UNITS_PER_SLICE;
    this.#count += 1;
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

const UNITS_PER_SLICE = 200;

/** What the steps of loading cost, in units. */
export const COST = { plain: 1, schema: 6, located: 60 } as const;
