/**
 * The promise of a month (reliability.md 4.7, SOAK-01): every hour one fault, every day one outage, and
 * no binding lapses but where no path lived, by the registrars' own books; see support/sim/lifeline.ts
 * for what that means. Each failure says its seed; TRUNKD_TEST_SEED runs it again.
 */
import { describe, expect, it } from 'vitest';
import { heldHeapBytes } from '../support/heap.ts';
import { isFullSize, seeds } from '../support/scale.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { planFaults } from '../support/sim/faults.ts';
import { Month } from '../support/sim/month.ts';

const DAYS = 30;
const COUNT = isFullSize ? 5_000 : 300;
const MINUTES_A_DAY = 1_440;
/** Tables of the simulated world that fill up over some days, and code that is compiled when it is first used. */
const SLACK_BYTES = 2_000_000;

describe.each(seeds(1))('thirty days with all faults, seed %i', (seed) => {
  it(`${COUNT} registrations lapse only where no path lives, and the memory stays`, {
    timeout: 3_600_000,
  }, () => {
    const month = new Month(seed, COUNT);
    planFaults(month, new SeededRandom(seed + 5), DAYS);
    let afterOneDay = 0;
    for (let day = 0; day < DAYS; day += 1) {
      month.run(MINUTES_A_DAY);
      expect(month.problems(), `day ${day}`).toEqual([]);
      if (day === 0) afterOneDay = heldHeapBytes();
    }
    expect(heldHeapBytes()).toBeLessThan(afterOneDay * 1.02 + SLACK_BYTES);
    // It was a month, and not for nothing.
    expect(month.books.binds).toBeGreaterThan(COUNT * DAYS * 25);
    expect(month.books.lapses).toBeGreaterThan(0);
    expect(month.witness.entries.size).toBe(COUNT + 2);
    expect(month.daemon.keeper.stuck).toBe(0);
  });
});
