/** How soon and how surely silence is noticed, on virtual time over many seeds. */
import { describe, expect, it } from 'vitest';
import type { ProbePlan } from '../../../../src/core/health/spec.ts';
import { aContract, aServer, PLAN, ProbeLab } from '../../../support/health/probe-lab.ts';
import { SeededRandom } from '../../../support/seeded-random.ts';

const KEY = 'udp:192.0.2.9:5060';
const ID = 'acme/192.0.2.9';

function anObservedServer(seed: number): ProbeLab {
  const lab = new ProbeLab(seed);
  lab.prober.apply([aContract([aServer('192.0.2.9')])]);
  lab.run(60 + 20 * new SeededRandom(seed + 7).fraction());
  expect(lab.word(ID)).toBe('up enabled');
  return lab;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

describe('a server that falls silent, interval 10 s', () => {
  const detections: number[] = [];
  const recoveries: number[] = [];

  it('is down after half an interval and 4 s, with three misses, and up within 3 s of its return', () => {
    for (let seed = 1; seed <= 1_000; seed += 1) {
      const lab = anObservedServer(seed);
      lab.network.behave(KEY, 'silent');
      const before = lab.network.started;
      detections.push(lab.until(() => !lab.server(ID).enabled, 30));
      expect(lab.network.started - before).toBeGreaterThanOrEqual(PLAN.fall);
      lab.run(20 * new SeededRandom(seed + 8).fraction());
      lab.network.behave(KEY, 200);
      recoveries.push(lab.until(() => lab.server(ID).enabled, 30));
    }
    expect(median(detections)).toBeGreaterThan(8);
    expect(median(detections)).toBeLessThan(9.5);
    expect(Math.max(...detections)).toBeLessThan(15.2);
    expect(median(recoveries)).toBeLessThan(2);
    expect(Math.max(...recoveries)).toBeLessThan(3);
  });
});

describe('the profile fast', () => {
  const fast: ProbePlan = { ...PLAN, intervalMs: 5_000, timeoutMs: 2_000, recheckMs: 500 };

  it('notices silence after half an interval and 2 s, with three misses', () => {
    const detections: number[] = [];
    for (let seed = 1; seed <= 1_000; seed += 1) {
      const lab = new ProbeLab(seed);
      lab.prober.apply([aContract([aServer('192.0.2.9', { probe: fast })])]);
      lab.run(30 + 10 * new SeededRandom(seed + 7).fraction());
      lab.network.behave(KEY, 'silent');
      const before = lab.network.started;
      detections.push(lab.until(() => !lab.server(ID).enabled, 30));
      expect(lab.network.started - before).toBeGreaterThanOrEqual(fast.fall);
    }
    expect(median(detections)).toBeGreaterThan(4);
    expect(median(detections)).toBeLessThan(4.8);
    expect(Math.max(...detections)).toBeLessThan(5.5 + 2.1);
  });
});

describe('the time from the first unanswered probe to the verdict', () => {
  it.each([
    [1, 4_000, 4],
    [2, 4_000, 4],
    [3, 4_000, 4],
    [4, 4_000, 4],
    [5, 4_000, 5],
    [6, 4_000, 6],
    [2, 2_000, 2],
    [3, 2_000, 3],
    [3, 8_000, 8],
  ])('fall %i, time-out %i ms: %i s', (fall, timeoutMs, seconds) => {
    const lab = new ProbeLab();
    lab.prober.apply([aContract([aServer('192.0.2.9', { probe: { ...PLAN, fall, timeoutMs } })])]);
    lab.run(60);
    lab.network.behave(KEY, 'silent');
    const before = lab.network.started;
    lab.until(() => lab.network.started > before, 20);
    const elapsed = lab.until(() => !lab.server(ID).enabled, 30);
    expect(elapsed).toBeGreaterThan(seconds - 0.02);
    expect(elapsed).toBeLessThan(seconds + 0.02);
    expect(lab.server(ID).targets[0]?.failures).toBeGreaterThanOrEqual(fall);
  });

  it('follows the round-trip time of a slow server, at most to twice the time-out', () => {
    const lab = new ProbeLab();
    lab.network.behave(KEY, 200, 1_700);
    lab.prober.apply([aContract([aServer('192.0.2.9')])]);
    lab.run(120);
    expect(lab.changes(ID)).toEqual(['up enabled']);
    const { started } = lab.network;
    lab.run(100);
    // Its answers take longer than a second, and are waited for: no second probe starts.
    expect(lab.network.started - started).toBeLessThanOrEqual(11);
    lab.network.behave(KEY, 'silent');
    const before = lab.network.started;
    lab.until(() => lab.network.started > before, 20);
    expect(lab.until(() => !lab.server(ID).enabled, 30)).toBeCloseTo(6.8, 1);
  });
});

describe('where datagrams get lost', () => {
  function aLossy(loss: number): number {
    const lab = anObservedServer(1);
    lab.network.loss = loss;
    lab.run(600);
    lab.network.loss = 0;
    lab.run(20);
    lab.network.behave(KEY, 'silent');
    const before = lab.network.started;
    lab.until(() => lab.network.started > before, 20);
    return lab.until(() => !lab.server(ID).enabled, 30);
  }

  it('a row of silence has to last half as long again', () => {
    expect(aLossy(0.1)).toBeCloseTo(6, 1);
    expect(aLossy(0)).toBeCloseTo(4, 1);
  });
});

describe('a probe that is lost now and then', () => {
  it('one of ten: nothing changes', () => {
    const lab = new ProbeLab();
    lab.prober.apply([aContract([aServer('192.0.2.9')])]);
    lab.run(30);
    for (let turn = 0; turn < 50; turn += 1) {
      const before = lab.network.started;
      lab.network.behave(KEY, 'silent');
      lab.until(() => lab.network.started > before, 20);
      lab.run(0.5);
      lab.network.behave(KEY, 200);
      lab.run(90);
    }
    expect(lab.changes(ID)).toEqual(['up enabled']);
  });
});

describe('a late answer', () => {
  it('counts for nothing: who always answers after the time-out is down, and stays down', () => {
    const lab = new ProbeLab();
    lab.prober.apply([aContract([aServer('192.0.2.9')])]);
    lab.run(60);
    lab.network.behave(KEY, 200, 6_000);
    lab.run(300);
    expect(lab.changes(ID)).toEqual(['up enabled', 'down disabled lastResort']);
  });

  it('within the time-out ends the row of misses', () => {
    const lab = new ProbeLab();
    lab.prober.apply([aContract([aServer('192.0.2.9')])]);
    lab.run(60);
    for (let turn = 0; turn < 20; turn += 1) {
      lab.network.behave(KEY, 200, 3_500);
      lab.run(4);
      lab.network.behave(KEY, 200);
      lab.run(30);
    }
    expect(lab.changes(ID)).toEqual(['up enabled']);
  });
});
