import { describe, expect, it } from 'vitest';
import { type Instant, instant } from '../../../../src/core/base/instant.ts';
import {
  marginMs,
  refreshAt,
  refreshPeriodSec,
  refreshWindow,
} from '../../../../src/core/registration/refresh.ts';
import { RefreshSlots } from '../../../../src/core/registration/refresh-slots.ts';
import { SeededRandom } from '../../../support/seeded-random.ts';

it.each([
  [3600, 360_000],
  [900, 90_000],
  [600, 90_000],
  [180, 90_000],
  [60, 30_000],
  [10, 5_000],
  [1, 500],
])('a grant of %i s keeps a margin of %i ms', (granted, margin) => {
  expect(marginMs(granted)).toBe(margin);
});

describe('the window of the refresh', () => {
  const sentAt = instant(50_000);
  const within = (granted: number, spread: boolean) => {
    const { earliest, latest } = refreshWindow(sentAt, granted, spread);
    return [(earliest - sentAt) / 1000, (latest - sentAt) / 1000];
  };

  it.each([
    [3600, 2880, 3240],
    [600, 450, 510],
    [60, 24, 30],
    [20, 8, 10],
    // Not more than one refresh in 5 s, unless the grant forces it.
    [10, 5, 5],
    [6, 3, 3],
    [1, 1, 1],
  ])('of a grant of %i s lies between %f and %f s after the sending', (granted, from, to) => {
    expect(within(granted, false)).toEqual([from, to]);
  });

  it.each([
    [3600, 720, 3240],
    [600, 120, 510],
    [60, 12, 30],
    [20, 5, 10],
    [10, 5, 5],
  ])('of many grants of %i s at once between %f and %f s', (granted, from, to) => {
    expect(within(granted, true)).toEqual([from, to]);
  });
});

/** Plans `count` bindings, all made within `overMs`, and counts what falls into each second. */
function planMany(count: number, granted: number, overMs: number, own: boolean) {
  const random = new SeededRandom(7);
  const overall = new RefreshSlots();
  const registrar = own ? new RefreshSlots() : undefined;
  const seconds = new Map<number, number>();
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const sentAt = instant(10_000_123 + (overMs * index) / count);
    const chance = { slot: random.fraction(), within: random.fraction() };
    const window = refreshWindow(sentAt, granted, true);
    const perSec = count / refreshPeriodSec(granted);
    const at = refreshAt(window, sentAt, chance, { registrar, overall, perSec });
    expect(at).toBeGreaterThanOrEqual(Math.floor(window.earliest));
    expect(at).toBeLessThanOrEqual(window.latest);
    const second = Math.floor(at / 1000);
    overall.add(second);
    registrar?.add(second);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
    times.push(at);
  }
  return { seconds, times };
}

/** Refreshes in each second after `count` bindings were made at so many a second. */
function roundsOf(count: number, grantedSec: number, madePerSec: number): readonly number[] {
  const random = new SeededRandom(3);
  const registrar = new RefreshSlots();
  const overall = new RefreshSlots();
  const perSec = count / refreshPeriodSec(grantedSec);
  const lastMs = 180_000;
  const due: number[] = new Array<number>(lastMs).fill(0);
  const rounds: number[] = new Array<number>(lastMs / 1000).fill(0);
  const plan = (ms: number, spread: boolean): void => {
    const window = refreshWindow(instant(ms), grantedSec, spread);
    const chance = { slot: random.fraction(), within: random.fraction() };
    const at = refreshAt(window, instant(ms), chance, { registrar, overall, perSec });
    registrar.add(Math.floor(at / 1000));
    overall.add(Math.floor(at / 1000));
    if (at < lastMs) due[at] = (due[at] ?? 0) + 1;
  };
  for (let made = 0; made < count; made += 1) plan((made * 1000) / madePerSec, true);
  for (let ms = 0; ms < lastMs; ms += 1) {
    const second = Math.floor(ms / 1000);
    for (let left = due[ms] ?? 0; left > 0; left -= 1) {
      rounds[second] = (rounds[second] ?? 0) + 1;
      registrar.drop(second);
      overall.drop(second);
      plan(ms, false);
    }
  }
  return rounds;
}

describe('the emptiest second', () => {
  it.each([
    [10_000, 600, 5_000],
    [10_000, 3600, 20_000],
    [5_000, 30, 2_000],
    [50_000, 60, 6_000],
  ])('keeps %i bindings of %i s level: no second above 1.2 of the mean', (count, granted, over) => {
    const { seconds, times } = planMany(count, granted, over, true);
    const lengthSec = (Math.max(...times) - Math.min(...times)) / 1000;
    expect(Math.max(...seconds.values())).toBeLessThanOrEqual((1.2 * count) / lengthSec + 1);
  });

  it('keeps rounds level that follow a quick start', () => {
    const rounds = roundsOf(6_000, 60, 750);
    // The first round lies in [12 s, 38 s], and whatever comes later is none of its echo.
    const later = rounds.filter((_, second) => second >= 60 && second < 170);
    const mean = later.reduce((sum, count) => sum + count, 0) / later.length;
    expect(mean / (6_000 / refreshPeriodSec(60))).toBeGreaterThan(0.9);
    expect(mean / (6_000 / refreshPeriodSec(60))).toBeLessThan(1.1);
    expect(Math.max(...later)).toBeLessThanOrEqual(1.2 * mean);
  });

  it('is found by the overall slots too, where a registrar keeps none', () => {
    const { seconds } = planMany(1_000, 600, 1_000, false);
    expect(Math.max(...seconds.values())).toBeLessThanOrEqual(4);
  });

  it('forgets what is over', () => {
    const slots = new RefreshSlots();
    slots.add(5);
    slots.add(5);
    slots.drop(5);
    expect(slots.at(5)).toBe(1);
    slots.drop(5);
    slots.drop(5);
    expect(slots.at(5)).toBe(0);
  });

  it('never plans for the past', () => {
    const window = refreshWindow(instant(0), 60, false);
    const late = instant(45_500) as Instant;
    const counters = { registrar: undefined, overall: new RefreshSlots(), perSec: 1 };
    expect(refreshAt(window, late, { slot: 0.9, within: 0.9 }, counters)).toBe(45_500);
  });
});
