/** trunkd did not run for a while: its clock stood still, those of the registrars went on. */
import { describe, expect, it } from 'vitest';
import { after } from '../../../../src/core/base/instant.ts';
import { smallestBurst } from '../../../support/rate-limit.ts';
import { Rig } from '../../../support/registration/rig.ts';
import { granted } from '../../../support/registration/scripted-user-agent.ts';

const HOUR_MS = 3_600_000;
const PACING = { perTarget: 6, burst: 3, max: 6 };

/** Everybody is bound, and the first refreshes are over. */
function bound(count: number, expiresSec = 3600): Rig {
  const rig = new Rig({ pacing: PACING });
  rig.add(count, { expiresSec });
  rig.time.run(1.5 * expiresSec * 1000);
  expect(rig.counted('registered')).toBe(count);
  rig.userAgent.calls.length = 0;
  rig.events.length = 0;
  return rig;
}

describe('after a standstill', () => {
  it('who lost its binding registers again, paced, first who ran out first', () => {
    const rig = bound(200);
    const ends = new Map([...rig.keeper.ids()].map((id) => [id, rig.of(id).expiresAt ?? 0]));
    const wokeAt = rig.time.elapsedMs;
    rig.keeper.stoodStill(2 * HOUR_MS);
    expect(rig.counted('registered')).toBe(0);
    rig.time.run(60_000);
    expect(rig.counted('registered')).toBe(200);
    const { calls } = rig.userAgent;
    expect(calls.map(({ user }) => user)).toEqual(
      [...ends].sort(([, a], [, b]) => a - b).map(([id]) => id),
    );
    expect(
      smallestBurst(
        calls.map(({ at }) => at - wokeAt),
        6,
      ),
    ).toBeLessThanOrEqual(3 + 1e-6);
    for (const id of ends.keys()) expect(rig.of(id).counters.lapses).toBe(1);
    const lapse = rig.events.find((event) => event.type === 'registration.changed');
    expect(lapse).toMatchObject({ isLapse: true, cause: { code: 'registration.stoodStill' } });
    expect(rig.keeper.stuck).toBe(0);
  });

  it('what still lives is refreshed before its end by the clock of the registrar', () => {
    const rig = bound(100);
    // Some are due by then, and none has lapsed.
    const soonest = Math.min(...[...rig.keeper.ids()].map((id) => rig.inMs(rig.of(id).expiresAt)));
    const standstillMs = soonest - 60_000;
    const ends = new Map(
      [...rig.keeper.ids()].map((id) => [id, rig.inMs(rig.of(id).expiresAt) - standstillMs]),
    );
    const wokeAt = rig.time.elapsedMs;
    rig.keeper.stoodStill(standstillMs);
    rig.time.run(HOUR_MS);
    for (const [id, endMs] of ends) {
      const first = rig.userAgent.calls.find(({ user }) => user === id);
      expect((first?.at ?? Number.NaN) - wokeAt, id).toBeLessThan(endMs);
      expect(rig.of(id).counters.lapses).toBe(0);
    }
  });

  it('an answer of before the standstill does not count as one of after it', () => {
    const rig = new Rig();
    rig.userAgent.script = (call) => {
      const reply = granted(call, 600);
      return typeof reply === 'object' ? { ...reply, delayMs: 2_000 } : reply;
    };
    rig.add(1);
    rig.time.run(1_000);
    expect(rig.userAgent.calls).toHaveLength(1);
    rig.keeper.stoodStill(500_000);
    rig.time.run(3_000);
    expect(rig.userAgent.calls).toHaveLength(2);
    // From the second request on, and not from the first.
    expect(rig.inMs(rig.of('u0').expiresAt)).toBeGreaterThan(590_000);
    expect(rig.userAgent.violations).toEqual([]);
  });

  it('waits are over sooner, and so are orders of operators', () => {
    const rig = new Rig();
    rig.userAgent.script = () => ({ status: 403 });
    rig.add(2);
    rig.time.run(61_000 + 70_000 + 301_000);
    const { length } = rig.userAgent.calls;
    const order = { command: 'off', reason: '', until: after(rig.time.now(), HOUR_MS) } as const;
    rig.keeper.order('u1', order);
    rig.userAgent.script = (call) => granted(call, 600);
    rig.keeper.stoodStill(HOUR_MS);
    rig.time.run(5_000);
    expect(rig.userAgent.calls.length).toBeGreaterThan(length);
    expect(rig.counted('registered')).toBe(2);
  });

  it('whoever asked for the bindings is told to ask again', () => {
    const rig = bound(1);
    rig.userAgent.script = () => 'silence';
    const answers: unknown[] = [];
    rig.keeper.fetchBindings('u0', (list) => answers.push(list));
    rig.time.run(1_000);
    rig.keeper.stoodStill(10_000);
    expect(answers).toHaveLength(1);
    expect(rig.of('u0').state).toBe('registered');
  });
});
