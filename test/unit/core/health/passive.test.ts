/** What others than probes tell: calls that fail, traffic that comes. */
import { describe, expect, it } from 'vitest';
import { aContract, aPair, aServer, PLAN, ProbeLab } from '../../../support/health/probe-lab.ts';
import { FLOW } from '../../../support/health/scripted-network.ts';

const A = 'acme/192.0.2.1';
const KEY_A = 'udp:192.0.2.1:5060';

describe('observations of calls', () => {
  const failed = { code: 503, count: 3, by: 'proxy' };

  it('that fail have the server asked at once; its probes decide', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 'silent');
    expect(lab.prober.observe(A, failed)).toBe(true);
    expect(lab.until(() => lab.server(A).state === 'down', 10)).toBeLessThan(4.1);
    const whats = lab.server(A).targets[0]?.evidence.map(({ what }) => what);
    expect(whats).toContain('calls got 503 3 times (proxy)');
  });

  it('never disable a server that answers its probes, however many there are', () => {
    const lab = aPair();
    const { started } = lab.network;
    for (let count = 0; count < 1_000; count += 1) lab.prober.observe(A, failed);
    lab.run(0.5);
    expect(lab.network.started - started).toBeLessThanOrEqual(2);
    lab.run(60);
    expect(lab.changes(A)).toEqual(['up enabled']);
  });

  it('of a proxy that set a state by itself are observations, too', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 'silent');
    const seen = { state: 'inactive', destination: `${A}@${KEY_A}`, by: 'the proxy of edge' };
    expect(lab.prober.observe(A, seen)).toBe(true);
    expect(lab.until(() => lab.server(A).state === 'down', 10)).toBeLessThan(4.1);
    const whats = lab.server(A).targets[0]?.evidence.map(({ what }) => what);
    expect(whats).toContain(`the proxy of edge set ${A}@${KEY_A} to inactive by itself`);
    expect(lab.prober.observe('acme/nobody', seen)).toBeUndefined();
  });

  it('of a proxy that put one in again have what is down asked out of its turn', () => {
    const lab = aPair();
    lab.network.behave(KEY_A, 'silent');
    lab.run(600);
    expect(lab.word(A)).toBe('down disabled');
    lab.network.behave(KEY_A, 200);
    const seen = { state: 'active', destination: `${A}@${KEY_A}`, by: 'the proxy of edge' };
    const { started } = lab.network;
    expect(lab.prober.observe(A, seen)).toBe(true);
    lab.run(0.1);
    expect(lab.network.started - started).toBe(1);
    lab.run(3);
    expect(lab.word(A)).toBe('up enabled');
  });

  it('ask for one probe a second at most, and for that one without fail', () => {
    const lab = aPair();
    const { started } = lab.network;
    for (let count = 0; count < 200; count += 1) {
      lab.prober.observe(A, failed);
      lab.run(0.05);
    }
    expect(lab.network.started - started).toBeGreaterThanOrEqual(9);
    expect(lab.network.started - started).toBeLessThanOrEqual(14);
    lab.run(30);
    lab.prober.observe(A, failed);
    lab.run(0.5);
    lab.network.behave(KEY_A, 'silent');
    lab.prober.observe(A, failed);
    expect(lab.until(() => lab.server(A).state === 'down', 10)).toBeLessThan(5);
  });

  it('that went well, or say nothing of the server, change nothing', () => {
    const lab = aPair();
    for (const code of [100, 180, 200, 404, 486]) {
      expect(lab.prober.observe(A, { ...failed, code })).toBe(false);
    }
    expect(lab.prober.observe('acme/nobody', failed)).toBeUndefined();
    lab.order(A, 'off');
    expect(lab.prober.observe(A, failed)).toBe(false);
  });
});

describe('mode idleOnly', () => {
  const from = { ...FLOW, remote: { address: '192.0.2.1', port: 5060 } };

  function anIdle(): ProbeLab {
    const lab = new ProbeLab();
    const probe = { ...PLAN, mode: 'idleOnly' } as const;
    lab.prober.apply([aContract([aServer('192.0.2.1', { probe }), aServer('192.0.2.2')])]);
    lab.run(12);
    return lab;
  }

  function probesIn(lab: ProbeLab, seconds: number, isHeard: boolean): number {
    lab.network.requests.length = 0;
    for (let second = 0; second < seconds; second += 1) {
      lab.run(1);
      if (isHeard) lab.prober.heard(from, lab.time.now());
    }
    return lab.network.requests.filter(({ key }) => key === KEY_A).length;
  }

  it('traffic stands for a probe, but every fifth is sent all the same', () => {
    const lab = anIdle();
    expect(lab.prober.wantsTraffic).toBe(true);
    expect(probesIn(lab, 500, false)).toBeGreaterThan(40);
    const sent = probesIn(lab, 500, true);
    expect(sent).toBeGreaterThan(7);
    expect(sent).toBeLessThan(14);
    expect(lab.changes(A)).toEqual(['up enabled']);
  });

  it('a server that is down is never up for its traffic, nor one that fails', () => {
    const lab = anIdle();
    lab.network.behave(KEY_A, 'silent');
    probesIn(lab, 70, true);
    expect(lab.word(A)).toBe('down disabled');
    probesIn(lab, 60, true);
    expect(lab.word(A)).toBe('down disabled');
  });

  it('is nothing to others, and over when nobody wants it', () => {
    const lab = anIdle();
    lab.prober.heard({ ...from, remote: { address: '2001:db8::1', port: 1 } }, lab.time.now());
    lab.prober.apply([aContract([aServer('192.0.2.1')])]);
    expect(lab.prober.wantsTraffic).toBe(false);
  });
});
