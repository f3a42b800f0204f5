import { describe, expect, it } from 'vitest';
import { fault } from '../../../../src/core/base/fault.ts';
import { smallestBurst } from '../../../support/rate-limit.ts';
import { aFlow } from '../../../support/registration/answers.ts';
import { Rig } from '../../../support/registration/rig.ts';
import { granted } from '../../../support/registration/scripted-user-agent.ts';

const CLOSED = fault('transport.closed', 'peer');
const MINUTE_MS = 60_000;

/** A rig with registrations that share one connection, up since five minutes. */
function connected(count: number, pacing?: ConstructorParameters<typeof Rig>[0]) {
  const rig = new Rig(pacing);
  rig.userAgent.protocol = 'tcp';
  const flow = aFlow('tcp');
  rig.userAgent.flow = flow;
  rig.add(count, { expiresSec: 3600 });
  rig.time.run(5 * MINUTE_MS);
  expect(rig.counted('registered')).toBe(count);
  rig.userAgent.flow = aFlow('tcp');
  rig.userAgent.calls.length = 0;
  rig.events.length = 0;
  return { rig, flow };
}

describe('a connection that is lost', () => {
  it('has everything bound over it bound again, spread over five seconds, and never unbound', () => {
    const { rig, flow } = connected(40);
    rig.keeper.flowLost(flow, CLOSED);
    rig.time.run(6_000);
    const { calls } = rig.userAgent;
    expect(new Set(calls.map(({ user }) => user)).size).toBe(40);
    expect(calls).toHaveLength(40);
    const times = calls.map(({ at }) => at);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(3_000);
    expect(rig.counted('registered')).toBe(40);
    expect(rig.events.some((event) => event.type === 'registration.changed')).toBe(false);
    expect(rig.notices()).toEqual(['target.connectionLost']);
    expect(rig.of('u0').counters.lapses).toBe(0);
    // Their next refreshes do not come as one crowd.
    calls.length = 0;
    rig.time.run(60 * MINUTE_MS);
    expect(
      smallestBurst(
        calls.map(({ at }) => at).sort((a, b) => a - b),
        1,
      ),
    ).toBeLessThan(6);
  });

  it('keeps to the pace of the target', () => {
    const pacing = { perTarget: 2, burst: 2, max: 2 };
    const { rig, flow } = connected(40, { pacing });
    rig.keeper.flowLost(flow, CLOSED);
    rig.time.run(MINUTE_MS);
    const times = rig.userAgent.calls.map(({ at }) => at);
    expect(times).toHaveLength(40);
    expect(smallestBurst(times, 2)).toBeLessThanOrEqual(2 + 1);
  });

  it('touches nothing that was bound over another, and only once', () => {
    const { rig, flow } = connected(3);
    rig.keeper.flowLost(aFlow('tcp'), CLOSED);
    rig.time.run(6_000);
    expect(rig.userAgent.calls).toEqual([]);
    rig.keeper.flowLost(flow, CLOSED);
    rig.keeper.flowLost(flow, CLOSED);
    rig.time.run(6_000);
    expect(rig.userAgent.calls).toHaveLength(3);
    expect(rig.notices()).toEqual(['target.connectionLost']);
  });

  it('does not hasten one that is refused, nor one that was removed', () => {
    const { rig, flow } = connected(3);
    rig.userAgent.script = () => ({ status: 403 });
    rig.keeper.registerNow('u0');
    rig.keeper.remove('u1');
    rig.time.run(1_000);
    expect(rig.of('u0').state).toBe('rejected');
    rig.userAgent.calls.length = 0;
    rig.keeper.flowLost(flow, CLOSED);
    rig.time.run(6_000);
    expect(rig.userAgent.calls.map(({ user }) => user)).toEqual(['u2']);
  });

  it('is not bound again over and over at a server that closes each connection at once', () => {
    const { rig } = connected(1);
    for (let turn = 0; turn < 6 * 60; turn += 1) {
      const { flow } = rig.userAgent;
      if (flow !== undefined) rig.keeper.flowLost(flow, CLOSED);
      rig.userAgent.flow = aFlow('tcp');
      rig.time.run(10_000);
    }
    // Ten seconds after each answer, for an hour.
    expect(rig.userAgent.calls.length).toBeLessThan(15);
    expect(rig.of('u0').bound).toBe(true);
  });
});

it('keeps nothing of datagrams, and forgets connections with their last binding', () => {
  const rig = new Rig();
  const flow = aFlow('udp');
  rig.userAgent.flow = flow;
  rig.add(2);
  rig.time.run(1_000);
  rig.userAgent.calls.length = 0;
  rig.keeper.flowLost(flow, CLOSED);
  rig.time.run(6_000);
  expect(rig.userAgent.calls).toEqual([]);
  expect(rig.notices()).toEqual([]);
});

describe('contact: self over another connection', () => {
  const from = (port: number) => ({ ...aFlow('tcp'), contactHost: `192.0.2.9:${port}` });

  it('removes the Contact of the old one with the same request, until that succeeds', () => {
    const rig = new Rig();
    const first = from(40_001);
    rig.userAgent.flow = first;
    rig.add(1, { contact: { kind: 'self' }, expiresSec: 3600 });
    rig.time.run(5 * MINUTE_MS);
    const { calls } = rig.userAgent;
    rig.userAgent.flow = from(40_002);
    rig.userAgent.script = () => ({ status: 500 });
    rig.keeper.flowLost(first, CLOSED);
    rig.time.run(5_000);
    rig.userAgent.flow = from(40_003);
    rig.userAgent.script = (call) => granted(call, 3600);
    rig.time.run(60_000);
    rig.keeper.registerNow('u0');
    rig.time.run(1_000);
    const ports = (text?: string) => text?.match(/4000\d/)?.[0];
    const seen = calls.map(({ contact, removed }) => [ports(contact), ports(removed)]);
    expect(seen[0]).toEqual(['40001', undefined]);
    expect(seen[1]).toEqual(['40002', '40001']);
    expect(seen.at(-2)).toEqual(['40003', '40001']);
    expect(seen.at(-1)).toEqual(['40003', undefined]);
    expect(rig.of('u0').contact).toContain(':40003');
  });
});

describe('another address of ours', () => {
  const change = {
    localSocket: 'udp',
    protocol: 'udp',
    family: 4,
    isDefault: true,
    remotes: undefined,
  } as const;

  function registered(count: number) {
    const rig = new Rig();
    rig.add(count, { expiresSec: 3600 });
    rig.time.run(5 * MINUTE_MS);
    rig.userAgent.calls.length = 0;
    rig.events.length = 0;
    return rig;
  }

  it('has everybody concerned register again, those first whose binding ends first', () => {
    const rig = registered(40);
    rig.keeper.registerNow('u7');
    rig.time.run(1_000);
    rig.userAgent.calls.length = 0;
    rig.keeper.localAddressChanged(change);
    rig.time.run(6_000);
    const users = rig.userAgent.calls.map(({ user }) => user);
    expect(new Set(users).size).toBe(40);
    expect(users.at(-1)).toBe('u7');
    expect(rig.of('u0').counters.lapses).toBe(0);
  });

  it.each([
    ['the default of another protocol', { protocol: 'tcp' }],
    ['the default of the other family', { family: 6 }],
    ['a socket that they do not use', { isDefault: false, localSocket: 'other' }],
    ['the way to other peers', { remotes: new Set(['192.0.2.99']) }],
  ] as const)('does not concern them where it is that of %s', (_what, other) => {
    const rig = registered(3);
    rig.keeper.localAddressChanged({ ...change, ...other });
    rig.time.run(6_000);
    expect(rig.userAgent.calls).toEqual([]);
  });

  it('ends the pause of those that had no way out, and blames nobody', () => {
    const rig = new Rig();
    rig.userAgent.script = () => ({ fault: 'transport.local' });
    rig.add(20, { expiresSec: 3600 });
    rig.time.run(60 * MINUTE_MS);
    expect(rig.counted('registered')).toBe(0);
    rig.userAgent.script = (call) => granted(call, 3600);
    rig.keeper.localAddressChanged({ ...change, remotes: new Set(['192.0.2.1']) });
    rig.time.run(6_000);
    expect(rig.counted('registered')).toBe(20);
    expect(rig.notices()).toEqual([]);
  });

  it('leaves nothing of what our own machine did wrong to the back-off of the registrar', () => {
    const rig = registered(1);
    rig.userAgent.script = () => ({ fault: 'transport.local' });
    // The binding runs out meanwhile.
    rig.time.run(60 * MINUTE_MS);
    for (let flaps = 0; flaps < 6; flaps += 1) {
      rig.keeper.localAddressChanged(change);
      rig.time.run(6_000);
    }
    rig.userAgent.script = () => ({ fault: 'transport.refused' });
    rig.keeper.localAddressChanged(change);
    rig.time.run(6_000);
    const { cause, nextAttemptAt = 0 } = rig.of('u0');
    expect(cause?.code).toBe('transport.refused');
    expect(nextAttemptAt - rig.time.now()).toBeLessThanOrEqual(30_000);
  });

  it('leaves the back-off alone that the registrar is due', () => {
    const rig = new Rig();
    rig.userAgent.script = () => ({ fault: 'transport.refused' });
    rig.add(1, { expiresSec: 3600 });
    rig.time.run(60 * MINUTE_MS);
    rig.keeper.localAddressChanged(change);
    rig.time.run(6_000);
    const { nextAttemptAt = 0 } = rig.of('u0');
    expect(nextAttemptAt - rig.time.now()).toBeGreaterThan(10 * MINUTE_MS);
  });

  it('slows down by itself where no way comes, to one try a minute', () => {
    const rig = new Rig();
    rig.userAgent.script = () => ({ fault: 'transport.local' });
    rig.add(1, { expiresSec: 3600 });
    rig.time.run(4 * 60 * MINUTE_MS);
    expect(rig.userAgent.calls.length).toBeGreaterThan(240);
    expect(rig.userAgent.calls.length).toBeLessThan(500);
  });

  it('is back within a minute where the way is, though no address changed', () => {
    const rig = registered(1);
    rig.userAgent.script = () => ({ fault: 'transport.local' });
    rig.time.run(8 * 60 * MINUTE_MS);
    expect(rig.of('u0').bound).toBe(false);
    rig.userAgent.script = () => ({ fault: 'transport.refused' });
    rig.time.run(MINUTE_MS);
    const { cause, nextAttemptAt = 0 } = rig.of('u0');
    // What the registrar does then is its first failure.
    expect(cause?.code).toBe('transport.refused');
    expect(nextAttemptAt - rig.time.now()).toBeLessThanOrEqual(30_000);
    rig.userAgent.script = (call) => granted(call, 3600);
    rig.time.run(MINUTE_MS);
    expect(rig.of('u0').bound).toBe(true);
  });

  it('does not hasten what is refused', () => {
    const rig = registered(1);
    rig.userAgent.script = () => ({ status: 403 });
    rig.keeper.registerNow('u0');
    rig.time.run(1_000);
    rig.userAgent.calls.length = 0;
    rig.keeper.localAddressChanged(change);
    rig.time.run(6_000);
    expect(rig.userAgent.calls).toEqual([]);
  });
});
