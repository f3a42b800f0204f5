/** Probes that are no OPTIONS (features P1): connections that are made and closed, and how REGISTERs end. */
import { describe, expect, it } from 'vitest';
import { fault } from '../../../../src/core/base/fault.ts';
import type { RegisterResult } from '../../../../src/core/health/register-reports.ts';
import type { PeerServerSpec, ProbePlan } from '../../../../src/core/health/spec.ts';
import { aContract, aServer, PLAN, ProbeLab } from '../../../support/health/probe-lab.ts';

const A = 'acme/192.0.2.1';
const HOP = { host: '192.0.2.1', port: 5060, protocol: 'tcp', secure: false } as const;
const SILENCE = fault('timeout.response', 'peer');

describe('mode connect', () => {
  const KEY = 'tcp:192.0.2.1:5060';

  function aLab(plan: Partial<ProbePlan> = {}): ProbeLab {
    const lab = new ProbeLab();
    const probe: ProbePlan = { ...PLAN, mode: 'connect', ...plan };
    lab.prober.apply([
      aContract([aServer('192.0.2.1', { hop: HOP, probe }), aServer('192.0.2.2')]),
    ]);
    lab.run(15);
    return lab;
  }

  it('makes a connection of its own each time, closes it, and sends nothing', () => {
    const lab = aLab();
    expect(lab.word(A)).toBe('up enabled');
    expect(lab.server(A).cause).toMatchObject({
      code: 'probe.answered',
      text: 'The server accepts connections; more is not asked of it.',
    });
    lab.run(100);
    const { opened } = lab.network;
    expect(opened.length).toBeGreaterThanOrEqual(10);
    expect(opened.length).toBeLessThanOrEqual(13);
    expect(new Set(opened.map(({ owner }) => owner)).size).toBe(opened.length);
    expect(lab.network.closed).toBe(opened.length);
    expect(lab.network.requests.filter(({ key }) => key === KEY)).toEqual([]);
    expect(lab.server(A).rttMs).toBe(20);
  });

  it.each([
    ['refused', fault('transport.refused', 'peer'), 'transport.refused'],
    ['the wrong certificate', fault('tls.identity', 'peer'), 'tls.identity'],
    ['silent', 'silent', 'probe.unanswered'],
  ] as const)('%s: down after three in a row, and up again', (_, does, code) => {
    const lab = aLab();
    lab.network.behave(KEY, does);
    expect(lab.until(() => !lab.server(A).enabled, 30)).toBeLessThan(15.2);
    expect(lab.server(A).cause?.code).toBe(code);
    lab.network.behave(KEY, 200);
    expect(lab.until(() => lab.server(A).enabled, 30)).toBeLessThan(5);
    expect(lab.prober.stuck).toBe(0);
  });

  it('makes one connection at a time, also while silence is counted', () => {
    const lab = aLab();
    lab.network.behave(KEY, 'silent');
    const before = lab.network.opened.length;
    lab.until(() => !lab.server(A).enabled, 30);
    expect(lab.network.opened.length - before).toBe(1);
    lab.run(60);
    expect(lab.network.opened.length - before).toBeLessThanOrEqual(1 + 60 / 4);
    expect(lab.server(A).targets[0]?.failures).toBeGreaterThan(10);
  });

  it('what is our own fault proves nothing', () => {
    const lab = aLab();
    lab.network.behave(KEY, fault('transport.local', 'local'));
    lab.run(120);
    expect(lab.word(A)).toBe('up enabled');
    expect(lab.server(A).causes[0]?.code).toBe('transport.local');
  });

  it('who takes too long is impaired', () => {
    const lab = aLab({ impairedAboveMs: 300 });
    lab.network.behave(KEY, 200, 600);
    lab.run(200);
    expect(lab.word(A)).toBe('impaired enabled');
    expect(lab.server(A).cause).toMatchObject({ code: 'probe.slow' });
    expect(lab.server(A).cause?.text).toMatch(/but took \d+ ms on average, and more than 300 ms/);
  });

  it('one that comes after its time is closed, and counts for nothing', () => {
    const lab = aLab();
    lab.network.behave(KEY, 200, 6_000);
    lab.run(120);
    expect(lab.server(A).state).toBe('down');
    lab.network.behave(KEY, 'silent');
    lab.run(20);
    expect(lab.network.closed).toBe(lab.network.opened.length - lab.network.silentOpens);
  });
});

describe('mode register', () => {
  const KEY = 'udp:192.0.2.1:5060';

  function aLab(more: Partial<PeerServerSpec> = {}): ProbeLab {
    const lab = new ProbeLab();
    const probe: ProbePlan = { ...PLAN, mode: 'register', rise: 1 };
    const server = aServer('192.0.2.1', { probe, ...more });
    lab.prober.apply([aContract([server, aServer('192.0.2.2')])]);
    lab.run(15);
    return lab;
  }

  function ends(lab: ProbeLab, result: RegisterResult, times = 1, everySec = 30): void {
    for (let turn = 0; turn < times; turn += 1) {
      lab.prober.registerEnded({ target: KEY, at: lab.time.now(), result });
      lab.run(everySec);
    }
  }

  const ok: RegisterResult = { kind: 'registerAnswered', status: 200 };
  const silent: RegisterResult = { kind: 'failed', fault: SILENCE };

  it('sends nothing at all, and knows nothing before the first REGISTER ended', () => {
    const lab = aLab();
    expect(lab.prober.wantsReports).toBe(true);
    lab.run(600);
    expect(lab.network.requests.filter(({ key }) => key === KEY)).toEqual([]);
    expect(lab.word(A)).toBe('unknown enabled');
    expect(lab.prober.probeNow(A)).toBe(false);
    expect(lab.prober.observe(A, { code: 503, count: 9, by: 'proxy' })).toBe(false);
    expect(lab.prober.stuck).toBe(0);
  });

  it('any answer is one of a server that lives, also a refusal', () => {
    const lab = aLab();
    ends(lab, { kind: 'registerAnswered', status: 403 });
    expect(lab.word(A)).toBe('up enabled');
    expect(lab.server(A).cause?.text).toBe('The server answered 403 to a REGISTER.');
    expect(lab.server(A).targets[0]?.lastResponse).toEqual({ code: 403, reason: 'to a REGISTER' });
  });

  it.each([
    ['unanswered', silent, 'probe.unanswered'],
    ['500', { kind: 'registerAnswered', status: 500 }, 'probe.badAnswer'],
    ['refused', { kind: 'failed', fault: fault('transport.refused', 'peer') }, 'transport.refused'],
  ] as const)('%s three times: down; one answer brings it back', (_, result, code) => {
    const lab = aLab();
    ends(lab, ok);
    ends(lab, result, 2);
    expect(lab.word(A)).toBe('up enabled');
    ends(lab, result);
    expect(lab.word(A)).toBe('down disabled');
    expect(lab.server(A).cause?.code).toBe(code);
    ends(lab, ok);
    expect(lab.word(A)).toBe('up enabled');
  });

  it('never answered: ranked last, with an alarm', () => {
    const lab = aLab();
    ends(lab, silent, 3);
    expect(lab.word(A)).toBe('unknown enabled lastResort');
    expect(lab.notices()).toEqual(['probe.neverAnswered']);
  });

  it('our own fault, DNS and a silent proxy of ours are no word about the server', () => {
    const lab = aLab();
    ends(lab, ok);
    for (const code of ['transport.local', 'dns.timeout', 'proxy.hopFailed'] as const) {
      ends(lab, { kind: 'failed', fault: fault(code, 'local') }, 4);
    }
    lab.ownFault = fault('ownFault.noCarrier', 'local');
    ends(lab, silent, 4);
    expect(lab.word(A)).toBe('up enabled');
    lab.ownFault = undefined;
  });

  it('REGISTERs to other places say nothing of it', () => {
    const lab = aLab();
    ends(lab, ok);
    for (let turn = 0; turn < 5; turn += 1) {
      const at = lab.time.now();
      lab.prober.registerEnded({ target: 'udp:192.0.2.9:5060', at, result: silent });
      lab.run(30);
    }
    expect(lab.word(A)).toBe('up enabled');
  });

  it('a server that is taken away hears no more, and nobody wants reports then', () => {
    const lab = aLab();
    ends(lab, ok);
    lab.prober.apply([aContract([aServer('192.0.2.2')])]);
    expect(lab.prober.wantsReports).toBe(false);
    ends(lab, silent, 3);
    expect(lab.prober.probeCount).toBe(1);
  });
});
