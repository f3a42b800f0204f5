/**
 * What is promised under loss: with a tenth of the datagrams lost each way no binding of 60 s lapses,
 * with three tenths none of 600 s, be it one registration or 500. And a registrar that never answers
 * one transaction in five (one dead machine behind a balancer) costs hardly a binding either.
 */
import { describe, expect, it } from 'vitest';
import { scaled, seeds } from '../support/scale.ts';
import { World } from '../support/sim/world.ts';

const MINUTE_MS = 60_000;
const PACING = { perTarget: 6, burst: 3, max: 6 };

interface Case {
  readonly count: number;
  readonly expiresSec: number;
  readonly minutes: number;
  readonly loss?: number;
  readonly deafShare?: number;
}

function run(seed: number, { count, expiresSec, minutes, loss = 0, deafShare = 0 }: Case): World {
  const world = new World(seed, PACING);
  world.network.weather.loss = loss;
  world.network.weather.duplicated = 0.01;
  world.registrar.deafShare = deafShare;
  world.register(count, expiresSec);
  world.time.run(90 * MINUTE_MS);
  // Where it is deaf to some, one of 500 may fail so often that its next try is half an hour away.
  for (let more = 0; world.registrar.bindings.size < count && more < 4; more += 1) {
    world.time.run(30 * MINUTE_MS);
  }
  expect(world.registrar.bindings.size).toBe(count);
  world.registrar.lapses.length = 0;
  world.time.run(minutes * MINUTE_MS);
  world.registrar.close();
  expect(world.keeper.stuck).toBe(0);
  expect(world.registrar.violations).toEqual([]);
  return world;
}

describe.each(seeds(3))('seed %i', (seed) => {
  it.each([
    { count: 1, expiresSec: 600, loss: 0.3, minutes: scaled(10_000) },
    { count: 3, expiresSec: 600, loss: 0.3, minutes: scaled(10_000) },
    { count: 20, expiresSec: 600, loss: 0.3, minutes: scaled(5_000) },
    { count: 500, expiresSec: 600, loss: 0.3, minutes: scaled(1_000) },
    { count: 1, expiresSec: 60, loss: 0.1, minutes: scaled(5_000) },
    { count: 3, expiresSec: 60, loss: 0.1, minutes: scaled(5_000) },
    { count: 20, expiresSec: 60, loss: 0.1, minutes: scaled(1_000) },
  ])('$count of $expiresSec s, $loss of the datagrams lost each way: no lapse', (one) => {
    const world = run(seed, one);
    expect(world.registrar.lapses).toEqual([]);
    expect(world.registrar.bindings.size).toBe(one.count);
  });

  it.each([
    { count: 1, expiresSec: 600, deafShare: 0.2, minutes: scaled(10_000) },
    { count: 3, expiresSec: 600, deafShare: 0.2, minutes: scaled(10_000) },
    { count: 20, expiresSec: 600, deafShare: 0.2, minutes: scaled(3_000) },
  ])(
    '$count of $expiresSec s, $deafShare of the transactions never answered: one lapse in 5,000 refreshes at most',
    (one) => {
      const world = run(seed, one);
      const refreshes = one.count * (one.minutes / 8.5);
      expect(world.registrar.lapses.length).toBeLessThanOrEqual(Math.floor(refreshes / 5_000));
    },
  );

  it('500 of 600 s, a quarter of the transactions never answered: hardly a lapse, and a short one', () => {
    const minutes = scaled(1_000);
    const world = run(seed, { count: 500, expiresSec: 600, deafShare: 0.25, minutes });
    const refreshes = 500 * (minutes / 8.5);
    expect(world.registrar.lapses.length).toBeLessThan(1 + refreshes / 1_000);
    for (const { goneMs } of world.registrar.lapses) expect(goneMs).toBeLessThan(5 * MINUTE_MS);
  });
});
