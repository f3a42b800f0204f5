/**
 * How many refreshes are planned for each second, so that a new one goes where the fewest are and
 * no burst comes back. Times alias after `SLOTS` seconds: far plans are sparse anyway, and the
 * memory stays fixed.
 */
const SLOTS = 4096;
/** In wide windows so many seconds are looked at, at an even stride; enough to keep them level. */
const MOST_LOOKS = 96;
const FULL = 0xffff;

export class RefreshSlots {
  readonly #planned = new Uint16Array(SLOTS);
  /** The second that `earliestBelow` gave last: those before it are full. */
  #frontier = 0;

  /** Refreshes planned for that second of the monotonic clock (and those that alias with it). */
  at(second: number): number {
    return this.#planned[second % SLOTS] as number;
  }

  add(second: number): void {
    const slot = second % SLOTS;
    const count = this.#planned[slot] as number;
    if (count < FULL) this.#planned[slot] = count + 1;
  }

  /** The earliest second in [first, last] with fewer than `level` refreshes, if there is one. */
  earliestBelow(level: number, first: number, last: number): number | undefined {
    const begin = this.#frontier > last ? first : Math.max(first, this.#frontier);
    for (let second = begin; second <= last; second += 1) {
      if (this.at(second) >= level) continue;
      this.#frontier = second;
      return second;
    }
    return undefined;
  }

  /** What `add` counted for that second is over or no longer wanted. */
  drop(second: number): void {
    const slot = second % SLOTS;
    const count = this.#planned[slot] as number;
    if (count > 0) this.#planned[slot] = count - 1;
  }
}

/**
 * The emptiest second in [first, last]: first by the registrar's own counter (undefined: it has too
 * few registrations to keep one), then by the overall one. `fraction` in [0, 1) chooses where the
 * search begins, so that equals are taken evenly.
 */
export function emptiestSecond(
  first: number,
  last: number,
  fraction: number,
  counters: { readonly registrar: RefreshSlots | undefined; readonly overall: RefreshSlots },
): number {
  const width = Math.max(1, last - first + 1);
  const looks = Math.min(width, MOST_LOOKS);
  const stride = width / looks;
  const start = Math.floor(fraction * width);
  let best = first;
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < looks; look += 1) {
    const second = first + ((start + Math.floor(look * stride)) % width);
    const own = counters.registrar?.at(second) ?? 0;
    const load = own * (FULL + 1) + counters.overall.at(second);
    if (load < least) {
      best = second;
      least = load;
      if (load === 0) break;
    }
  }
  return best;
}
