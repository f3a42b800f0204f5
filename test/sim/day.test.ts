import { describe, expect, it } from 'vitest';
import { smallestBurst } from '../support/rate-limit.ts';
import { isFullSize, seeds } from '../support/scale.ts';
import { World } from '../support/sim/world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const PACING = { perTarget: 6, burst: 3, max: 6 };

/** Checked each virtual minute: reliability's invariants I1 and I8, seen from outside. */
function expectSound(world: World, count: number): void {
  expect(world.keeper.stuck).toBe(0);
  let sum = 0;
  for (const states of world.keeper.counts().values()) {
    for (const number of Object.values(states)) sum += number;
  }
  expect(sum).toBe(count);
}

describe.each(seeds(isFullSize ? 5 : 1))(
  'a day with a twentieth lost each way, seed %i',
  (seed) => {
    it('1,000 registrations never lapse, 100 healthy peers are never disabled', () => {
      const count = 1000;
      const world = new World(seed, PACING);
      world.network.weather.loss = 0.05;
      world.network.weather.duplicated = 0.01;
      world.register(count, 3600);
      world.probe(100, 30_000);
      world.time.run(10 * MINUTE_MS);
      expect(world.registrar.bindings.size).toBe(count);
      for (let minute = 10; minute < 24 * 60; minute += 1) {
        world.time.run(MINUTE_MS);
        expectSound(world, count);
      }
      world.registrar.close();
      expect(world.registrar.lapses).toEqual([]);
      expect(world.registrar.violations).toEqual([]);
      expect(world.registrar.bindings.size).toBe(count);
      // A refresh is one request, and two where the nonce has aged: a nonce lives for 7,200 s, which is
      // two refreshes and a half. Loss and copies add a tenth.
      const refreshes = (24 * 3600) / (3600 - 360 - 180);
      const arrivals = world.registrar.arrivalsMs;
      expect(arrivals.length).toBeGreaterThan(count * refreshes * 0.9);
      expect(arrivals.length).toBeLessThan(count * refreshes * 1.4 * 1.1);
      // What arrives is what left us, shifted by at most 35 ms of delay, with a copy now and then.
      const { perTarget, burst } = PACING;
      expect(smallestBurst(arrivals, perTarget)).toBeLessThanOrEqual(burst + 3);
      const down = world.healthEvents.filter(
        (event) => event.type === 'peerServer.changed' && !event.enabled,
      );
      expect(down).toEqual([]);
      for (const id of world.prober.peerServers()) {
        expect(world.prober.peerServer(id)?.state).toBe('up');
      }
    });
  },
);

describe.each(seeds(3))('outages, seed %i', (seed) => {
  it('a silent registrar is asked by a canary only, and everybody comes back in time', () => {
    const count = 1000;
    const world = new World(seed, { perTarget: 50, burst: 10, max: 50 });
    world.register(count, 600);
    world.time.run(10 * MINUTE_MS);
    expect(world.registrar.bindings.size).toBe(count);
    world.registrar.isSilent = true;
    const before = [...world.network.sentTo.values()].reduce((a, b) => a + b, 0);
    // Shorter than the margin that every refresh keeps (90 s of 600 s).
    world.time.run(60_000);
    const during = [...world.network.sentTo.values()].reduce((a, b) => a + b, 0) - before;
    expect(during).toBeLessThan(60 * 2 + 60);
    world.registrar.isSilent = false;
    world.registrar.arrivalsMs.length = 0;
    world.time.run(20 * MINUTE_MS);
    world.registrar.close();
    expect(world.registrar.lapses).toEqual([]);
    expect(smallestBurst(world.registrar.arrivalsMs, 50)).toBeLessThanOrEqual(10 + 3);
    expectSound(world, count);
  });

  it('a registrar that forgets everything gets everybody back, within the rate', () => {
    const count = 500;
    const world = new World(seed, { perTarget: 50, burst: 10, max: 50 });
    world.register(count, 300);
    world.time.run(5 * MINUTE_MS);
    world.registrar.restart();
    world.registrar.isSilent = true;
    world.time.run(10 * MINUTE_MS);
    world.registrar.isSilent = false;
    world.registrar.arrivalsMs.length = 0;
    world.time.run(5 * MINUTE_MS);
    expect(world.registrar.bindings.size).toBe(count);
    expect(smallestBurst(world.registrar.arrivalsMs, 50)).toBeLessThanOrEqual(10 + 3);
    world.time.run(HOUR_MS);
    world.registrar.close();
    expect(world.registrar.lapses.filter(({ atMs }) => atMs > 25 * MINUTE_MS)).toEqual([]);
    expectSound(world, count);
  });

  it('a peer that dies is disabled in time, and enabled again when it returns', () => {
    const world = new World(seed, PACING);
    world.probe(20, 10_000);
    world.time.run(MINUTE_MS);
    const [peer] = world.peers;
    if (peer === undefined) throw new Error('no peer');
    peer.status = undefined;
    world.time.run(18_000);
    expect(world.prober.peerServer('pool/peer0')?.enabled).toBe(false);
    expect(world.prober.contract('pool')?.enabled).toBe('some');
    peer.status = '200 OK';
    world.time.run(6000);
    expect(world.prober.peerServer('pool/peer0')?.enabled).toBe(true);
    expect(world.prober.contract('pool')?.enabled).toBe('all');
  });

  it('a link of ours that is down blames no peer and loses no state', () => {
    const world = new World(seed, PACING);
    world.probe(20, 10_000);
    world.register(50, 3600);
    world.time.run(MINUTE_MS);
    world.network.localFault = {
      code: 'transport.local',
      blame: 'local',
      text: 'Our own machine could not send: ENETUNREACH.',
    };
    world.time.run(5 * MINUTE_MS);
    for (const id of world.prober.peerServers()) {
      expect(world.prober.peerServer(id)?.enabled).toBe(true);
    }
    world.network.localFault = undefined;
    world.time.run(5 * MINUTE_MS);
    for (const id of world.prober.peerServers()) {
      expect(world.prober.peerServer(id)?.state).toBe('up');
    }
    expect(world.registrar.bindings.size).toBe(50);
    expectSound(world, 50);
  });
});
