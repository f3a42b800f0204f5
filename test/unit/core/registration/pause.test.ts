/** `trunkd pause`: all registrations rest, and their bindings stay. */
import { describe, expect, it } from 'vitest';
import { after } from '../../../../src/core/base/instant.ts';
import { smallestBurst } from '../../../support/rate-limit.ts';
import { aProfile, aRegistration, Rig } from '../../../support/registration/rig.ts';
import { granted } from '../../../support/registration/scripted-user-agent.ts';

const MINUTE_MS = 60_000;
const PACING = { perTarget: 20, burst: 3, max: 20 };

const orderedBy = (rig: Rig) => ({ by: 'http 192.0.2.9', since: rig.time.now() });

/** 100 that are bound for an hour, 100 for ten minutes, and paused after five minutes. */
function pausedRig(untilMs?: number): Rig {
  const rig = new Rig({ pacing: PACING });
  rig.add(100, { expiresSec: 3600 }, 'long');
  rig.add(100, { expiresSec: 600 }, 'short');
  rig.time.run(5 * MINUTE_MS);
  expect(rig.counted('registered')).toBe(200);
  const until = untilMs === undefined ? undefined : after(rig.time.now(), untilMs);
  rig.keeper.pause.begin({ reason: 'move of the data centre', ...orderedBy(rig), until });
  rig.userAgent.calls.length = 0;
  return rig;
}

describe('a pause', () => {
  it('sends nothing and removes nothing; what runs out waits, and is no lapse', () => {
    const rig = pausedRig();
    rig.time.run(20 * MINUTE_MS);
    expect(rig.userAgent.calls).toEqual([]);
    expect(rig.of('long3')).toMatchObject({ bound: true });
    expect(rig.of('short3')).toMatchObject({
      ...{ state: 'waiting', bound: false, nextAttemptAt: undefined },
      cause: {
        code: 'registration.paused',
        blame: 'operator',
        text: expect.stringContaining('data centre'),
      },
      counters: { lapses: 0 },
    });
    expect(rig.keeper.paused).toMatchObject({ by: 'http 192.0.2.9' });
    expect(rig.keeper.stuck).toBe(0);
  });

  it('ends with resume: everybody follows in the pace, and none is refreshed twice', () => {
    const rig = pausedRig();
    rig.time.run(20 * MINUTE_MS);
    rig.keeper.pause.end();
    rig.time.run(MINUTE_MS);
    expect(rig.counted('registered')).toBe(200);
    const { calls } = rig.userAgent;
    expect(
      smallestBurst(
        calls.map(({ at }) => at),
        PACING.perTarget,
      ),
    ).toBeLessThanOrEqual(3.001);
    expect(new Set(calls.map(({ user }) => user)).size).toBe(calls.length);
    expect(rig.events.filter(({ type }) => type === 'registrations.paused')).toMatchObject([
      { order: { reason: 'move of the data centre' } },
      { order: undefined },
    ]);
    rig.time.run(60 * MINUTE_MS);
    expect(rig.userAgent.violations).toEqual([]);
    for (const id of rig.keeper.ids()) expect(rig.of(id).counters.lapses).toBe(0);
  });

  it('ends by itself when its time is over, which is shown as the next attempt', () => {
    const rig = pausedRig(15 * MINUTE_MS);
    rig.time.run(14 * MINUTE_MS);
    expect(rig.inMs(rig.of('short3').nextAttemptAt)).toBe(MINUTE_MS);
    rig.time.run(2 * MINUTE_MS);
    expect(rig.keeper.paused).toBeUndefined();
    expect(rig.counted('registered')).toBe(200);
  });

  it('lets through what is asked for by itself: register now, off, a question', () => {
    const rig = pausedRig();
    rig.time.run(15 * MINUTE_MS);
    rig.keeper.registerNow('short1');
    rig.keeper.order('long1', { command: 'off', reason: '', until: undefined });
    rig.keeper.fetchBindings('long2', () => {});
    rig.time.run(1_000);
    expect(rig.userAgent.calls.map(({ user }) => user).sort()).toEqual([
      'long1',
      'long2',
      'short1',
    ]);
    expect(rig.of('short1').state).toBe('registered');
    expect(rig.of('long1').state).toBe('off');
  });

  it('holds newcomers, new credentials and who was in line', () => {
    const rig = new Rig({ pacing: { perTarget: 1, burst: 1, max: 1 } });
    rig.add(50);
    rig.time.run(10_000);
    rig.keeper.pause.begin({ reason: '', ...orderedBy(rig), until: undefined });
    rig.time.run(2_000);
    const before = rig.userAgent.count;
    rig.add(5, {}, 'new');
    rig.keeper.change(aRegistration('u1', aProfile(), { ddi: 'other' }));
    rig.time.run(5 * MINUTE_MS);
    // The removal of the old binding of u1 is all that was sent.
    expect(rig.userAgent.count - before).toBe(1);
    expect(rig.of('new3').cause?.code).toBe('registration.paused');
    rig.keeper.pause.end();
    rig.time.run(5 * MINUTE_MS);
    expect(rig.counted('registered')).toBe(55);
  });

  it('does not confuse the canary of a registrar at fault', () => {
    const rig = new Rig({ pacing: PACING });
    rig.add(300, { expiresSec: 600 });
    rig.time.run(5 * MINUTE_MS);
    rig.userAgent.script = () => ({ status: 403 });
    rig.time.run(15 * MINUTE_MS);
    expect(rig.notices()).toContain('registrar.atFault');
    rig.keeper.pause.begin({ reason: '', ...orderedBy(rig), until: undefined });
    const before = rig.userAgent.count;
    rig.time.run(30 * MINUTE_MS);
    expect(rig.userAgent.count).toBe(before);
    rig.keeper.pause.end();
    rig.userAgent.script = (call) => granted(call, 600);
    rig.time.run(5 * MINUTE_MS);
    expect(rig.counted('registered')).toBe(300);
    expect(rig.keeper.stuck).toBe(0);
  });
});
