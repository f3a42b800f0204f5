import { describe, expect, it } from 'vitest';
import { aProfile, aRegistration, Rig } from '../../../support/registration/rig.ts';
import { granted } from '../../../support/registration/scripted-user-agent.ts';

/** A rig with one registration `a`, registered. */
function registeredRig(profile = {}) {
  const rig = new Rig();
  rig.keeper.add(aRegistration('a', aProfile(profile)));
  rig.time.run(1_000);
  expect(rig.of('a').state).toBe('registered');
  return rig;
}

describe('a reload', () => {
  it('leaves an unchanged registration alone: Call-ID, CSeq, binding and timer', () => {
    const rig = registeredRig();
    const before = rig.of('a');
    rig.keeper.change(
      aRegistration('a', aProfile({ labels: { customer: 'x' }, userAgent: 'new' })),
    );
    rig.time.run(1_000);
    const after = rig.of('a');
    expect(rig.userAgent.calls).toHaveLength(1);
    expect(after).toMatchObject({
      callId: before.callId,
      cseq: before.cseq,
      expiresAt: before.expiresAt,
      nextAttemptAt: before.nextAttemptAt,
    });
    expect(after.spec.profile.labels).toEqual({ customer: 'x' });
  });

  it('with another Contact removes the old binding, then makes the new one', () => {
    const rig = registeredRig();
    const contact = { kind: 'address', hostPort: '203.0.113.77:5060' } as const;
    rig.keeper.change(aRegistration('a', aProfile({ contact })));
    rig.time.run(1_000);
    const [, removal, renewal] = rig.userAgent.calls;
    expect(removal).toMatchObject({ expiresSec: 0, contact: 'sip:da@203.0.113.10:5060' });
    expect(renewal).toMatchObject({ expiresSec: 600, contact: 'sip:da@203.0.113.77:5060' });
    expect(rig.of('a').state).toBe('registered');
    expect(rig.userAgent.violations).toEqual([]);
  });

  it('does not wait long for the removal when the old registrar is silent', () => {
    const rig = registeredRig();
    rig.userAgent.script = (call) => (call.expiresSec === 0 ? 'silence' : granted(call, 600));
    rig.keeper.change(aRegistration('a', aProfile({ domain: 'other.example' })));
    rig.time.run(8_500);
    expect(rig.of('a').state).toBe('registered');
  });

  it('moves a registration between contracts in the counts', () => {
    const rig = registeredRig();
    rig.keeper.change(aRegistration('a', aProfile({ contract: 'other' })));
    expect([...rig.keeper.counts().keys()]).toEqual(['other']);
    expect(rig.counted('registered')).toBe(1);
  });
});

describe('taken out of the configuration', () => {
  it('is unregistered, with its own Contact only, and then gone', () => {
    const rig = registeredRig();
    rig.keeper.remove('a');
    expect(rig.of('a').state).toBe('unregistering');
    rig.time.run(1_000);
    expect(rig.userAgent.calls.at(-1)).toMatchObject({
      expiresSec: 0,
      contact: 'sip:da@203.0.113.10:5060',
      cseq: 2,
    });
    expect([...rig.keeper.ids()]).toEqual([]);
    expect([...rig.keeper.counts()]).toEqual([]);
    expect(rig.events.at(-1)).toMatchObject({ type: 'registration.removed', cause: undefined });
  });

  it('is gone at once where its binding is to be kept', () => {
    const rig = registeredRig({ onRemove: 'keep' });
    rig.keeper.remove('a');
    rig.time.run(1_000_000);
    expect(rig.userAgent.calls).toHaveLength(1);
    expect([...rig.keeper.ids()]).toEqual([]);
  });

  it('is gone within the time of one attempt when nobody answers, and says so', () => {
    const rig = registeredRig();
    rig.userAgent.script = () => 'silence';
    rig.keeper.remove('a');
    rig.time.run(11_000);
    expect(rig.events.at(-1)).toMatchObject({
      type: 'registration.removed',
      cause: { code: 'registration.notRemoved' },
    });
  });

  it('comes back when it is added again meanwhile', () => {
    const rig = registeredRig();
    rig.keeper.remove('a');
    rig.keeper.add(aRegistration('a'));
    rig.time.run(1_000);
    expect(rig.of('a')).toMatchObject({ state: 'registered', bound: true });
    expect(rig.userAgent.calls.map((call) => call.expiresSec)).toEqual([600, 0, 600]);
  });
});

describe('commands', () => {
  it.each(['drain', 'off'] as const)('%s unregisters, up registers again', (admin) => {
    const rig = registeredRig();
    expect(rig.keeper.order('a', { command: admin, reason: '', until: undefined })).toBe(true);
    rig.time.run(1_000);
    expect(rig.of('a')).toMatchObject({ state: 'off', bound: false, nextAttemptAt: undefined });
    expect(rig.of('a').cause?.code).toBe('registration.off');
    expect(rig.of('a').counters.lapses).toBe(0);
    rig.time.run(3_600_000);
    expect(rig.userAgent.calls).toHaveLength(2);
    rig.keeper.order('a', { command: 'up', reason: '', until: undefined });
    rig.time.run(1_000);
    expect(rig.of('a').state).toBe('registered');
  });

  it('up while it is still unregistering is not lost', () => {
    const rig = registeredRig();
    rig.keeper.order('a', { command: 'off', reason: '', until: undefined });
    rig.keeper.order('a', { command: 'up', reason: '', until: undefined });
    rig.time.run(1_000);
    expect(rig.of('a').state).toBe('registered');
  });

  it('are told when the id is unknown', () => {
    const rig = new Rig();
    expect(rig.keeper.order('x', { command: 'off', reason: '', until: undefined })).toBe(false);
    expect(rig.keeper.registerNow('x')).toBe(false);
    expect(rig.keeper.snapshot('x')).toBeUndefined();
  });

  it('starts off where the configuration says so', () => {
    const rig = new Rig();
    rig.keeper.add(aRegistration('a', aProfile({ admin: 'drain' })));
    rig.time.run(100_000);
    expect(rig.userAgent.calls).toEqual([]);
    expect(rig.of('a').state).toBe('off');
    expect(rig.keeper.registerNow('a')).toBe(false);
    rig.keeper.change(aRegistration('a'));
    rig.time.run(1_000);
    expect(rig.of('a').state).toBe('registered');
  });

  it('register now refreshes at once', () => {
    const rig = registeredRig();
    expect(rig.keeper.registerNow('a')).toBe(true);
    rig.time.run(100);
    expect(rig.userAgent.calls).toHaveLength(2);
    expect(rig.of('a').state).toBe('registered');
  });
});

describe('a registration without a next step', () => {
  it('is found, repaired, reported and counted', () => {
    const rig = new Rig();
    rig.isLost = true;
    rig.keeper.add(aRegistration('a'));
    rig.time.run(50_000);
    expect(rig.keeper.stuck).toBe(0);
    rig.isLost = false;
    rig.time.run(30_000);
    expect(rig.keeper.stuck).toBe(1);
    expect(rig.notices()).toEqual(['registration.stuck']);
    expect(rig.of('a').state).toBe('registered');
  });
});

describe('stop', () => {
  it('leaves bindings where they are, and nothing more is sent', () => {
    const rig = new Rig({ pacing: { perTarget: 6, burst: 3, max: 6 } });
    rig.add(20);
    rig.time.run(1_000);
    const sent = rig.userAgent.calls.length;
    let isDone = false;
    rig.keeper.stop(false, () => {
      isDone = true;
    });
    expect(isDone).toBe(true);
    rig.time.run(3_600_000);
    expect(rig.userAgent.calls.length).toBe(sent);
    expect(rig.userAgent.open).toBe(0);
  });

  it('with unregistering removes every binding, paced, and then is done', () => {
    const rig = new Rig({ pacing: { perTarget: 50, burst: 10, max: 50 } });
    rig.add(200);
    rig.time.run(60_000);
    let doneAt: number | undefined;
    const begin = rig.time.elapsedMs;
    rig.keeper.stop(true, () => {
      doneAt = rig.time.elapsedMs - begin;
    });
    rig.time.run(70_000);
    expect(doneAt).toBeGreaterThan(3_000);
    expect(doneAt).toBeLessThan(5_000);
    expect(rig.userAgent.calls.filter((call) => call.expiresSec === 0)).toHaveLength(200);
  });

  it('takes no longer than a minute', () => {
    const rig = new Rig({ pacing: { perTarget: 6, burst: 3, max: 6 } });
    rig.add(1_000);
    rig.time.run(300_000);
    let doneAt: number | undefined;
    const begin = rig.time.elapsedMs;
    rig.keeper.stop(true, () => {
      doneAt = rig.time.elapsedMs - begin;
    });
    rig.time.run(3_600_000);
    expect(doneAt).toBe(60_000);
    expect(rig.userAgent.open).toBe(0);
  });

  it('is done at once when there is nothing to remove', () => {
    const rig = new Rig();
    let isDone = false;
    rig.keeper.stop(true, () => {
      isDone = true;
    });
    expect(isDone).toBe(true);
  });
});
