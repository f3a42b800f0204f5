import { describe, expect, it } from 'vitest';
import type { NextHop, Target } from '../../../../../src/core/sip/locate/target.ts';
import { aContract, aServer } from '../../../../support/health/probe-lab.ts';
import { ProxyWorld } from '../../../../support/proxy-world.ts';
import { testFlow } from '../../../../support/recording-transport.ts';
import { aProfile, aRegistration } from '../../../../support/registration/rig.ts';

const HOP: NextHop = {
  ...{ host: 'reg.acme.example', port: undefined, protocol: undefined, secure: false },
  via: 'edge1',
};
const PROFILE = aProfile({ hop: HOP, outbound: 'off' });
const UDP = 'udp:192.0.2.1:5060';
const TCP_TARGETS: readonly Target[] = [
  { protocol: 'tcp', address: '192.0.2.1', port: 5060, family: 4 },
];

/** Answers of a proxy of ours that did not reach the target. */
const HOP_FAILURES = [
  '408 Request Timeout',
  '430 Flow Failed',
  '477 Send failed',
  '478 Unresolvable',
];

function worldWith(
  count: number,
  world = new ProxyWorld(),
  targets: readonly Target[] = world.targets,
): ProxyWorld {
  world.targets = targets;
  for (let index = 0; index < count; index += 1) {
    world.keeper.add(aRegistration(`u${index}`, PROFILE));
  }
  return world;
}

function statesOf(world: ProxyWorld): Record<string, number> {
  const found: Record<string, number> = {};
  for (const id of world.keeper.ids()) {
    const state = world.keeper.snapshot(id)?.state ?? 'gone';
    found[state] = (found[state] ?? 0) + 1;
  }
  return found;
}

describe('a registration through a proxy of ours', () => {
  it('goes to the proxy, with Routes for it and for the target, and its Contact', () => {
    const world = worldWith(1, new ProxyWorld(), TCP_TARGETS);
    world.time.run(1_000);
    const { wire } = world.registered[0] ?? { wire: '' };
    expect(wire).toMatch(/^REGISTER sip:acme\.example SIP\/2\.0\r\nVia: SIP\/2\.0\/UDP /);
    expect(wire).toContain(
      'Route: <sip:127.0.0.1:5060;transport=udp;lr>, <sip:192.0.2.1:5060;transport=tcp;lr>\r\n',
    );
    expect(wire).toContain('Contact: <sip:du0@203.0.113.10:5060;transport=tcp>\r\n');
    expect(world.keeper.snapshot('u0')).toMatchObject({
      state: 'registered',
      target: 'edge1>tcp:192.0.2.1:5060',
    });
  });

  it('passes further hops behind the target that was found for the first', () => {
    const world = new ProxyWorld();
    const route = ['sip:a.example;lr', 'sip:b.example;lr'];
    world.keeper.add(aRegistration('u0', { ...PROFILE, route }));
    world.time.run(1_000);
    expect(world.registered[0]?.wire).toContain(
      'Route: <sip:127.0.0.1:5060;transport=udp;lr>, <sip:192.0.2.1:5060;transport=udp;lr>, <sip:b.example;lr>\r\n',
    );
  });

  it('waits for the proxy at the start, and costs nobody an attempt', () => {
    const world = worldWith(10);
    world.isAlive = false;
    world.time.run(30_000);
    expect(statesOf(world)).toEqual({ waiting: 10 });
    const waiting = world.keeper.snapshot('u3');
    expect(waiting).toMatchObject({ cause: { code: 'proxy.silent' }, bound: false });
    expect(waiting?.cause?.text).toMatch(/edge1/);
    expect(waiting?.nextAttemptAt).toBeGreaterThan(world.time.now());
    expect(waiting?.counters).toMatchObject({ requests: 0, failed: 0 });
    world.isAlive = true;
    world.time.run(1_200);
    expect(statesOf(world)).toEqual({ registered: 10 });
    expect(world.of('proxy.changed').map(({ state }) => state)).toEqual(['silent', 'up']);
  });
});

describe('a proxy of ours that falls silent', () => {
  it('makes everybody wait in line; none is rejected, none backs off, none lapses by the provider', () => {
    const world = worldWith(200, new ProxyWorld({ perTarget: 50, burst: 10, max: 50 }));
    world.time.run(10_000);
    expect(statesOf(world)).toEqual({ registered: 200 });
    world.isAlive = false;
    // Every binding runs out meanwhile.
    world.time.run(700_000);
    expect(statesOf(world)).toEqual({ waiting: 200 });
    expect(world.of('registration.changed').filter(({ isLapse }) => isLapse)).toEqual([]);
    expect(world.keeper.snapshot('u7')).toMatchObject({
      cause: { code: 'proxy.silent' },
      counters: { lapses: 0 },
    });
    const sent = world.sent.length;
    world.time.run(10_000);
    // Nothing but the question whether it lives, and its copies.
    expect(world.sent.length - sent).toBeLessThan(60);
    const before = world.registered.length;
    world.isAlive = true;
    world.time.run(16_000);
    expect(statesOf(world)).toEqual({ registered: 200 });
    expect(world.registered.length - before).toBe(200);
    expect(world.of('registration.changed').some(({ state }) => state === 'rejected')).toBe(false);
  });

  it('lets those go first whose binding ends first, at the pace of the target', () => {
    const world = new ProxyWorld({ perTarget: 10, burst: 1, max: 10 });
    for (let index = 0; index < 40; index += 1) {
      world.keeper.add(aRegistration(`u${index}`, PROFILE));
      world.time.run(100 + 50 * index);
    }
    world.time.run(20_000);
    const ends = new Map(
      [...world.keeper.ids()].map((id) => [id, world.keeper.snapshot(id)?.expiresAt ?? 0]),
    );
    world.isAlive = false;
    world.time.run(10_000);
    for (const id of [...ends.keys()].reverse()) world.keeper.registerNow(id);
    world.time.run(1_000);
    const before = world.registered.length;
    world.isAlive = true;
    world.time.run(30_000);
    const order = world.registered.slice(before);
    expect(order.map(({ user }) => user)).toEqual(
      [...ends].sort(([, a], [, b]) => a - b).map(([id]) => id),
    );
    const first = order[0]?.atMs ?? 0;
    const last = order.at(-1)?.atMs ?? 0;
    expect(last - first).toBeGreaterThanOrEqual(3_800);
  });

  it('is told from a target that is dead behind a living proxy', () => {
    const world = worldWith(12);
    world.time.run(1_000);
    world.behind.set(UDP, 'dead');
    world.time.run(600_000);
    const notices = world.of('registration.noticed').map(({ cause }) => cause.code);
    expect(notices).toContain('target.dead');
    expect(world.proxies.snapshot('edge1')).toMatchObject({ state: 'up', cause: undefined });
    expect(world.keeper.snapshot('u1')?.cause?.code).toBe('target.dead');
    world.behind.delete(UDP);
    world.time.run(60_000);
    expect(statesOf(world)).toEqual({ registered: 12 });
  });

  it.each([...HOP_FAILURES, '503 Busy\nX-Trunkd-Local: 1'])(
    'answers %j by itself where the target is dead, which is the silence of the target',
    (answer) => {
      const world = worldWith(12);
      world.time.run(1_000);
      world.events.length = 0;
      world.behind.set(UDP, answer);
      world.time.run(600_000);
      const notices = world.of('registration.noticed').map(({ cause }) => cause.code);
      expect(notices).toContain('target.dead');
      expect(notices).not.toContain('target.overloaded');
      const changes = world.of('registration.changed');
      expect(changes.some(({ state }) => state === 'rejected')).toBe(false);
      world.behind.delete(UDP);
      world.time.run(60_000);
      expect(statesOf(world)).toEqual({ registered: 12 });
    },
  );
});

describe('several targets behind a proxy of ours', () => {
  const two: readonly Target[] = [
    { protocol: 'tcp', address: '192.0.2.1', port: 5060, family: 4 },
    { protocol: 'tcp', address: '192.0.2.2', port: 5060, family: 4 },
  ];

  it.each(HOP_FAILURES)(
    'are tried one after the other when the proxy answers %j for one',
    (answer) => {
      const world = new ProxyWorld();
      world.behind.set('tcp:192.0.2.1:5060', answer);
      worldWith(4, world, two);
      world.time.run(2_000);
      expect(statesOf(world)).toEqual({ registered: 4 });
      for (const id of world.keeper.ids()) {
        expect(world.keeper.snapshot(id)?.target).toBe('edge1>tcp:192.0.2.2:5060');
      }
      expect(world.of('registration.changed').filter(({ state }) => state === 'waiting')).toEqual(
        [],
      );
    },
  );

  it('are not tried when it is the proxy that is silent', () => {
    const world = worldWith(4, new ProxyWorld(), two);
    world.time.run(2_000);
    world.isAlive = false;
    world.time.run(20_000);
    for (const id of world.keeper.ids()) world.keeper.registerNow(id);
    world.time.run(20_000);
    world.isAlive = true;
    const before = world.registered.length;
    world.time.run(10_000);
    expect(world.registered.length - before).toBe(4);
    expect(world.of('registration.noticed').map(({ cause }) => cause.code)).not.toContain(
      'target.dead',
    );
  });
});

describe('connections of a proxy of ours', () => {
  it('are re-made after it was restarted, the first to run out first, though it was never missed', () => {
    const pacing = { perTarget: 20, burst: 1, max: 20 };
    const world = worldWith(30, new ProxyWorld(pacing), TCP_TARGETS);
    world.time.run(20_000);
    const before = world.registered.length;
    expect(before).toBe(30);
    const ends = [...world.keeper.ids()]
      .map((id) => ({ id, at: world.keeper.snapshot(id)?.expiresAt ?? 0 }))
      .sort((a, b) => a.at - b.at);
    world.incarnation = 'two';
    world.time.run(6_000);
    const again = world.registered.slice(before).map(({ user }) => user);
    expect(again).toEqual(ends.map(({ id }) => id));
    expect(world.of('proxy.changed').at(-1)).toMatchObject({ state: 'up', isRestarted: true });
    expect(statesOf(world)).toEqual({ registered: 30 });
  });

  it('stay where it was only out of reach, and what is bound over UDP stays in any case', () => {
    for (const [targets, incarnation, again] of [
      [TCP_TARGETS, 'one', 0],
      [TCP_TARGETS, undefined, 5],
      [undefined, 'two', 0],
    ] as const) {
      const world = worldWith(5, new ProxyWorld(), targets);
      if (incarnation === undefined) world.incarnation = undefined;
      world.time.run(5_000);
      world.isAlive = false;
      world.time.run(10_000);
      world.incarnation = incarnation;
      world.isAlive = true;
      world.time.run(10_000);
      expect(world.registered.length - 5).toBe(again);
    }
  });

  it('are re-made when the proxy says that one was closed, and only those', () => {
    const world = worldWith(4, new ProxyWorld(), TCP_TARGETS);
    world.time.run(1_000);
    expect(world.keeper.proxyConnectionLost('edge1', 'tcp:192.0.2.9:5060')).toBe(0);
    expect(world.keeper.proxyConnectionLost('edge2', 'tcp:192.0.2.1:5060')).toBe(0);
    expect(world.keeper.proxyConnectionLost('edge1', 'tcp:192.0.2.1:5060')).toBe(4);
    world.time.run(1_000);
    expect(world.registered.length).toBe(8);
    expect(statesOf(world)).toEqual({ registered: 4 });
  });

  it('between it and us tell at once that it is gone; nobody fails for it', () => {
    const world = new ProxyWorld();
    const flow = testFlow('tcp', { address: '127.0.0.1', port: 5060 });
    world.behind.set(UDP, 'dead');
    worldWith(3, world);
    world.time.run(1_000);
    world.isAlive = false;
    world.breakFlow({ ...flow, protocol: 'udp' });
    world.time.run(500);
    expect(world.keeper.snapshot('u0')?.state).toBe('waiting');
    expect(world.keeper.snapshot('u0')?.cause?.code).toBe('proxy.silent');
    world.isAlive = true;
    world.behind.delete(UDP);
    world.time.run(3_000);
    expect(statesOf(world)).toEqual({ registered: 3 });
  });
});

describe('a peer server behind a proxy of ours', () => {
  const server = aServer('192.0.2.1', {
    hop: { ...HOP, host: '192.0.2.1' },
    contact: '203.0.113.10:5060',
  });
  const id = 'acme/192.0.2.1';

  it('is probed through it, under the Contact of the proxy', () => {
    const world = new ProxyWorld();
    world.prober.apply([aContract([server])]);
    world.time.run(20_000);
    expect(world.prober.peerServer(id)).toMatchObject({
      state: 'up',
      targets: [{ target: `edge1>${UDP}` }],
    });
    const probe = world.sent.find(({ wire }) => wire.includes('Route: '))?.wire ?? '';
    expect(probe).toMatch(/^OPTIONS sip:192\.0\.2\.1 SIP\/2\.0\r\n/);
    expect(probe).toContain('Contact: <sip:203.0.113.10:5060>\r\n');
  });

  it('keeps its verdict while the proxy is silent, up or down', () => {
    const world = new ProxyWorld();
    world.prober.apply([aContract([server])]);
    world.time.run(20_000);
    world.isAlive = false;
    world.time.run(300_000);
    expect(world.prober.peerServer(id)).toMatchObject({
      state: 'up',
      enabled: true,
      cause: { code: 'proxy.silent' },
    });
    world.isAlive = true;
    world.behind.set(UDP, 'dead');
    world.time.run(60_000);
    expect(world.prober.peerServer(id)).toMatchObject({ state: 'down', enabled: false });
    world.isAlive = false;
    world.behind.delete(UDP);
    world.time.run(60_000);
    expect(world.prober.peerServer(id)).toMatchObject({ state: 'down', enabled: false });
    world.isAlive = true;
    world.time.run(60_000);
    expect(world.prober.peerServer(id)).toMatchObject({ state: 'up', enabled: true });
  });

  it('is down when it is silent and the proxy is not', () => {
    const world = new ProxyWorld();
    world.prober.apply([aContract([server])]);
    world.time.run(20_000);
    world.behind.set(UDP, 'dead');
    world.time.run(20_000);
    expect(world.prober.peerServer(id)).toMatchObject({
      state: 'down',
      cause: { code: 'probe.unanswered' },
    });
    expect(world.proxies.snapshot('edge1')?.state).toBe('up');
  });

  it('is not judged by what the proxy says in its place', () => {
    const world = new ProxyWorld();
    world.prober.apply([aContract([server])]);
    world.time.run(20_000);
    for (const answer of ['408 Timeout', '477 Send failed', '500 x\nX-Trunkd-Local: 1']) {
      world.behind.set(UDP, answer);
      world.time.run(120_000);
      expect(world.prober.peerServer(id)).toMatchObject({ state: 'up', enabled: true });
      expect(world.of('probe.finished').at(-1)?.verdict).toBe('void');
    }
    // Its own answer is another matter.
    world.behind.set(UDP, '503 Service Unavailable');
    world.time.run(60_000);
    expect(world.prober.peerServer(id)).toMatchObject({ state: 'down' });
  });

  it('is asked at once when a proxy answers for the first time', () => {
    const world = new ProxyWorld();
    world.isAlive = false;
    world.prober.apply([
      aContract([
        aServer('192.0.2.1', { ...server, probe: { ...server.probe, intervalMs: 600_000 } }),
      ]),
    ]);
    world.time.run(60_000);
    expect(world.prober.peerServer(id)).toMatchObject({ state: 'unknown', enabled: true });
    world.isAlive = true;
    world.time.run(3_000);
    expect(world.prober.peerServer(id)?.state).toBe('up');
  });
});
