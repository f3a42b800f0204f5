/** From one target to the next: RFC 3263 section 4.3, and where a binding lives after that. */
import { describe, expect, it } from 'vitest';
import { failure, fault, success } from '../../../../src/core/base/fault.ts';
import { type Target, targetKey } from '../../../../src/core/sip/locate/target.ts';
import { aTarget, Rig } from '../../../support/registration/rig.ts';
import {
  type Call,
  granted,
  type Reply,
} from '../../../support/registration/scripted-user-agent.ts';

const A = 'udp:192.0.2.1:5060';
const B = 'udp:192.0.2.2:5060';
const C = 'udp:192.0.2.3:5060';

/** Targets of rising rank, as SRV priorities make them. */
function ranked(...hosts: readonly number[]): readonly Target[] {
  return hosts.map((host, rank) => ({
    ...aTarget(`192.0.2.${host}`),
    standing: { rank, weight: 0 },
  }));
}

/** A rig whose name has these targets; `script` by target, others grant what is asked. */
function aRig(
  targets: readonly Target[],
  script: Readonly<Record<string, Reply | ((call: Call) => Reply)>> = {},
  seed = 1,
): { readonly rig: Rig; readonly script: Record<string, Reply | ((call: Call) => Reply)> } {
  const rig = new Rig({ seed });
  rig.targets = success(targets);
  const current = { ...script };
  rig.userAgent.script = (call) => {
    const reply = current[call.target];
    if (reply === undefined) return granted(call, call.expiresSec);
    return typeof reply === 'function' ? reply(call) : reply;
  };
  return { rig, script: current };
}

const targetsOf = (rig: Rig): readonly string[] => rig.userAgent.calls.map(({ target }) => target);

describe('inside one try', () => {
  it('a silent target is given up after 8 s, and the next one asked, with the same Call-ID', () => {
    const { rig } = aRig(ranked(1, 2), { [A]: 'silence' });
    rig.add(1);
    rig.time.run(9_000);
    expect(targetsOf(rig)).toEqual([A, B]);
    const [first, second] = rig.userAgent.calls;
    expect(second?.at).toBe(8_000);
    expect(second?.callId).toBe(first?.callId);
    expect(second?.cseq).toBe(2);
    expect(rig.of('u0')).toMatchObject({ state: 'registered', bound: true, target: B });
    expect(rig.changes('u0')).toEqual(['registering', 'registered']);
    expect(rig.userAgent.violations).toEqual([]);
  });

  it('one that is known to be slow gets the time that its answer needs', () => {
    const { rig } = aRig(ranked(1, 2), { [A]: 'silence' });
    rig.userAgent.usualMs = 11_000;
    rig.add(1);
    rig.time.run(12_000);
    expect(rig.userAgent.calls.map(({ target, at }) => [target, at])).toEqual([
      [A, 0],
      [B, 11_000],
    ]);
  });

  it.each([
    ['503', { status: 503 }],
    ['a refused connection', { fault: 'transport.refused' }],
    ['a closed connection', { fault: 'transport.closed' }],
    ['a connection that is not made', { fault: 'timeout.connect' }],
    ['no route of ours', { fault: 'transport.local' }],
    ['no socket for it', { fault: 'transport.noSocket' }],
    ['a certificate for somebody else', { fault: 'tls.identity' }],
  ] as const)('after %s the next target follows at once', (_, reply) => {
    const { rig } = aRig(ranked(1, 2), { [A]: reply });
    rig.add(1);
    rig.time.run(1_000);
    expect(targetsOf(rig)).toEqual([A, B]);
    expect(rig.of('u0').bound).toBe(true);
  });

  it.each([400, 401, 403, 404, 408, 480, 500, 501, 504, 600, 603])(
    'after %i no other target is asked',
    (status) => {
      const { rig } = aRig(ranked(1, 2), { [A]: { status } });
      rig.add(1);
      rig.time.run(5_000);
      expect(targetsOf(rig)).toEqual([A]);
      expect(rig.of('u0').bound).toBe(false);
    },
  );

  it('a 503 that lists Contacts is about the account, not about the target', () => {
    const full: Reply = { status: 503, lines: ['Contact: <sip:x@192.0.2.9>;expires=60'] };
    const { rig } = aRig(ranked(1, 2), { [A]: full });
    rig.add(1);
    rig.time.run(1_000);
    expect(targetsOf(rig)).toEqual([A]);
  });

  it('each target is tried once, the whole is bounded, and counts as one failure', () => {
    const hosts = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    const { rig } = aRig(
      ranked(...hosts),
      Object.fromEntries(hosts.map((host) => [`udp:192.0.2.${host}:5060`, 'silence'])),
    );
    rig.add(1);
    rig.time.run(40_000);
    const asked = targetsOf(rig);
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked.length).toBeGreaterThanOrEqual(6);
    expect(Math.max(...rig.userAgent.calls.map(({ at }) => at))).toBeLessThanOrEqual(32_000);
    expect(rig.of('u0')).toMatchObject({ state: 'waiting' });
    expect(rig.of('u0').cause?.code).toBe('timeout.response');
    // The first retry without a binding: 15 to 30 s later.
    const inMs = rig.inMs(rig.of('u0').nextAttemptAt);
    expect(inMs).toBeGreaterThan(0);
    expect(inMs).toBeLessThanOrEqual(30_000);
  });

  it('the only target has all the time that there is', () => {
    const { rig } = aRig(ranked(1), { [A]: 'silence' });
    rig.add(1);
    rig.time.run(100);
    expect(rig.userAgent.calls[0]?.timeoutMs).toBe(32_000);
  });

  it('a short binding leaves time for the second target', () => {
    const { rig, script } = aRig(ranked(1, 2));
    rig.add(1, { expiresSec: 60 });
    rig.time.run(1_000);
    script[A] = 'silence';
    rig.time.run(3_600_000);
    expect(rig.of('u0').counters.lapses).toBe(0);
    expect(rig.of('u0').target).toBe(B);
  });

  it('an interval that is too brief is asked for again at the same target', () => {
    const brief = (call: Call): Reply =>
      call.expiresSec < 900
        ? { status: 423, lines: ['Min-Expires: 900'] }
        : granted(call, call.expiresSec);
    const { rig } = aRig(ranked(1, 2), { [A]: 'silence', [B]: brief });
    rig.add(1);
    rig.time.run(10_000);
    expect(targetsOf(rig)).toEqual([A, B, B]);
  });

  it('a removal goes to the target that holds the binding, and to no other', () => {
    const { rig, script } = aRig(ranked(1, 2), { [A]: 'silence' });
    rig.add(1);
    rig.time.run(10_000);
    script[B] = 'silence';
    rig.userAgent.calls.length = 0;
    rig.keeper.remove('u0');
    rig.time.run(60_000);
    expect(targetsOf(rig)).toEqual([B]);
  });
});

describe('what all learn from one', () => {
  it('a target with a penalty is tried last by those who have to choose', () => {
    const { rig } = aRig(ranked(1, 2), { [A]: { status: 503, lines: ['Retry-After: 100'] } });
    rig.add(1);
    rig.time.run(1_000);
    rig.userAgent.calls.length = 0;
    rig.add(5, {}, 'v');
    rig.time.run(50_000);
    expect(new Set(targetsOf(rig))).toEqual(new Set([B]));
    expect(rig.notices()).toEqual(['target.avoided']);
    rig.time.run(52_000);
    rig.userAgent.calls.length = 0;
    rig.add(1, {}, 'w');
    rig.time.run(100);
    expect(targetsOf(rig)[0]).toBe(A);
  });

  it('one account that a target ignores moves nobody else', () => {
    const { rig } = aRig(ranked(1, 2), {
      [A]: (call) => (call.user === 'u0' ? 'silence' : granted(call, 600)),
    });
    rig.add(40, { expiresSec: 600 });
    rig.time.run(7_200_000);
    expect(rig.counted('registered')).toBe(40);
    const elsewhere = [...rig.keeper.ids()].filter((id) => rig.of(id).target !== A);
    expect(elsewhere).toEqual(['u0']);
    for (const id of rig.keeper.ids()) expect(rig.of(id).counters.lapses).toBe(0);
  });

  it('the load is shared by weight', () => {
    const targets = [10, 20, 70].map((weight, index) => ({
      ...aTarget(`192.0.2.${index + 1}`),
      standing: { rank: 0, weight },
    }));
    const { rig } = aRig(targets);
    rig.add(1_000);
    rig.time.run(5_000);
    const share = (key: string): number =>
      [...rig.keeper.ids()].filter((id) => rig.of(id).target === key).length / 10;
    for (const [key, weight] of [
      [A, 10],
      [B, 20],
      [C, 70],
    ] as const) {
      expect(Math.abs(share(key) - weight)).toBeLessThan(5);
    }
  });
});

describe('a target that dies', () => {
  it('costs nobody a binding, and nobody waits for it where there is another', () => {
    const { rig, script } = aRig(ranked(1, 2));
    rig.add(500, { expiresSec: 600 });
    rig.time.run(600_000);
    script[A] = 'silence';
    rig.time.run(1_200_000);
    expect(rig.counted('registered')).toBe(500);
    for (const id of rig.keeper.ids()) {
      expect(rig.of(id).counters.lapses).toBe(0);
      expect(rig.of(id).target).toBe(B);
    }
    // Those that were to find out, and hardly anybody else.
    const lost = rig.userAgent.calls.filter(({ target, at }) => target === A && at > 600_000);
    expect(lost.length).toBeLessThan(60);
  });

  it('those who wait in its line go to the other at once', () => {
    const { rig } = aRig(ranked(1, 2), { [A]: 'silence' });
    rig.add(1_000);
    rig.time.run(30_000);
    expect(rig.counted('registered')).toBe(1_000);
  });

  it.each([A, B])(
    'while all are dead each of them is tried, so that %s alone saves what lives',
    (back) => {
      const { rig, script } = aRig(ranked(1, 2));
      rig.add(100, { expiresSec: 3600 });
      rig.time.run(3_000_000);
      script[A] = 'silence';
      script[B] = 'silence';
      rig.time.run(200_000);
      delete script[back];
      rig.time.run(2_000_000);
      for (const id of rig.keeper.ids()) expect(rig.of(id).counters.lapses, id).toBe(0);
    },
  );

  it('each of them is tried on, however long all are dead', () => {
    const { rig, script } = aRig(ranked(1, 2, 3));
    rig.add(50, { expiresSec: 600 });
    rig.time.run(600_000);
    for (const target of [A, B, C]) script[target] = 'silence';
    rig.time.run(20_000_000);
    rig.userAgent.calls.length = 0;
    rig.time.run(120_000);
    const tried = targetsOf(rig);
    for (const target of [A, B, C]) {
      expect(tried.filter((one) => one === target).length).toBeGreaterThanOrEqual(2);
    }
    expect(new Set(rig.userAgent.calls.map(({ user }) => user)).size).toBeGreaterThan(6);
  });

  it('when all are dead, the first that comes back gets everybody', () => {
    const { rig, script } = aRig(ranked(1, 2, 3), {
      [A]: 'silence',
      [B]: 'silence',
      [C]: 'silence',
    });
    rig.add(200);
    rig.time.run(600_000);
    expect(rig.counted('waiting')).toBe(200);
    const before = rig.userAgent.count;
    delete script[C];
    rig.time.run(150_000);
    for (const id of rig.keeper.ids()) expect(rig.of(id).bound, id).toBe(true);
    expect(rig.userAgent.count - before).toBeLessThan(260);
    expect(rig.userAgent.violations).toEqual([]);
  });
});

describe('failback', () => {
  function movedToB(failback: 'homing' | 'parking') {
    const made = aRig(ranked(1, 2), { [A]: 'silence' });
    made.rig.add(30, { expiresSec: 600, failback });
    made.rig.time.run(60_000);
    expect([...made.rig.keeper.ids()].every((id) => made.rig.of(id).target === B)).toBe(true);
    return made;
  }

  it('parking: a binding stays where it is until that fails', () => {
    const { rig, script } = movedToB('parking');
    delete script[A];
    rig.time.run(7_200_000);
    expect([...rig.keeper.ids()].every((id) => rig.of(id).target === B)).toBe(true);
    script[B] = { fault: 'transport.refused' };
    rig.time.run(1_200_000);
    expect([...rig.keeper.ids()].every((id) => rig.of(id).target === A)).toBe(true);
    expect(rig.of('u7').counters.lapses).toBe(0);
  });

  it('homing: one finds out that the preferred target is back, the others follow after 2 minutes', () => {
    const { rig, script } = movedToB('homing');
    delete script[A];
    rig.userAgent.calls.length = 0;
    rig.time.run(2_400_000);
    expect([...rig.keeper.ids()].every((id) => rig.of(id).target === A)).toBe(true);
    const home = rig.userAgent.calls.filter(({ target }) => target === A);
    const first = home[0]?.at ?? 0;
    // Whoever is there already comes due again much later.
    const early = home.filter(({ at }) => at > first && at < first + 120_000);
    expect(early).toEqual([]);
    expect(rig.of('u7').counters.lapses).toBe(0);
  });

  it('homing: as long as it is dead, only scouts go there, more and more rarely', () => {
    const { rig } = movedToB('homing');
    rig.userAgent.calls.length = 0;
    rig.time.run(4 * 3_600_000);
    const scouts = rig.userAgent.calls.filter(({ target }) => target === A);
    expect(scouts.length).toBeGreaterThan(4);
    expect(scouts.length).toBeLessThan(40);
    for (const id of rig.keeper.ids()) {
      expect(rig.of(id)).toMatchObject({ bound: true, target: B });
      expect(rig.of(id).counters.lapses).toBe(0);
    }
  });
});

describe('the DNS', () => {
  it('that fails costs nobody a binding: refreshes go on where they were', () => {
    const { rig } = aRig(ranked(1, 2));
    rig.add(10, { expiresSec: 600 });
    rig.time.run(60_000);
    rig.targets = failure(fault('dns.timeout', 'network'));
    rig.time.run(7_200_000);
    for (const id of rig.keeper.ids()) {
      expect(rig.of(id)).toMatchObject({ state: 'registered', bound: true });
      expect(rig.of(id).counters.lapses).toBe(0);
    }
  });

  it('that fails from the start is a cause, and tried again', () => {
    const rig = new Rig();
    rig.targets = failure(fault('dns.timeout', 'network'));
    rig.add(1);
    rig.time.run(60_000);
    expect(rig.of('u0')).toMatchObject({ state: 'waiting', cause: { code: 'dns.timeout' } });
    rig.targets = success(ranked(1));
    rig.time.run(120_000);
    expect(rig.of('u0').bound).toBe(true);
  });

  it('a change is told once; a binding stays 5 minutes at a target that is gone', () => {
    const { rig } = aRig(ranked(1));
    rig.add(20, { expiresSec: 300 });
    rig.time.run(100_000);
    rig.targets = success(ranked(2));
    rig.add(1, {}, 'new');
    rig.time.run(1_000);
    expect(rig.of('new0').target).toBe(B);
    expect(rig.notices()).toEqual(['registrar.moved']);
    const told = rig.events.find((event) => event.type === 'registration.noticed');
    expect(told).toMatchObject({ cause: { text: expect.stringContaining(`new ${B}, gone ${A}`) } });
    rig.userAgent.calls.length = 0;
    rig.time.run(150_000);
    expect(new Set(targetsOf(rig))).toEqual(new Set([A]));
    rig.time.run(600_000);
    expect([...rig.keeper.ids()].every((id) => rig.of(id).target === B)).toBe(true);
    expect(rig.of('u3').counters.lapses).toBe(0);
  });

  it('a binding at a target that is gone and dead moves at once', () => {
    const { rig, script } = aRig(ranked(1));
    rig.add(20, { expiresSec: 300 });
    rig.time.run(100_000);
    rig.targets = success(ranked(2));
    script[A] = 'silence';
    rig.time.run(300_000);
    for (const id of rig.keeper.ids()) {
      expect(rig.of(id)).toMatchObject({ bound: true, target: B });
      expect(rig.of(id).counters.lapses).toBe(0);
    }
  });

  it('new targets free those who wait for a dead one', () => {
    const { rig } = aRig(ranked(1), { [A]: 'silence' });
    rig.add(200);
    rig.time.run(300_000);
    expect(rig.counted('waiting')).toBe(200);
    rig.targets = success(ranked(2));
    rig.time.run(60_000);
    expect(rig.counted('registered')).toBe(200);
    expect(rig.userAgent.calls.at(-1)?.target).toBe(targetKey(aTarget('192.0.2.2')));
  });
});
