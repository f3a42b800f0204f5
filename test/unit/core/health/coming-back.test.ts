/** What a server meets that comes back: slow start, flap damping; and the panic of a contract. */
import { describe, expect, it } from 'vitest';
import type { PeerServerSpec } from '../../../../src/core/health/spec.ts';
import { aContract, aPair, aServer, ProbeLab } from '../../../support/health/probe-lab.ts';

const A = 'acme/192.0.2.1';
const B = 'acme/192.0.2.2';
const KEY_A = 'udp:192.0.2.1:5060';
const KEY_B = 'udp:192.0.2.2:5060';

/** Dies, and comes back, each as fast as it is noticed. */
function flap(lab: ProbeLab, key: string, id: string): void {
  lab.network.behave(key, 503);
  lab.until(() => lab.server(id).state === 'down', 30);
  lab.network.behave(key, 200);
  lab.until(() => lab.server(id).state === 'up', 30);
}

describe('slow start', () => {
  it('gives a tenth of the weight at once, and the rest in steps', () => {
    const lab = new ProbeLab();
    const spec = aServer('192.0.2.1', { weight: 50, slowStartMs: 100_000 });
    lab.prober.apply([aContract([spec, aServer('192.0.2.2')])]);
    lab.run(12);
    expect(lab.server(A).weight).toBe(50);
    flap(lab, KEY_A, A);
    expect(lab.server(A)).toMatchObject({ enabled: true, weight: 5 });
    expect(lab.server(A).causes.map(({ code }) => code)).toEqual([
      'probe.answered',
      'slowStart.running',
    ]);
    const before = lab.prober.revision.sequence;
    lab.run(50.5);
    expect(lab.server(A).weight).toBe(30);
    lab.run(50);
    expect(lab.server(A)).toMatchObject({ weight: 50, causes: [{ code: 'probe.answered' }] });
    expect(lab.prober.revision.sequence).toBe(before + 9);
  });

  it('never leaves a server out, and begins anew with each return', () => {
    const lab = new ProbeLab();
    const spec = aServer('192.0.2.1', { weight: 1, slowStartMs: 60_000 });
    lab.prober.apply([aContract([spec])]);
    lab.run(12);
    flap(lab, KEY_A, A);
    expect(lab.server(A).weight).toBe(0.1);
    lab.run(40);
    flap(lab, KEY_A, A);
    expect(lab.server(A).weight).toBe(0.1);
  });
});

describe('flap damping', () => {
  it('holds back who went down and up twice within minutes, for 8 to 15 minutes', () => {
    const lab = aPair();
    flap(lab, KEY_A, A);
    expect(lab.word(A)).toBe('up enabled');
    lab.run(20);
    flap(lab, KEY_A, A);
    expect(lab.word(A)).toBe('up disabled');
    expect(lab.server(A).cause).toMatchObject({ code: 'probe.flapping' });
    lab.run(7 * 60);
    expect(lab.word(A)).toBe('up disabled');
    lab.run(4 * 60);
    expect(lab.word(A)).toBe('up enabled');
  });

  it('never delays the way down, and no hold is longer than 15 minutes', () => {
    const lab = aPair();
    for (let round = 0; round < 12; round += 1) flap(lab, KEY_A, A);
    lab.network.behave(KEY_A, 503);
    expect(lab.until(() => lab.server(A).state === 'down', 30)).toBeLessThan(15);
    lab.network.behave(KEY_A, 200);
    lab.run(10);
    expect(lab.word(A)).toBe('up disabled');
    lab.run(15 * 60);
    expect(lab.word(A)).toBe('up enabled');
  });

  it('never of the last usable server', () => {
    const lab = aPair();
    flap(lab, KEY_A, A);
    flap(lab, KEY_A, A);
    expect(lab.word(A)).toBe('up disabled');
    lab.network.behave(KEY_B, 503);
    lab.until(() => lab.server(B).state === 'down', 30);
    expect(lab.word(A)).toBe('up enabled');
    expect(lab.prober.contract('acme')).toMatchObject({ enabled: 'some', offers: 'enabled' });
    lab.network.behave(KEY_B, 200);
    lab.until(() => lab.server(B).enabled, 30);
    expect(lab.word(A)).toBe('up disabled');
  });

  it('never in favour of one that never answered', () => {
    const lab = new ProbeLab();
    lab.network.behave(KEY_B, 'silent');
    lab.prober.apply([aContract([aServer('192.0.2.1'), aServer('192.0.2.2')])]);
    lab.run(60);
    expect(lab.word(B)).toBe('unknown enabled lastResort');
    flap(lab, KEY_A, A);
    flap(lab, KEY_A, A);
    expect(lab.word(A)).toBe('up enabled');
    lab.network.behave(KEY_B, 200);
    lab.until(() => lab.server(B).state === 'up', 30);
    expect(lab.word(A)).toBe('up disabled');
  });

  it('can be left out', () => {
    const lab = new ProbeLab();
    const server = (address: string): PeerServerSpec => aServer(address, { hasDamping: false });
    lab.prober.apply([aContract([server('192.0.2.1'), server('192.0.2.2')])]);
    lab.run(12);
    for (let round = 0; round < 5; round += 1) flap(lab, KEY_A, A);
    expect(lab.word(A)).toBe('up enabled');
  });
});

describe('panic', () => {
  const three = [aServer('192.0.2.1'), aServer('192.0.2.2'), aServer('192.0.2.3')];

  it('offers all while fewer are enabled than panicBelow wants, but never one that is drained', () => {
    const lab = new ProbeLab();
    lab.prober.apply([aContract(three, { panicBelow: { kind: 'percent', percent: 60 } })]);
    lab.run(12);
    lab.network.behave(KEY_A, 503);
    lab.run(20);
    expect(lab.word(A)).toBe('down disabled');
    lab.order('acme/192.0.2.3', 'drain');
    expect(lab.word(A)).toBe('down disabled lastResort');
    expect(lab.word('acme/192.0.2.3')).toBe('up disabled');
    expect(lab.server(A).causes.map(({ code }) => code)).toContain('contract.panic');
    expect(lab.prober.contract('acme')).toMatchObject({
      enabled: 'some',
      offers: 'all',
      isPanic: true,
    });
    lab.order('acme/192.0.2.3', 'up');
    expect(lab.word(A)).toBe('down disabled');
  });
});

describe('upWhen', () => {
  const two = {
    hop: {
      host: 'pool.example',
      port: 5060,
      protocol: 'udp',
      secure: false,
      addresses: ['192.0.2.1', '192.0.2.2'],
    },
  } as const;

  it.each([
    [{ kind: 'count', count: 1 }, 'up enabled', true],
    [{ kind: 'count', count: 2 }, 'down disabled', false],
    [{ kind: 'percent', percent: 50 }, 'up enabled', true],
    [{ kind: 'percent', percent: 51 }, 'down disabled', false],
  ] as const)('%o with one of two down: %s', (upWhen, word, isPartial) => {
    const lab = new ProbeLab();
    lab.prober.apply([aContract([aServer('pool', { ...two, upWhen }), aServer('192.0.2.9')])]);
    lab.run(12);
    expect(lab.word('acme/pool')).toBe('up enabled');
    lab.network.behave(KEY_A, 'silent');
    lab.run(20);
    expect(lab.word('acme/pool')).toBe(word);
    expect(lab.server('acme/pool').isPartial).toBe(isPartial);
    const [first, second] = lab.server('acme/pool').targets;
    expect([first?.enabled, second?.enabled]).toEqual([false, isPartial]);
  });
});
