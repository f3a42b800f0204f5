/**
 * The promise of a month (reliability.md 4.7, SOAK-01): every hour one fault, every day one outage, and
 * no binding lapses but where no path lived, by the registrars' own books; see support/sim/lifeline.ts
 * for what that means. Each failure says its seed; TRUNKD_TEST_SEED runs it again.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { instant } from '../../src/core/base/instant.ts';
import { heldHeapBytes } from '../support/heap.ts';
import { isFullSize, seeds } from '../support/scale.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { planFaults } from '../support/sim/faults.ts';
import { Month } from '../support/sim/month.ts';

const DAYS = 30;
const COUNT = isFullSize ? 5_000 : 500;
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

describe('steps of the wall clock', () => {
  const COUNT_HERE = 60;
  const HOURS = [1, -1, 720, -24];

  /** Everything that leaves in four hours, with its time; and how wrong what is shown was, at worst. */
  function fourHours(steps: readonly number[]): { wire: string; worstMs: number } {
    const month = new Month(7, COUNT_HERE);
    const wire = createHash('sha256');
    const { tap } = month.network;
    month.network.tap = (text, server) => {
      wire.update(`${month.time.elapsedMs} ${server} ${text}`);
      tap?.(text, server);
    };
    let worstMs = 0;
    for (const hours of steps) {
      month.run(60);
      month.wallJumpMs += hours * 3_600_000;
      for (const { state } of month.witness.entries.values()) {
        const remainingMs = (state.boundUntil ?? 0) - month.time.daemonClock.now();
        const shownMs =
          month.wallClock.wallMs(state.boundUntil ?? instant(0)) - month.wallClock.nowMs();
        worstMs = Math.max(worstMs, Math.abs(shownMs - remainingMs));
      }
    }
    expect(month.problems()).toEqual([]);
    return { wire: wire.digest('hex'), worstMs };
  }

  it('change nothing on the wire, and what is shown follows them', () => {
    const stepped = fourHours(HOURS);
    expect(stepped.wire).toBe(fourHours(HOURS.map(() => 0)).wire);
    expect(stepped.worstMs).toBeLessThan(2);
  });
});
