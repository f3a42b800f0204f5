import { describe, expect, it } from 'vitest';
import { Rig } from '../../../support/registration/rig.ts';
import { granted } from '../../../support/registration/scripted-user-agent.ts';

const REFUSED = {
  status: 401,
  refusal: { kind: 'credentials', realm: 'acme' },
  requests: 2,
} as const;
const PACED = { perTarget: 50, burst: 5, max: 50 };

describe('the lock-out guard', () => {
  it('stops after 5 refused in a row where that is a fifth of all', () => {
    const rig = new Rig({ pacing: PACED });
    rig.userAgent.script = () => REFUSED;
    rig.add(20);
    rig.time.run(30_000);
    // Five, and those that were under way.
    expect(rig.counted('rejected')).toBeLessThanOrEqual(8);
    expect(rig.counted('waiting')).toBeGreaterThanOrEqual(12);
    expect(rig.notices()).toEqual(['registrar.lockoutGuard']);
    const held = rig.of('u19');
    expect(held.cause?.code).toBe('registrar.lockoutGuard');
    expect(rig.inMs(held.nextAttemptAt)).toBeGreaterThan(0);
    expect(rig.inMs(held.nextAttemptAt)).toBeLessThanOrEqual(60_000);
  });

  it('then lets one try after 60 s, 5 min, and every 30 min', () => {
    const rig = new Rig({ pacing: PACED });
    rig.userAgent.script = () => REFUSED;
    rig.add(20);
    rig.time.run(30_000);
    const attempts = () => rig.userAgent.calls.length / 2;
    const before = attempts();
    rig.time.run(60_000);
    expect(attempts() - before).toBe(1);
    rig.time.run(290_000);
    expect(attempts() - before).toBe(2);
    rig.time.run(3 * 1_800_000);
    expect(attempts() - before).toBe(5);
  });

  it('does not trip while a fifth is not reached, nor within a minute of a success', () => {
    const rig = new Rig({ pacing: PACED });
    rig.userAgent.script = (call) =>
      Number(call.user.slice(1)) < 50 ? granted(call, 3600) : REFUSED;
    rig.add(100, { expiresSec: 3600 });
    rig.time.run(30_000);
    expect(rig.counted('rejected')).toBe(50);
    expect(rig.notices()).toEqual([]);
  });

  it('frees all at the first success', () => {
    const rig = new Rig({ pacing: PACED });
    rig.userAgent.script = () => REFUSED;
    rig.add(30);
    rig.time.run(30_000);
    rig.userAgent.script = (call) => granted(call, 600);
    rig.time.run(70_000);
    expect(rig.counted('registered')).toBe(30);
    expect(rig.notices()).toEqual(['registrar.lockoutGuard', 'registrar.guardLifted']);
  });

  it('never delays a living binding, nor what an operator asks for', () => {
    const rig = new Rig({ pacing: PACED });
    rig.add(1, { expiresSec: 600 }, 'good');
    rig.time.run(1_000);
    rig.time.run(120_000);
    rig.userAgent.script = (call) => (call.user === 'good0' ? granted(call, 600) : REFUSED);
    rig.add(15, {}, 'bad');
    rig.time.run(20_000);
    expect(rig.notices()).toEqual(['registrar.lockoutGuard']);
    const before = rig.userAgent.calls.length;
    rig.keeper.registerNow('bad14');
    rig.time.run(1_000);
    expect(rig.userAgent.calls.length - before).toBe(2);
    rig.time.run(600_000);
    expect(rig.of('good0').counters.lapses).toBe(0);
    expect(rig.of('good0').state).toBe('registered');
  });
});

describe('a registrar at fault', () => {
  /** 100 registrations that worked, and are refused from now on as they come due. */
  function faultyRig() {
    const rig = new Rig({ pacing: PACED });
    rig.add(2_000, { expiresSec: 600 });
    rig.time.run(100_000);
    expect(rig.counted('registered')).toBe(2_000);
    rig.userAgent.script = () => ({ status: 403 });
    return rig;
  }

  it('is noticed at 20 refusals within a minute', () => {
    const rig = faultyRig();
    rig.time.run(60_000);
    expect(rig.notices()).toEqual(['registrar.atFault']);
  });

  it('is asked by one canary every 3 minutes once the bindings are gone', () => {
    const rig = faultyRig();
    rig.time.run(700_000);
    expect(rig.counted('rejected') + rig.counted('waiting')).toBe(2_000);
    const before = rig.userAgent.calls.length;
    rig.time.run(1_800_000);
    expect(rig.userAgent.calls.length - before).toBeLessThanOrEqual(11);
    expect(rig.userAgent.calls.length - before).toBeGreaterThanOrEqual(9);
    for (const id of rig.keeper.ids()) {
      expect(rig.inMs(rig.of(id).nextAttemptAt)).toBeLessThanOrEqual(180_000);
    }
  });

  it('frees all at the first success', () => {
    const rig = faultyRig();
    rig.time.run(1_000_000);
    rig.userAgent.script = (call) => granted(call, 600);
    rig.time.run(300_000);
    expect(rig.counted('registered')).toBe(2_000);
    expect(rig.notices()).toEqual(['registrar.atFault', 'registrar.guardLifted']);
  });
});

it('registrations that worked yesterday do not prove a registrar at fault', () => {
  const rig = new Rig({ pacing: PACED });
  rig.add(100, { expiresSec: 600 });
  rig.time.run(60_000);
  rig.userAgent.script = () => 'silence';
  rig.time.run(25 * 3_600_000);
  rig.userAgent.script = () => ({ status: 403 });
  rig.time.run(300_000);
  expect(rig.notices()).toContain('registrar.lockoutGuard');
  expect(rig.notices()).not.toContain('registrar.atFault');
});

describe('a registrar that says 403 to all 2,000 for 12 minutes', () => {
  const COUNT = 2_000;
  const OUTAGE_MS = 720_000;

  it.each([
    [3600, 6],
    [600, 20],
  ])(
    'at expires %i and %i/s: one cycle in 3 minutes, and nobody sleeps on',
    (expiresSec, perTarget) => {
      const pacing = { perTarget, burst: 3, max: perTarget };
      const pacingMs = (COUNT / perTarget) * 1000;
      const rig = new Rig({ pacing });
      rig.add(COUNT, { expiresSec });
      rig.time.run(pacingMs + 300_000);
      expect(rig.counted('registered')).toBe(COUNT);
      rig.userAgent.script = () => ({ status: 403 });
      let outageMs = 0;
      while (!rig.notices().includes('registrar.atFault') && outageMs < OUTAGE_MS) {
        rig.time.run(1_000);
        outageMs += 1_000;
      }
      // What was on its way when it was noticed may still end.
      rig.time.run(1_000);
      const noticedAt = rig.userAgent.calls.length;
      rig.time.run(OUTAGE_MS - outageMs - 1_000);
      const leftMs = OUTAGE_MS - outageMs - 1_000;
      const cycles = rig.userAgent.calls.length - noticedAt;
      expect(cycles).toBeGreaterThanOrEqual(Math.floor(leftMs / 180_000) - 1);
      expect(cycles).toBeLessThanOrEqual(Math.ceil(leftMs / 180_000));
      // Each has its next try, and no try is further than the canary or the end of what was granted.
      for (const id of rig.keeper.ids()) {
        const inMs = rig.inMs(rig.of(id).nextAttemptAt);
        expect(inMs, id).toBeLessThanOrEqual(expiresSec * 1000);
      }
      rig.userAgent.script = (call) => granted(call, expiresSec);
      rig.time.run(180_000 + pacingMs + 5_000);
      expect(rig.counted('registered')).toBe(COUNT);
      for (const id of rig.keeper.ids()) expect(rig.of(id).bound, id).toBe(true);
      expect(rig.notices()).toEqual(['registrar.atFault', 'registrar.guardLifted']);
      expect(rig.userAgent.violations).toEqual([]);
    },
  );
});
