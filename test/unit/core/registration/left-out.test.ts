/** Accounts that a target ignores while it answers others: their cause, and what it is not taken for. */
import { describe, expect, it } from 'vitest';
import { Rig } from '../../../support/registration/rig.ts';
import {
  type Call,
  granted,
  type Reply,
} from '../../../support/registration/scripted-user-agent.ts';

/** Users of these names get no answer, all others an expiry of 60 s. */
function aRig(ignored: readonly string[], count = 20): Rig {
  const rig = new Rig();
  rig.userAgent.script = (call: Call): Reply =>
    ignored.includes(call.user) ? 'silence' : granted(call, 60);
  rig.add(count, { expiresSec: 60 });
  rig.time.run(120_000);
  return rig;
}

describe('a registration that its target leaves without an answer', () => {
  it('says that it is only this one', () => {
    const { cause } = aRig(['u3']).of('u3');
    expect(cause).toMatchObject({ code: 'registration.unanswered', blame: 'peer' });
    expect(cause?.text).toBe(
      'udp:192.0.2.1:5060 gave no answer in time, and answers others: only this registration is concerned.',
    );
    expect(cause?.next).toContain('ask the provider');
  });

  it('says how many there are, while there are more', () => {
    const rig = aRig(['u3', 'u7']);
    expect(rig.of('u3').cause?.text).toContain('this is one of 2 registrations concerned');
    rig.userAgent.script = (call) => (call.user === 'u7' ? 'silence' : granted(call, 60));
    rig.keeper.registerNow('u3');
    rig.time.run(1_000);
    expect(rig.of('u3')).toMatchObject({ state: 'registered', cause: undefined });
    rig.keeper.registerNow('u7');
    rig.time.run(40_000);
    expect(rig.of('u7').cause?.text).toContain('only this registration');
  });

  it('needs no answer to others at the very same time, only since it failed before', () => {
    const rig = new Rig();
    rig.userAgent.script = (call) => (call.user === 'u1' ? 'silence' : granted(call, 600));
    rig.add(2, { expiresSec: 600 });
    rig.time.run(33_000);
    // The other one was answered while it waited.
    expect(rig.of('u1').cause?.code).toBe('registration.unanswered');
    const alone = new Rig();
    alone.userAgent.script = () => 'silence';
    alone.add(1, { expiresSec: 600 });
    alone.time.run(33_000);
    expect(alone.of('u0').cause?.code).toBe('timeout.response');
    // Long after that failed: a newcomer is answered, and nobody while it tries again.
    alone.userAgent.script = (call) => (call.user === 'u0' ? 'silence' : granted(call, 3600));
    alone.add(1, { expiresSec: 3600 }, 'other');
    alone.time.run(1_000);
    expect(alone.of('u0').cause?.code).toBe('timeout.response');
    alone.time.run(3_600_000 / 2);
    expect(alone.of('u0').cause?.code).toBe('registration.unanswered');
  });

  it('is one that gets its challenge, and nothing after it', () => {
    const rig = new Rig();
    rig.userAgent.script = (call) =>
      call.user === 'u1'
        ? { fault: 'timeout.response', delayMs: 20_000, requests: 2 }
        : granted(call, 60);
    rig.add(5, { expiresSec: 60 });
    rig.time.run(120_000);
    expect(rig.of('u1').cause?.text).toContain('only this registration');
    // Where nobody else is answered, that is not known.
    const alone = new Rig();
    alone.userAgent.script = () => ({ fault: 'timeout.response', delayMs: 20_000, requests: 2 });
    alone.add(2, { expiresSec: 60 });
    alone.time.run(600_000);
    expect(alone.of('u1').cause?.code).toBe('timeout.response');
  });

  it('is no word about a target that answers nobody', () => {
    const rig = aRig([]);
    rig.userAgent.script = () => 'silence';
    rig.time.run(600_000);
    for (const id of rig.keeper.ids()) expect(rig.of(id).cause?.code).toBe('target.dead');
  });
});
