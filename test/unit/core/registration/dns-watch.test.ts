/** Features D8: another address in the DNS is noticed before anybody is due. */
import { expect, it } from 'vitest';
import { failure, fault, success } from '../../../../src/core/base/fault.ts';
import { aTarget, Rig } from '../../../support/registration/rig.ts';

const MINUTE_MS = 60_000;

/** 50 that are bound for an hour, by an answer that is good for five minutes. */
function boundRig(): Rig {
  const rig = new Rig();
  rig.ttlMs = 5 * MINUTE_MS;
  rig.add(50, { expiresSec: 3600 });
  rig.time.run(MINUTE_MS);
  expect(rig.counted('registered')).toBe(50);
  rig.userAgent.calls.length = 0;
  return rig;
}

it('a change is told soon after the TTL, long before the next refresh, and once', () => {
  const rig = boundRig();
  rig.targets = success([aTarget('192.0.2.2')]);
  rig.time.run(4.5 * MINUTE_MS);
  expect(rig.notices()).toEqual(['registrar.moved']);
  rig.time.run(4 * MINUTE_MS);
  expect(rig.notices()).toEqual(['registrar.moved']);
  // Nobody is bothered for it: the first refreshes of a start begin after a fifth of the hour.
  expect(rig.userAgent.calls).toEqual([]);
  rig.time.run(60 * MINUTE_MS);
  for (const id of rig.keeper.ids()) {
    expect(rig.of(id)).toMatchObject({ bound: true, target: 'udp:192.0.2.2:5060' });
    expect(rig.of(id).counters.lapses).toBe(0);
  }
});

it('one registrar is asked for once, however many registrations it has, and once a minute at most', () => {
  const rig = boundRig();
  rig.ttlMs = 5_000;
  rig.time.run(5 * MINUTE_MS);
  const before = rig.located;
  rig.time.run(5 * MINUTE_MS);
  expect(rig.userAgent.calls).toEqual([]);
  expect(rig.located - before).toBeGreaterThanOrEqual(4);
  expect(rig.located - before).toBeLessThanOrEqual(5);
});

it('a DNS that fails meanwhile is asked again, and costs nobody anything', () => {
  const rig = boundRig();
  rig.targets = failure(fault('dns.timeout', 'network'));
  rig.time.run(10 * MINUTE_MS);
  expect(rig.notices()).toEqual([]);
  rig.targets = success([aTarget('192.0.2.2')]);
  rig.time.run(1.5 * MINUTE_MS);
  expect(rig.notices()).toEqual(['registrar.moved']);
});

it('an IP address is never asked for again', () => {
  const rig = new Rig();
  rig.add(5, { expiresSec: 3600 });
  rig.time.run(MINUTE_MS);
  const before = rig.located;
  rig.time.run(9 * MINUTE_MS);
  expect(rig.located).toBe(before);
});
