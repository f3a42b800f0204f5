import { describe, expect, it } from 'vitest';
import {
  aContract,
  aPair,
  aServer,
  PLAN,
  ProbeLab,
  rollUps,
} from '../../../support/health/probe-lab.ts';

const A = 'acme/192.0.2.1';
const B = 'acme/192.0.2.2';
const KEY_A = 'udp:192.0.2.1:5060';

describe('a reload', () => {
  it('keeps state, since and phase of what is the same, and of a changed probe plan the state', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 503);
    lab.run(30);
    const before = [lab.server(A), lab.server(B)];
    const events = lab.events.length;
    lab.prober.apply([aContract([aServer('192.0.2.1'), aServer('192.0.2.2')])]);
    expect([lab.server(A), lab.server(B)]).toEqual(before);
    const slow = { ...PLAN, intervalMs: 20_000, fall: 5 };
    lab.prober.apply([
      aContract([aServer('192.0.2.1', { probe: slow }), aServer('192.0.2.2', { probe: slow })]),
    ]);
    expect(lab.word(A)).toBe('down disabled');
    expect(lab.server(A)).toMatchObject({ since: before[0]?.since, rttMs: 20 });
    expect(lab.word(B)).toBe('up enabled');
    expect(lab.events).toHaveLength(events);
    lab.network.behave(KEY_A, 200);
    lab.run(8);
    expect(lab.word(A)).toBe('up enabled');
  });

  it('knows an address on under another name, and where two servers change places', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 'silent');
    lab.run(30);
    expect(lab.word(A)).toBe('down disabled');
    const named = (name: string, address: string) => aServer(address, { name });
    lab.prober.apply([aContract([named('a', '192.0.2.1'), named('b', '192.0.2.2')])]);
    expect([lab.word('acme/a'), lab.word('acme/b')]).toEqual(['down disabled', 'up enabled']);
    lab.prober.apply([aContract([named('a', '192.0.2.2'), named('b', '192.0.2.1')])]);
    expect([lab.word('acme/a'), lab.word('acme/b')]).toEqual(['up enabled', 'down disabled']);
    lab.run(60);
    expect([lab.word('acme/a'), lab.word('acme/b')]).toEqual(['up enabled', 'down disabled']);
    expect(lab.prober.probeCount).toBe(2);
  });

  it('forgets what is gone, begins with what is new, and tells the roll-up', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 503);
    lab.run(15);
    lab.prober.apply([aContract([aServer('192.0.2.1'), aServer('192.0.2.3')])]);
    expect(lab.prober.peerServer(B)).toBeUndefined();
    lab.run(12);
    expect(lab.word('acme/192.0.2.3')).toBe('up enabled');
    lab.network.requests.length = 0;
    lab.prober.apply([aContract([aServer('192.0.2.1')])]);
    expect(rollUps(lab).at(-1)).toBe('some>none');
    expect(lab.word(A)).toBe('down disabled lastResort');
    lab.run(20);
    expect(new Set(lab.network.requests.map(({ key }) => key))).toEqual(new Set([KEY_A]));
    lab.prober.apply([]);
    lab.network.requests.length = 0;
    lab.run(20);
    expect(lab.network.requests).toEqual([]);
    expect([...lab.prober.peerServers()]).toEqual([]);
    expect(lab.time.timers.size).toBe(0);
  });

  it('keeps what a command set', () => {
    const lab = aPair();
    lab.order(A, 'drain');
    lab.prober.apply([aContract([aServer('192.0.2.1'), aServer('192.0.2.2')])]);
    expect(lab.word(A)).toBe('up disabled');
  });

  it('of another address begins as unknown', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 503);
    lab.run(15);
    const moved = aServer('192.0.2.1', {
      hop: { host: '192.0.2.7', port: 5060, protocol: 'udp', secure: false },
    });
    lab.prober.apply([aContract([moved, aServer('192.0.2.2')])]);
    expect(lab.word(A)).toBe('unknown enabled');
  });
});

describe('equal probes', () => {
  it('of several contracts are sent once, and all hear of it', () => {
    const lab = new ProbeLab();
    const contracts = ['x', 'y', 'z'].map((name) =>
      aContract([aServer('192.0.2.1', { contract: name, whenNeverUp: 'disabled' })], { name }),
    );
    lab.prober.apply(contracts);
    lab.run(101);
    expect(lab.prober.probeCount).toBe(1);
    expect(lab.network.started).toBeLessThanOrEqual(13);
    expect(lab.word('z/192.0.2.1')).toBe('up enabled');
    lab.network.behave(KEY_A, 503);
    lab.run(15);
    for (const name of ['x', 'y', 'z']) expect(lab.word(`${name}/192.0.2.1`)).toContain('down');
    lab.prober.apply(contracts.slice(1));
    lab.network.behave(KEY_A, 200);
    lab.run(6);
    expect(lab.word('y/192.0.2.1')).toBe('up enabled');
  });

  it('of other domains at one target keep their distance, but fail together', () => {
    const lab = new ProbeLab();
    const servers = ['a', 'b', 'c'].map((name) =>
      aServer('192.0.2.1', { name, sipProxy: `${name}.example` }),
    );
    lab.prober.apply([aContract(servers)]);
    lab.run(200);
    const times = lab.network.requests.map(({ atMs }) => atMs).filter((atMs) => atMs > 40_000);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(9_990);
    lab.network.behave(KEY_A, 'silent');
    lab.run(15 + 5);
    for (const name of ['a', 'b', 'c']) expect(lab.word(`acme/${name}`)).toContain('down');
  });
});
