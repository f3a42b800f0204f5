/**
 * A registrar whose answers take seconds, over UDP, at the default pace: copies of requests stop once its round
 * trip is known (T1, RFC 3261 section 17.1.1.1), and no binding lapses.
 */
import { expect, it } from 'vitest';
import { scaled, seeds } from '../support/scale.ts';
import { World } from '../support/sim/world.ts';

const MINUTE_MS = 60_000;
const PACING = { perTarget: 6, burst: 3, max: 6 };

interface Case {
  readonly count: number;
  readonly expiresSec: number;
  /** One way. */
  readonly delayMs: readonly [number, number];
  readonly loss?: number;
  /** How often each request is sent, at most. */
  readonly mostSendings: number;
}

const [seed = 1] = seeds(1);

it.each<Case>([
  { count: 2_500, expiresSec: 3600, delayMs: [1_000, 1_500], mostSendings: 1.05 },
  { count: 5_000, expiresSec: 3600, delayMs: [1_000, 4_500], mostSendings: 2.2 },
  { count: 2_500, expiresSec: 3600, delayMs: [1_000, 2_000], loss: 0.1, mostSendings: 1.5 },
  { count: 400, expiresSec: 600, delayMs: [1_000, 4_500], mostSendings: 2.2 },
  { count: 3, expiresSec: 60, delayMs: [1_000, 2_500], mostSendings: 2.3 },
])('$count of $expiresSec s, $delayMs ms each way: no lapse', (one) => {
  const { count, expiresSec, delayMs, loss = 0, mostSendings } = one;
  const world = new World(seed, PACING);
  const { registrar, network, time } = world;
  world.register(count, expiresSec);
  time.run(60 * MINUTE_MS);
  expect(registrar.bindings.size).toBe(count);
  registrar.lapses.length = 0;
  Object.assign(network.weather, { delayMs, loss });
  // It is found out, and the copies of that are worked off.
  time.run(2 * MINUTE_MS);
  const arrived = registrar.arrivalsMs.length;
  const { resends } = world.stack.transactions;
  time.run(scaled(600) * MINUTE_MS);
  registrar.close();
  expect(registrar.lapses).toEqual([]);
  expect(registrar.bindings.size).toBe(count);
  const sent = registrar.arrivalsMs.length - arrived;
  const copies = world.stack.transactions.resends - resends;
  expect(sent / (sent - copies)).toBeLessThan(mostSendings);
});
