/** What a plan may say beside the usual: policies, slow answers, the look of the request; the cap on all. */
import { describe, expect, it } from 'vitest';
import { ProbeCap } from '../../../../src/core/health/probe-cap.ts';
import { RttStats } from '../../../../src/core/health/rtt-stats.ts';
import type { ProbePlan } from '../../../../src/core/health/spec.ts';
import { policyNamed } from '../../../support/health/findings.ts';
import { aContract, aServer, PLAN, ProbeLab } from '../../../support/health/probe-lab.ts';
import { VirtualTime } from '../../../support/virtual-time.ts';

const A = 'acme/192.0.2.1';
const KEY_A = 'udp:192.0.2.1:5060';

function aProbed(plan: Partial<ProbePlan>, does = 200): ProbeLab {
  const lab = new ProbeLab();
  lab.network.behave(KEY_A, does);
  lab.prober.apply([aContract([aServer('192.0.2.1', { probe: { ...PLAN, ...plan } })])]);
  lab.run(20);
  return lab;
}

describe('a policy of answers', () => {
  it.each([
    ['strict', 404, 'impaired enabled'],
    ['strict', 503, 'down disabled lastResort'],
    ['anyResponse', 503, 'up enabled'],
    ['teams', 404, 'down disabled lastResort'],
    ['cisco', 500, 'up enabled'],
    ['freeswitch', 603, 'down disabled lastResort'],
  ] as const)('%s and %i: %s', (name, status, word) => {
    const lab = aProbed({ answers: policyNamed(name) }, status);
    expect(lab.word(A)).toBe(word);
  });

  it('an ignored answer counts neither way', () => {
    const codes = new Map([[429, 'ignored']] as const);
    const lab = aProbed({ answers: { ...policyNamed('standard'), name: 'mine', codes } });
    lab.network.behave(KEY_A, 429);
    lab.run(120);
    expect(lab.changes(A)).toEqual(['up enabled']);
    lab.network.behave(KEY_A, 'silent');
    lab.run(16);
    expect(lab.server(A).state).toBe('down');
    lab.network.behave(KEY_A, 429);
    lab.run(120);
    expect(lab.server(A).state).toBe('down');
  });

  it('503 with Retry-After is only held where it counts against the server', () => {
    const lab = aProbed({ answers: policyNamed('anyResponse') });
    lab.network.behave(KEY_A, 503, 20, 'Retry-After: 60');
    lab.run(30);
    expect(lab.word(A)).toBe('up enabled');
  });
});

describe('a target that is slow', () => {
  it('is impaired above the threshold, and up again well below it only', () => {
    const lab = aProbed({ impairedAboveMs: 500 });
    lab.network.behave(KEY_A, 200, 900);
    lab.run(400);
    expect(lab.word(A)).toBe('impaired enabled');
    expect(lab.server(A).cause).toMatchObject({ code: 'probe.slow' });
    lab.network.behave(KEY_A, 200, 450);
    lab.run(600);
    expect(lab.word(A)).toBe('impaired enabled');
    lab.network.behave(KEY_A, 200, 100);
    lab.run(200);
    expect(lab.changes(A)).toEqual(['up enabled', 'impaired enabled', 'up enabled']);
  });

  it('one slow answer changes nothing', () => {
    const lab = aProbed({ impairedAboveMs: 500 });
    lab.network.behave(KEY_A, 200, 2_000);
    lab.until(() => lab.server(A).rttMs === 2_000, 20);
    lab.network.behave(KEY_A, 200);
    lab.run(60);
    expect(lab.changes(A)).toEqual(['up enabled']);
  });
});

describe('the request', () => {
  it('looks as the plan says', () => {
    const look = {
      maxForwards: 3,
      user: 'ping',
      fromUser: 'us',
      fromDomain: 'us.example',
      headers: 'X-Probe: 1\r\n',
    };
    const lab = aProbed({ look });
    const { request } = lab.network.requests[0] ?? expect.fail('no probe');
    expect(request.template.requestUri).toBe('sip:ping@192.0.2.1');
    expect(request.template.head).toMatch(
      /^Max-Forwards: 3\r\nFrom: <sip:us@us\.example>;tag=\w+\r\nTo: <sip:ping@192\.0\.2\.1>\r\n/,
    );
  });

  it('to the first hop alone takes its 483 for a good answer', () => {
    const look = { maxForwards: 0, user: '', fromUser: '', fromDomain: '', headers: '' };
    expect(aProbed({ look }, 483).word(A)).toBe('up enabled');
    expect(aProbed({}, 483).word(A)).toBe('impaired enabled');
  });

  it('is shared by equal plans only', () => {
    const lab = new ProbeLab();
    const twin = (name: string, plan: Partial<ProbePlan>) =>
      aServer('192.0.2.1', { name, probe: { ...PLAN, ...plan } });
    const strict = policyNamed('strict');
    lab.prober.apply([aContract([twin('a', {}), twin('b', {}), twin('c', { answers: strict })])]);
    expect(lab.prober.probeCount).toBe(2);
  });
});

describe('round-trip times', () => {
  it('are summed up within 3 %', () => {
    const stats = new RttStats();
    expect(stats.summary()).toBeUndefined();
    for (let ms = 1; ms <= 100; ms += 1) stats.add(ms);
    const { lastMs, p50Ms, p95Ms, samples } = stats.summary() ?? expect.fail('nothing');
    expect([lastMs, samples]).toEqual([100, 64]);
    expect(p50Ms / 68).toBeCloseTo(1, 1);
    expect(p95Ms / 97).toBeCloseTo(1, 1);
  });

  it('of any size are taken', () => {
    const stats = new RttStats();
    for (const ms of [0, 1e-9, 1e9]) stats.add(ms);
    expect(stats.summary()?.samples).toBe(3);
  });
});

describe('the cap on all probes together', () => {
  it('is never passed, serves in order, and forgets who leaves', () => {
    const time = new VirtualTime();
    const cap = new ProbeCap(time, time.timers, 10);
    const users = Array.from({ length: 20 }, () => ({ at: -1, granted() {} }));
    for (const user of users) {
      user.granted = () => {
        user.at = time.now();
      };
      if (cap.enter(user, time.now())) user.granted();
    }
    const [, , gone] = users;
    if (gone !== undefined) cap.leave(gone);
    time.run(1_000);
    expect(users.filter(({ at }) => at >= 0).length).toBeLessThanOrEqual(11);
    time.run(2_000);
    const served = users.filter((user) => user !== gone).map(({ at }) => at);
    expect(served).toEqual([...served].sort((a, b) => a - b));
    expect(served.every((at) => at >= 0)).toBe(true);
    expect(gone?.at).toBe(-1);
    expect(time.timers.size).toBe(0);
  });

  it('holds for probes', () => {
    const lab = new ProbeLab();
    lab.prober.setProbesPerSec(5);
    const servers = Array.from({ length: 100 }, (_, index) => aServer(`192.0.2.${index + 1}`));
    lab.prober.apply([aContract(servers)]);
    const { started } = lab.network;
    lab.run(10);
    expect(lab.network.started - started).toBeLessThanOrEqual(51);
    lab.prober.setProbesPerSec(0);
    lab.run(12);
    expect(servers.every(({ id }) => lab.server(id).state === 'up')).toBe(true);
    expect(lab.prober.stuck).toBe(0);
  });
});

describe('evidence', () => {
  const whats = (lab: ProbeLab) =>
    lab.server(A).targets[0]?.evidence.map(({ what, times }) => `${what} x${times}`) ?? [];

  it('holds what was not as usual, with its times; the same again only counts', () => {
    const lab = aProbed({});
    lab.network.behave(KEY_A, 500);
    lab.run(60);
    expect(whats(lab).slice(0, 2)).toEqual(['unknown -> up x1', '500 Text x3']);
    expect(whats(lab)[2]).toBe('up -> down x1');
    lab.network.behave(KEY_A, 200);
    lab.run(20);
    expect(whats(lab).at(-1)).toBe('down -> up x1');
  });

  it('is of the last eight things', () => {
    const lab = aProbed({});
    for (let round = 0; round < 8; round += 1) {
      lab.network.behave(KEY_A, 500 + (round % 2));
      lab.run(30);
    }
    expect(whats(lab)).toHaveLength(8);
  });
});
