/** The pace towards a target follows what it says of its load: the whole stack, judged by what arrives there. */
import { expect, it } from 'vitest';
import { seeds } from '../support/scale.ts';
import type { SimServer } from '../support/sim/network.ts';
import { REGISTRAR, World } from '../support/sim/world.ts';

const [seed = 1] = seeds(1);

/** How many REGISTERs arrived each second, between two moments. */
function perSec({ registrar }: World, fromMs: number, toMs: number): number {
  const count = registrar.arrivalsMs.filter((at) => at >= fromMs && at < toMs).length;
  return (count * 1000) / (toMs - fromMs);
}

it('grows to `max` while answers are quick, and no further', () => {
  const world = new World(seed, { perTarget: 6, burst: 3, max: 12 });
  world.register(2_000, 3600);
  world.time.run(240_000);
  expect(perSec(world, 0, 10_000)).toBeLessThan(7);
  expect(perSec(world, 120_000, 240_000)).toBeGreaterThan(11);
  expect(perSec(world, 120_000, 240_000)).toBeLessThan(12.2);
});

it('does not grow while answers are slow', () => {
  const world = new World(seed, { perTarget: 6, burst: 3, max: 12 });
  world.network.weather.delayMs = [280, 400];
  world.register(2_000, 3600);
  world.time.run(240_000);
  expect(perSec(world, 60_000, 240_000)).toBeGreaterThan(5.5);
  expect(perSec(world, 60_000, 240_000)).toBeLessThan(6.2);
});

it('is halved for a registrar that answers 503 now and then, and comes back', () => {
  const world = new World(seed, { perTarget: 24, burst: 3, max: 24 });
  const busy = new SometimesBusy(world.registrar);
  world.network.place(REGISTRAR, busy);
  world.register(3_000, 3600);
  world.time.run(30_000);
  expect(perSec(world, 10_000, 30_000)).toBeGreaterThan(22);
  busy.isBusy = true;
  world.time.run(30_000);
  busy.isBusy = false;
  // Down to an eighth, and not to nothing.
  expect(perSec(world, 50_000, 60_000)).toBeLessThan(24 / 4);
  expect(perSec(world, 50_000, 60_000)).toBeGreaterThan(24 / 12);
  world.time.run(60_000);
  expect(perSec(world, 100_000, 120_000)).toBeGreaterThan(22);
});

/** While it is busy, each fourth request gets 503: too few in a row for the whole target to be left alone. */
class SometimesBusy implements SimServer {
  isBusy = false;
  readonly #server: SimServer;
  #count = 0;

  constructor(server: SimServer) {
    this.#server = server;
  }

  receive(wire: string, from: string, answer: (wire: string) => void): void {
    this.#count += 1;
    const isRefused = this.isBusy && this.#count % 4 === 0;
    this.#server.receive(wire, from, (reply) =>
      answer(isRefused ? reply.replace(/^SIP\/2\.0 \d+ [^\r]*/, 'SIP/2.0 503 Busy') : reply),
    );
  }
}
