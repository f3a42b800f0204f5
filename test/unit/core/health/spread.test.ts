import { describe, expect, it } from 'vitest';
import { instant } from '../../../../src/core/base/instant.ts';
import { ProbeCalendar, phaseOf } from '../../../../src/core/health/spread.ts';
import { aContract, aServer, PLAN, ProbeLab } from '../../../support/health/probe-lab.ts';
import { SeededRandom } from '../../../support/seeded-random.ts';

/** The most in any 100 ms from `from` to `to`, both in seconds, against what would be fair. */
function peak(lab: ProbeLab, perSecond: number, from: number, to: number): number {
  const bins = new Map<number, number>();
  for (const { atMs } of lab.network.requests) {
    if (atMs < from * 1000 || atMs >= to * 1000) continue;
    const bin = Math.floor(atMs / 100);
    bins.set(bin, (bins.get(bin) ?? 0) + 1);
  }
  return Math.max(...bins.values()) / (perSecond / 10);
}

function aCrowd(count: number): ProbeLab {
  const lab = new ProbeLab(5);
  const servers = Array.from({ length: count }, (_, index) =>
    aServer(`127.2.${Math.floor(index / 250)}.${(index % 250) + 1}`),
  );
  lab.prober.apply([aContract(servers)]);
  return lab;
}

describe('10,000 probes in 10 s', () => {
  it('never come as 1.2 times their fair share in any 100 ms', () => {
    const lab = aCrowd(10_000);
    lab.run(60);
    expect(peak(lab, 1_000, 0, 10)).toBeLessThanOrEqual(1.2);
    expect(peak(lab, 1_000, 10, 60)).toBeLessThanOrEqual(1.1);
    expect(lab.network.started).toBeGreaterThan(59_000);
    expect(lab.network.started).toBeLessThan(61_000);
  });
});

describe('1,000 probes in 10 s', () => {
  it('never come as more than 1.2 times their fair share in any 100 ms', () => {
    const lab = aCrowd(1_000);
    lab.run(120);
    expect(peak(lab, 100, 11, 120)).toBeLessThanOrEqual(1.2);
  });

  it('are even again after an outage of all', () => {
    const lab = aCrowd(1_000);
    lab.run(20);
    const silent = lab.network.behaviours;
    for (const { key } of lab.network.requests) silent.set(key, { does: 'silent', rttMs: 0 });
    lab.run(60);
    silent.clear();
    lab.run(20);
    expect(lab.prober.contract('acme')?.enabled).toBe('all');
    lab.run(100);
    expect(peak(lab, 100, 130, 200)).toBeLessThanOrEqual(1.3);
  });
});

describe('a few servers', () => {
  it('are known at once, and then each keeps its own phase', () => {
    const lab = aCrowd(3);
    lab.run(1);
    expect(lab.prober.contract('acme')?.peerServers.map(({ state }) => state)).toEqual([
      'up',
      'up',
      'up',
    ]);
    lab.run(199);
    for (const key of new Set(lab.network.requests.map((request) => request.key))) {
      const times = lab.network.requests.flatMap((one) => (one.key === key ? [one.atMs] : []));
      const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
      // The first gap leads from the early first probe to the phase.
      expect(Math.min(...gaps.slice(1))).toBeGreaterThanOrEqual(0.9 * PLAN.intervalMs - 1);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(1.1 * PLAN.intervalMs + 1);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.1 * PLAN.intervalMs - 1);
    }
  });
});

describe('phases', () => {
  it('are the same for the same text, and even over many', () => {
    expect(phaseOf('acme/madrid')).toBe(phaseOf('acme/madrid'));
    const bins = new Array<number>(10).fill(0);
    for (let index = 0; index < 10_000; index += 1) {
      const bin = Math.floor(phaseOf(`udp:127.2.0.${index}:5060`) * 10);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    expect(Math.min(...bins)).toBeGreaterThan(900);
    expect(Math.max(...bins)).toBeLessThan(1_100);
  });
});

describe('the calendar', () => {
  it('keeps every turn within its bounds, also for intervals beyond its horizon', () => {
    const random = new SeededRandom(3);
    const calendar = new ProbeCalendar(random);
    for (let index = 0; index < 2_000; index += 1) {
      const intervalMs = 1_000 * Math.ceil(random.fraction() * 3_600);
      const last = instant(1_000_000 * random.fraction());
      const phase = random.fraction();
      calendar.join(intervalMs);
      const next = calendar.nextTurn(last, intervalMs) - last;
      expect(next).toBeGreaterThanOrEqual(0.9 * intervalMs - 1e-6);
      expect(next).toBeLessThanOrEqual(1.1 * intervalMs + 1e-6);
      const home = calendar.homeTurn(last, intervalMs, phase) - last;
      expect(home).toBeGreaterThanOrEqual(0.1 * intervalMs - 1e-6);
      expect(home).toBeLessThanOrEqual(1.1 * intervalMs + 1e-6);
      const first = calendar.firstTurn(last, phase, intervalMs, index + 1) - last;
      expect(first).toBeGreaterThanOrEqual(0);
      expect(first).toBeLessThanOrEqual(intervalMs + 1_000);
    }
  });
});
