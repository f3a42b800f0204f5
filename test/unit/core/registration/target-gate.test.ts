import { describe, expect, it } from 'vitest';
import { smallestBurst } from '../../../support/rate-limit.ts';
import { Rig } from '../../../support/registration/rig.ts';
import { granted } from '../../../support/registration/scripted-user-agent.ts';

const UNPACED = { perTarget: 0, burst: 1, max: 0 };

/** How many calls fall into each window of that length, at most. */
function densest(times: readonly number[], windowMs: number): number {
  let most = 0;
  let first = 0;
  for (const [last, at] of times.entries()) {
    while ((times[first] as number) <= at - windowMs) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

describe('the line before a target', () => {
  const PACING = { perTarget: 6, burst: 3, max: 6 };
  const CHANGE = { localSocket: 'udp', protocol: 'udp', family: 4, isDefault: true } as const;

  it('whoever has no binding goes before those that only make theirs anew, with long to live', () => {
    const rig = new Rig({ pacing: PACING });
    rig.add(200, { expiresSec: 3600 });
    rig.time.run(60_000);
    expect(rig.counted('registered')).toBe(200);
    rig.keeper.localAddressChanged({ ...CHANGE, remotes: undefined });
    rig.time.run(6_000);
    rig.add(5, { expiresSec: 3600 }, 'new');
    rig.time.run(2_000);
    for (let index = 0; index < 5; index += 1) expect(rig.of(`new${index}`).bound).toBe(true);
  });

  it('a binding that runs out soon goes before both', () => {
    const rig = new Rig({ pacing: PACING });
    rig.add(100, { expiresSec: 3600 });
    rig.time.run(30_000);
    rig.add(1, { expiresSec: 600 }, 'short');
    rig.time.run(1_000);
    rig.add(60, { expiresSec: 3600 }, 'new');
    rig.keeper.localAddressChanged({ ...CHANGE, remotes: undefined });
    const before = rig.of('short0').counters.requests;
    rig.time.run(7_000);
    expect(rig.of('short0').counters.requests).toBe(before + 1);
    expect(rig.counted('registered')).toBeLessThan(160);
  });
});

describe('a target that never answers', () => {
  it.each([UNPACED, { perTarget: 300, burst: 300, max: 300 }])(
    'sees few attempts (%o)',
    (pacing) => {
      const rig = new Rig({ pacing });
      rig.userAgent.script = () => 'silence';
      rig.add(1_000);
      rig.time.run(30_000);
      // Nothing was ever heard: no more than this begin at all.
      expect(rig.userAgent.calls).toHaveLength(20);
      rig.time.run(600_000);
      const times = rig.userAgent.calls.slice(20).map((call) => call.at);
      expect(densest(times, 1_000)).toBeLessThanOrEqual(1);
      expect(times.length).toBeLessThanOrEqual(25);
      expect(new Set(rig.userAgent.calls.slice(20).map((call) => call.user)).size).toBe(
        times.length,
      );
    },
  );

  it('is asked by another registration each time, bound or not', () => {
    const rig = new Rig();
    rig.add(60, { expiresSec: 3600 });
    rig.time.run(5_000);
    rig.userAgent.script = () => 'silence';
    rig.time.run(3_200_000);
    rig.userAgent.calls.length = 0;
    rig.time.run(300_000);
    const users = rig.userAgent.calls.map(({ user }) => user);
    expect(users.length).toBeGreaterThan(8);
    expect(new Set(users).size).toBe(users.length);
  });

  it('holds everybody in a state that shows the cause and a next attempt', () => {
    const rig = new Rig();
    rig.userAgent.script = () => 'silence';
    rig.add(50);
    rig.time.run(120_000);
    expect(rig.counted('waiting')).toBe(50);
    expect(rig.notices()).toEqual(['target.dead']);
    for (const id of rig.keeper.ids()) {
      expect(rig.of(id).cause?.code).toBe('target.dead');
      expect(rig.inMs(rig.of(id).nextAttemptAt)).toBeLessThanOrEqual(30_000);
    }
  });

  it('is not declared dead by two registrations, however often they try', () => {
    const rig = new Rig();
    rig.userAgent.script = () => 'silence';
    rig.add(2);
    rig.time.run(7_200_000);
    expect(rig.notices()).toEqual([]);
    expect(rig.of('u0').cause?.code).toBe('timeout.response');
  });

  it('is not declared dead while others are answered in between', () => {
    const rig = new Rig();
    rig.userAgent.script = (call) =>
      Number(call.user.slice(1)) % 3 === 0 ? granted(call, 60) : 'silence';
    rig.add(9, { expiresSec: 60 });
    rig.time.run(600_000);
    expect(rig.counted('registered')).toBe(3);
    expect(rig.of('u0').counters.lapses).toBe(0);
  });

  it('does not cost those their bindings whom it answers, even if it ignores all others', () => {
    const rig = new Rig();
    rig.userAgent.script = (call) => (call.user === 'good0' ? granted(call, 60) : 'silence');
    rig.add(1, { expiresSec: 60 }, 'good');
    rig.time.run(10_000);
    rig.add(5, { expiresSec: 60 }, 'bad');
    rig.time.run(3_600_000);
    expect(rig.of('good0').counters.lapses).toBe(0);
    // The others go on by their back-off alone.
    expect(rig.userAgent.calls.length).toBeLessThanOrEqual(3_600 / 8);
  });

  it('is not blamed for faults of our own', () => {
    const rig = new Rig();
    rig.userAgent.script = () => ({ fault: 'transport.local' });
    rig.add(20);
    rig.time.run(1_000);
    expect(rig.notices()).toEqual([]);
    expect(rig.of('u7').cause?.code).toBe('transport.local');
  });

  it('is not given up for three that were lost by chance', () => {
    const rig = new Rig({ pacing: { perTarget: 5, burst: 1, max: 5 } });
    rig.userAgent.script = (call) =>
      call.user === 'u0' || call.user === 'u1' || call.user === 'u2'
        ? 'silence'
        : granted(call, 600);
    rig.add(3);
    rig.time.run(3_000);
    rig.add(50, {}, 'v');
    // One goes 4 s after the third, is answered, and all others follow.
    rig.time.run(20_000);
    expect(rig.counted('registered')).toBe(50);
    expect(rig.notices()).toEqual([]);
  });

  it('is left in peace early: three unanswered for 4 s are enough', () => {
    const rig = new Rig({ pacing: { perTarget: 1, burst: 1, max: 1 } });
    rig.add(100);
    rig.time.run(10_000);
    rig.userAgent.script = () => 'silence';
    const before = rig.userAgent.calls.length;
    rig.time.run(25_000);
    // One a second until the third is 4 s old and nothing was heard.
    expect(rig.userAgent.calls.length - before).toBeLessThanOrEqual(8);
  });
});

describe('a target that dies and comes back', () => {
  /** 1,000 registrations that come due while the target is dead for `outageMs`. */
  function outage(outageMs: number, pacing: { perTarget: number; burst: number; max: number }) {
    const rig = new Rig({ pacing });
    rig.add(1_000, { expiresSec: 3600 });
    rig.time.run(2_000_000);
    expect(rig.counted('registered')).toBe(1_000);
    rig.userAgent.script = () => 'silence';
    const diedAt = rig.time.elapsedMs;
    rig.time.run(outageMs);
    const returnedAt = rig.time.elapsedMs;
    rig.userAgent.script = (call) => granted(call, 3600);
    return { rig, diedAt, returnedAt };
  }

  it('gets at most 2 requests a second while dead, and no lapse when that is shorter than M', () => {
    const { rig, diedAt, returnedAt } = outage(300_000, { perTarget: 50, burst: 10, max: 50 });
    rig.time.run(3_600_000);
    const dead = rig.userAgent.calls.filter(({ at }) => at > diedAt && at <= returnedAt);
    expect(
      densest(
        dead.map(({ at }) => at),
        1_000,
      ),
    ).toBeLessThanOrEqual(2);
    expect(dead.length).toBeLessThanOrEqual(40);
    for (const id of rig.keeper.ids()) expect(rig.of(id).counters.lapses).toBe(0);
    expect(rig.counted('registered')).toBe(1_000);
    expect(rig.notices()).toEqual(['target.dead', 'target.recovered']);
  });

  it('has all of them back soon after a long outage, through slow start and never above the pace', () => {
    const pacing = { perTarget: 50, burst: 10, max: 50 };
    const { rig, returnedAt } = outage(7_200_000, pacing);
    expect(rig.counted('waiting')).toBe(1_000);
    rig.time.run(120_000);
    expect(rig.counted('registered')).toBe(1_000);
    const times = rig.userAgent.calls.map(({ at }) => at).filter((at) => at > returnedAt);
    const begin = times[1] as number;
    const early = times.filter((at) => at < begin + 5_000);
    expect(early.length).toBeLessThanOrEqual(55);
    expect(smallestBurst(times, pacing.perTarget)).toBeLessThanOrEqual(pacing.burst + 1e-6);
    expect(rig.keeper.stuck).toBe(0);
    expect(rig.userAgent.violations).toEqual([]);
  });

  it('is asked twice as fast every 5 s until the pace is reached', () => {
    const { rig, returnedAt } = outage(7_200_000, { perTarget: 80, burst: 10, max: 80 });
    rig.time.run(60_000);
    const times = rig.userAgent.calls.map(({ at }) => at).filter((at) => at > returnedAt);
    const begin = times[1] as number;
    const during = (fromSec: number, toSec: number): number =>
      times.filter((at) => at >= begin + fromSec * 1000 && at < begin + toSec * 1000).length;
    expect(during(0, 5)).toBeLessThanOrEqual(55);
    for (const [fromSec, toSec, perSec] of [
      [5, 10, 20],
      [10, 15, 40],
    ] as const) {
      expect(during(fromSec, toSec)).toBeGreaterThan(perSec * 4.5);
      expect(during(fromSec, toSec)).toBeLessThan(perSec * 5.5);
    }
  });

  it('sees no burst again at the next refresh after a mass recovery', () => {
    const { rig } = outage(7_200_000, { perTarget: 0, burst: 1, max: 0 });
    rig.time.run(120_000);
    const recovered = rig.time.elapsedMs;
    rig.time.run(3_300_000);
    const times = rig.userAgent.calls.map(({ at }) => at).filter((at) => at > recovered);
    expect(times.length).toBeGreaterThanOrEqual(1_000);
    expect(densest(times, 1_000)).toBeLessThanOrEqual(5);
  });

  it('sends those first whose bindings run out first', () => {
    const rig = new Rig({ pacing: { perTarget: 20, burst: 1, max: 20 } });
    rig.userAgent.script = (call) => granted(call, call.user.startsWith('s') ? 900 : 3600);
    rig.add(100, { expiresSec: 3600 }, 'l');
    rig.add(100, { expiresSec: 900 }, 's');
    rig.time.run(700_000);
    rig.userAgent.script = () => 'silence';
    rig.time.run(100_000);
    rig.userAgent.script = (call) => granted(call, call.user.startsWith('s') ? 900 : 3600);
    rig.time.run(60_000);
    for (const id of rig.keeper.ids()) expect(rig.of(id).counters.lapses).toBe(0);
  });
});

describe('503', () => {
  const busy = (retryAfterSec: number) => ({
    status: 503,
    lines: [`Retry-After: ${retryAfterSec}`],
  });

  it('for one or two registrations concerns only them', () => {
    const rig = new Rig();
    rig.userAgent.script = (call) =>
      call.user === 'u0' || call.user === 'u1' ? busy(100) : granted(call, 600);
    rig.add(10);
    rig.time.run(10_000);
    expect(rig.counted('registered')).toBe(8);
    expect(rig.of('u0').cause?.code).toBe('registrar.overloaded');
    expect(rig.notices()).toEqual([]);
  });

  it('for three in a row holds the target for as long as Retry-After says', () => {
    const rig = new Rig({ pacing: { perTarget: 5, burst: 1, max: 5 } });
    rig.userAgent.script = () => busy(60);
    rig.add(100);
    rig.time.run(60_000);
    expect(rig.userAgent.calls.length).toBeLessThanOrEqual(5);
    expect(rig.notices()).toEqual(['target.overloaded']);
    expect(rig.of('u50')).toMatchObject({ state: 'waiting', cause: { code: 'target.overloaded' } });
    rig.time.run(60_000);
    expect(rig.userAgent.calls.length).toBeLessThanOrEqual(10);
    rig.userAgent.script = (call) => granted(call, 600);
    rig.time.run(180_000);
    expect(rig.counted('registered')).toBe(100);
  });

  it('without Retry-After holds it for ten seconds', () => {
    const rig = new Rig({ pacing: { perTarget: 5, burst: 1, max: 5 } });
    rig.userAgent.script = () => ({ status: 503 });
    rig.add(100);
    rig.time.run(5_000);
    expect(rig.notices()).toEqual(['target.overloaded']);
    const times = rig.userAgent.calls.map(({ at }) => at);
    const closedAt = Math.max(...times);
    rig.time.run(closedAt + 9_000 - rig.time.elapsedMs);
    expect(rig.userAgent.calls).toHaveLength(times.length);
    rig.time.run(3_000);
    expect(rig.userAgent.calls).toHaveLength(times.length + 1);
  });

  it('with a list of Contacts is about one address of record, not the target', () => {
    const rig = new Rig();
    rig.userAgent.script = () => ({
      status: 503,
      lines: ['Retry-After: 60', 'Contact: <sip:x@192.0.2.3>;expires=50'],
    });
    rig.add(20);
    rig.time.run(10_000);
    expect(rig.notices()).toEqual([]);
    expect(rig.userAgent.calls).toHaveLength(20);
  });

  it('after a challenge counts as well', () => {
    const rig = new Rig({ pacing: { perTarget: 20, burst: 1, max: 20 } });
    rig.userAgent.script = () => ({ ...busy(60), requests: 2 });
    rig.add(50);
    rig.time.run(50_000);
    expect(rig.notices()).toEqual(['target.overloaded']);
    expect(rig.userAgent.calls.length).toBeLessThanOrEqual(12);
  });
});
