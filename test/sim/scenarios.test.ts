/**
 * Scenarios that broke other programs, one test each, where no other test plays them; test/scenarios.json
 * names the test of each.
 */
import { expect, it } from 'vitest';
import { fault } from '../../src/core/base/fault.ts';
import { Secret } from '../../src/core/base/secret.ts';
import type { RegistrationSpec } from '../../src/core/registration/spec.ts';
import { smallestBurst } from '../support/rate-limit.ts';
import { aFlow } from '../support/registration/answers.ts';
import { aProfile, aRegistration, Rig } from '../support/registration/rig.ts';
import { granted } from '../support/registration/scripted-user-agent.ts';
import { seeds } from '../support/scale.ts';
import { World } from '../support/sim/world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const PACING = { perTarget: 6, burst: 3, max: 6 };

it.each(seeds(1))('60 s are granted of 3,600: refreshed before 50 s, seed %i', (seed) => {
  const world = new World(seed, PACING, { maxExpiresSec: 60 });
  const { registrar } = world;
  let renewals = 0;
  let leastLeftMs = Number.POSITIVE_INFINITY;
  registrar.onRenewed = (_aor, leftMs) => {
    renewals += 1;
    leastLeftMs = Math.min(leastLeftMs, leftMs);
  };
  world.register(50, 3600);
  world.time.run(HOUR_MS);
  registrar.close();
  expect(registrar.lapses).toEqual([]);
  expect(leastLeftMs).toBeGreaterThan(10_000);
  // And not more often than that needs: half of what is granted, less a tenth.
  expect(renewals).toBeGreaterThan(50 * 55);
  expect(renewals).toBeLessThan((50 * 3600) / 22);
});

it.each([
  ['one alone, which has no canary', 1, 30 * MINUTE_MS],
  ['a crowd', 300, 2 * MINUTE_MS],
] as const)('no answer for two hours, then back: %s', (_, count, backWithinMs) => {
  const rig = new Rig({ pacing: PACING });
  rig.add(count, { expiresSec: 3600 });
  rig.time.run(10 * MINUTE_MS);
  rig.userAgent.script = () => 'silence';
  rig.time.run(2 * HOUR_MS);
  expect(rig.counted('waiting')).toBe(count);
  rig.userAgent.script = (call) => granted(call, 3600);
  rig.time.run(backWithinMs);
  expect(rig.counted('registered')).toBe(count);
});

it('403 for 500 accounts at once: a fifth of them is asked, then one canary at a time', () => {
  const rig = new Rig({ pacing: PACING });
  rig.userAgent.script = () => ({ status: 403, requests: 2 });
  rig.add(500);
  rig.time.run(2 * MINUTE_MS);
  const budget = rig.userAgent.count;
  // 100 accounts, two requests each, and those that were under way.
  expect(budget).toBeLessThanOrEqual(2 * 105);
  expect(rig.notices()).toEqual(['registrar.lockoutGuard']);
  rig.time.run(HOUR_MS);
  expect(rig.userAgent.count - budget).toBeLessThanOrEqual(2 * 4);
  for (const id of rig.keeper.ids()) {
    expect(rig.inMs(rig.of(id).nextAttemptAt), id).toBeLessThanOrEqual(30 * MINUTE_MS);
  }
});

it('2,000 accounts on one TLS connection that drops: all come back, in the pace', () => {
  const rig = new Rig({ pacing: PACING });
  rig.userAgent.protocol = 'tls';
  const flow = aFlow('tls');
  rig.userAgent.flow = flow;
  rig.add(2_000, { expiresSec: 3600 });
  rig.time.run(10 * MINUTE_MS);
  expect(rig.counted('registered')).toBe(2_000);
  rig.userAgent.calls.length = 0;
  rig.userAgent.flow = aFlow('tls');
  rig.keeper.flowLost(flow, fault('transport.closed', 'peer'));
  rig.time.run(6 * MINUTE_MS);
  const times = rig.userAgent.calls.map(({ at }) => at);
  expect(new Set(rig.userAgent.calls.map(({ user }) => user)).size).toBe(2_000);
  expect(times.length).toBeLessThanOrEqual(2_010);
  expect(smallestBurst(times, PACING.perTarget)).toBeLessThanOrEqual(PACING.burst + 1e-6);
  expect(rig.notices()).toEqual(['target.connectionLost']);
  for (const id of rig.keeper.ids()) expect(rig.of(id).counters.lapses).toBe(0);
});

it('a reload that changes one password of 5,000 sends one REGISTER', () => {
  const rig = new Rig({ pacing: { perTarget: 100, burst: 10, max: 100 } });
  const profile = aProfile({ expiresSec: 3600 });
  const specs = Array.from({ length: 5_000 }, (_, index) => aRegistration(`u${index}`, profile));
  for (const spec of specs) rig.keeper.add(spec);
  rig.time.run(60_000);
  expect(rig.counted('registered')).toBe(5_000);
  const before = new Map(specs.map(({ id }) => [id, rig.of(id).nextAttemptAt]));
  rig.userAgent.calls.length = 0;
  const [spec] = specs.slice(1234) as [RegistrationSpec];
  const credentials = { ...spec.credentials, password: new Secret('another') };
  rig.keeper.change({ ...spec, credentials });
  rig.time.run(10_000);
  expect(rig.userAgent.calls.map(({ user }) => user)).toEqual(['u1234']);
  for (const { id } of specs) {
    if (id !== spec.id) expect(rig.of(id).nextAttemptAt).toBe(before.get(id));
  }
});

it('the process stands still for ten minutes: what fell due or ran out follows in the pace', () => {
  const rig = new Rig({ pacing: PACING });
  rig.add(200, { expiresSec: 3600 }, 'long');
  rig.add(200, { expiresSec: 600 }, 'short');
  rig.time.run(10 * MINUTE_MS);
  expect(rig.counted('registered')).toBe(400);
  rig.userAgent.calls.length = 0;
  rig.time.stall(10 * MINUTE_MS);
  rig.time.run(2 * MINUTE_MS);
  const times = rig.userAgent.calls.map(({ at }) => at);
  expect(smallestBurst(times, PACING.perTarget)).toBeLessThanOrEqual(PACING.burst + 1e-6);
  expect(rig.counted('registered')).toBe(400);
  // Who still had time waits for it: nobody is asked twice, and those of an hour hardly at all.
  const asked = rig.userAgent.calls.map(({ user }) => user);
  expect(new Set(asked).size).toBe(asked.length);
  expect(asked.filter((user) => user.startsWith('short')).length).toBe(200);
  expect(asked.filter((user) => user.startsWith('long')).length).toBeLessThan(120);
  expect(rig.keeper.stuck).toBe(0);
  expect(rig.userAgent.violations).toEqual([]);
});

it('a stop while a REGISTER is open, and a removal that is challenged: over within 4 s', () => {
  const rig = new Rig();
  rig.userAgent.script = (call) => granted(call, call.expiresSec);
  rig.add(5);
  rig.time.run(10_000);
  expect(rig.counted('registered')).toBe(5);
  // One is asked and does not answer yet; every removal gets a challenge first.
  rig.userAgent.script = (call) =>
    call.expiresSec === 0 ? { status: 200, requests: 2, delayMs: 1_000 } : 'silence';
  rig.keeper.registerNow('u0');
  rig.time.run(1_000);
  expect(rig.userAgent.isOpen('u0')).toBe(true);
  let tookMs: number | undefined;
  const begin = rig.time.elapsedMs;
  rig.keeper.stop(true, () => {
    tookMs = rig.time.elapsedMs - begin;
  });
  rig.time.run(MINUTE_MS);
  expect(tookMs).toBeLessThanOrEqual(4_000);
  const removed = rig.userAgent.calls.filter(({ expiresSec }) => expiresSec === 0);
  expect(new Set(removed.map(({ user }) => user)).size).toBe(5);
  expect(rig.userAgent.violations).toEqual([]);
});
