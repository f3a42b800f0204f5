import { describe, expect, it } from 'vitest';
import {
  attemptTimeoutMs,
  retryAfterMs,
  retryAfterOwnFaultMs,
  retryRejectedMs,
  retryWithBindingMs,
  retryWithoutBindingMs,
} from '../../../../src/core/registration/backoff.ts';

const chance = (fraction: number) => ({ fraction: () => fraction, hex: () => '' });
const LOWEST = chance(0);
const HIGHEST = chance(0.999_999_999);

describe('while a binding lives', () => {
  it.each([
    [1, 2_000],
    [2, 4_000],
    [3, 8_000],
    [8, 256_000],
    [9, 300_000],
    [100, 300_000],
  ])('after %i failures at most %i ms, by full jitter', (failures, most) => {
    expect(retryWithBindingMs(failures, 3_600_000, HIGHEST)).toBeCloseTo(most, 0);
    expect(retryWithBindingMs(failures, 3_600_000, LOWEST)).toBe(500);
    expect(retryWithBindingMs(failures, 3_600_000, chance(0.5))).toBeCloseTo(most / 2, 0);
  });

  it('is never later than half of what remains, down to half a second', () => {
    expect(retryWithBindingMs(9, 60_000, HIGHEST)).toBe(30_000);
    expect(retryWithBindingMs(9, 3_000, HIGHEST)).toBe(1_500);
    expect(retryWithBindingMs(9, 100, HIGHEST)).toBe(500);
  });
});

it.each([
  [1, 15_000, 30_000],
  [2, 30_000, 60_000],
  [3, 60_000, 120_000],
  [7, 900_000, 1_800_000],
  [50, 900_000, 1_800_000],
])('without a binding, after %i failures between %i and %i ms', (failures, least, most) => {
  expect(retryWithoutBindingMs(failures, LOWEST)).toBe(least);
  expect(retryWithoutBindingMs(failures, HIGHEST)).toBeCloseTo(most, 0);
});

it.each([
  ['rejected', 1, 60_000],
  ['rejected', 2, 300_000],
  ['rejected', 3, 1_800_000],
  ['rejected', 30, 1_800_000],
  ['config', 1, 300_000],
  ['config', 2, 1_800_000],
  ['config', 3, 1_800_000],
] as const)('%s: refusal %i waits %i ms, and at most a tenth more', (kind, refusals, wait) => {
  expect(retryRejectedMs(refusals, kind, LOWEST)).toBe(wait);
  expect(retryRejectedMs(refusals, kind, HIGHEST)).toBeCloseTo(wait * 1.1, 0);
});

it.each([
  [0, 1_000],
  [3, 3_000],
  [3_600, 3_600_000],
  [4_294_967_295, 3_600_000],
])('Retry-After %i s is %i ms, within [1 s, 1 h]', (seconds, wait) => {
  expect(retryAfterMs(seconds, LOWEST)).toBe(wait);
  // Up to a tenth later, so that a crowd that was sent away disperses.
  const latest = Math.min(3_600_000, 1.1 * wait);
  expect(retryAfterMs(seconds, HIGHEST)).toBeCloseTo(latest, 1);
});

it.each([
  [360_000, 400_000, 32_000],
  [90_000, 150_000, 30_000],
  [90_000, 60_000, 20_000],
  [90_000, 9_000, 3_000],
  [30_000, 36_000, 10_000],
  [10_000, 12_000, 3_333],
  [10_000, 1_000, 2_000],
  [500, 600, 2_000],
])(
  'with a margin of %i ms, %i ms before the end, a request may stay unanswered for %i ms',
  (marginMs, remainingMs, timeout) => {
    expect(attemptTimeoutMs({ marginMs, remainingMs })).toBeCloseTo(timeout, -1);
  },
);

it.each([
  [90_000, 150_000, 30_000],
  [90_000, 9_000, 9_000],
  [30_000, 36_000, 10_000],
  [10_000, 1_000, 9_000],
])(
  'nor is it given up before a target that takes 9 s can answer: %i ms, %i ms, %i ms',
  (...row) => {
    const [marginMs, remainingMs, timeout] = row;
    expect(attemptTimeoutMs({ marginMs, remainingMs }, 9_000)).toBeCloseTo(timeout, -1);
  },
);

it.each([
  [0, undefined, 2_000],
  [10_000, undefined, 5_000],
  [3_600_000, undefined, 60_000],
  [60_000, 400_000, 30_000],
  [60_000, 8_000, 4_000],
  [60_000, 200, 500],
])(
  'in a trouble of our own that lasts for %i ms, with %s ms of the binding left, the next try is in %i ms at most',
  (lastedMs, remainingMs, wait) => {
    expect(retryAfterOwnFaultMs(lastedMs, remainingMs, HIGHEST)).toBeCloseTo(wait, -1);
    const least = retryAfterOwnFaultMs(lastedMs, remainingMs, LOWEST);
    expect(least).toBeGreaterThanOrEqual(wait / 2);
    expect(least).toBeLessThanOrEqual(wait);
  },
);

it('without a binding a request may stay unanswered for 64 x T1', () => {
  expect(attemptTimeoutMs(undefined)).toBe(32_000);
});
