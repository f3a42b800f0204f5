/** Drawing from a seeded generator, and stating what has to hold without the cost of a test library. */
import { SeededRandom } from '../seeded-random.ts';

export class Draw {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.#random.fraction() * count);
  }

  isOneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(from: readonly T[]): T {
    const one = from[this.below(from.length)];
    if (one === undefined) throw new Error('nothing to pick from');
    return one;
  }
}

/** Throws with that text where it does not hold. */
export function hold(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new Error(`does not hold: ${what}`);
}

export function holdSame(is: unknown, wanted: unknown, what: string): void {
  if (is !== wanted) {
    throw new Error(`${what}: ${JSON.stringify(is)} instead of ${JSON.stringify(wanted)}`);
  }
}
