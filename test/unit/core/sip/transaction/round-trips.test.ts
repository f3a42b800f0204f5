import { describe, expect, it } from 'vitest';
import { RoundTrips } from '../../../../../src/core/sip/transaction/round-trips.ts';

const TARGET = 'udp:192.0.2.1:5060';
const LONG_MS = 32_000;

/** Measurements in order: `[ms, wasRepeated]`. */
function tripsAfter(...measured: readonly (readonly [number, boolean])[]): RoundTrips {
  const trips = new RoundTrips();
  for (const [ms, wasRepeated] of measured) trips.measured(TARGET, ms, wasRepeated);
  return trips;
}

const clean = (ms: number) => [ms, false] as const;
const repeated = (ms: number) => [ms, true] as const;

describe('T1 by the round trip', () => {
  it.each([
    ['nothing known', [], 500],
    ['quick answers', [clean(20), clean(400)], 500],
    ['an answer after a copy holds T1 at what it took', [repeated(2_000)], 2_000],
    ['in steps upwards', [repeated(1_001)], 1_250],
    ['never above T2', [repeated(9_000)], 4_000],
    ['a clean measurement ends the back-off: R + 4 x R/2', [repeated(3_900), clean(700)], 2_250],
    ['as quick a one proves that a copy was lost', [repeated(3_500), clean(40)], 500],
    ['a steady second', [repeated(1_000), ...Array(40).fill(clean(1_000))], 1_250],
  ] as const)('%s', (_, measured, t1Ms) => {
    expect(tripsAfter(...measured).t1Ms(TARGET, LONG_MS)).toBe(t1Ms);
  });

  it('comes down again when the path is quick again, and then nothing is kept', () => {
    const trips = tripsAfter(repeated(3_000), ...Array(20).fill(clean(3_000)));
    expect(trips.t1Ms(TARGET, LONG_MS)).toBeGreaterThan(3_000);
    for (let i = 0; i < 40; i += 1) trips.measured(TARGET, 30, false);
    expect(trips.t1Ms(TARGET, LONG_MS)).toBe(500);
    expect(trips.size).toBe(0);
  });

  it('leaves several sendings to a request that is given up soon', () => {
    const trips = tripsAfter(repeated(9_000));
    expect(trips.t1Ms(TARGET, 8_000)).toBe(2_000);
    expect(trips.t1Ms(TARGET, 4_000)).toBe(1_000);
    expect(trips.t1Ms(TARGET, 1_000)).toBe(500);
  });

  it('says within what time answers come, beyond T2 too', () => {
    expect(tripsAfter(repeated(9_000)).answerMs(TARGET)).toBe(9_000);
    expect(tripsAfter(repeated(31_000)).answerMs(TARGET)).toBe(16_000);
    expect(tripsAfter(clean(5_000)).answerMs(TARGET)).toBe(15_000);
    expect(tripsAfter(clean(50)).answerMs(TARGET)).toBe(0);
  });

  it('keeps nothing of quick targets, and not more than 10,000 slow ones', () => {
    const trips = new RoundTrips();
    for (let i = 0; i < 20_000; i += 1) trips.measured(`quick${i}`, 400, i % 2 === 0);
    expect(trips.size).toBe(0);
    for (let i = 0; i < 20_000; i += 1) trips.measured(`slow${i}`, 2_000, true);
    expect(trips.size).toBe(10_000);
    expect(trips.t1Ms('slow0', LONG_MS)).toBe(500);
    expect(trips.t1Ms('slow19999', LONG_MS)).toBe(2_000);
  });
});
