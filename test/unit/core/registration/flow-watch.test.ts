import { describe, expect, it } from 'vitest';
import { fault, success } from '../../../../src/core/base/fault.ts';
import type { RegistrationProfile } from '../../../../src/core/registration/spec.ts';
import type { Flow } from '../../../../src/core/sip/transport/ports.ts';
import { aFlow } from '../../../support/registration/answers.ts';
import { aProfile, aTarget, Rig } from '../../../support/registration/rig.ts';
import { type Call, granted } from '../../../support/registration/scripted-user-agent.ts';

const [A, B, C] = ['203.0.113.5:40001', '203.0.113.5:40777', '203.0.113.5:41234'] as const;

/** Registrations over one UDP flow, an hour granted, and a registrar that sees us as `seen`. */
function behindNat(
  count: number,
  profile: Partial<RegistrationProfile> = {},
  isAuthenticated = true,
) {
  const rig = new Rig();
  const flow: Flow = aFlow('udp');
  const nat = { seen: A as string };
  rig.userAgent.flow = flow;
  rig.userAgent.script = (call: Call) => {
    const reply = granted(call, 3600);
    return typeof reply === 'object' && 'status' in reply
      ? { ...reply, seenAs: nat.seen, isAuthenticated }
      : reply;
  };
  rig.add(count, { expiresSec: 3600, ...profile });
  rig.time.run(60_000);
  expect(rig.counted('registered')).toBe(count);
  rig.userAgent.calls.length = 0;
  return { rig, flow, nat };
}

describe('behind a NAT', () => {
  it('the way is kept open, it is shown, and it is told once', () => {
    const { rig, flow } = behindNat(20);
    expect([...rig.flowKeeper.wishes]).toEqual([
      [flow, { kind: 'stun', flowTimerSec: undefined, isPongDue: false }],
    ]);
    expect(rig.of('u0')).toMatchObject({ seenAs: A, keepAlive: 'stun' });
    expect(rig.notices()).toEqual(['target.behindNat']);
  });

  it('without one nothing is done, unless it is asked for', () => {
    const { rig } = behindNat(1, {}, true);
    expect(rig.flowKeeper.wishes.size).toBe(1);
    for (const [keepAlive, wishes] of [
      ['auto', 0],
      ['off', 0],
      ['crlf', 1],
      ['stun', 1],
    ] as const) {
      const plain = new Rig();
      plain.add(1, { keepAlive });
      plain.time.run(5_000);
      expect(plain.flowKeeper.wishes.size).toBe(wishes);
    }
    expect(behindNat(1, { keepAlive: 'off' }).rig.flowKeeper.wishes.size).toBe(0);
  });

  it('nothing is kept alive any more when the last binding is gone', () => {
    const { rig } = behindNat(2);
    rig.keeper.remove('u0');
    rig.time.run(5_000);
    expect(rig.flowKeeper.wishes.size).toBe(1);
    rig.keeper.remove('u1');
    rig.time.run(5_000);
    expect(rig.flowKeeper.wishes.size).toBe(0);
  });
});

describe('a new address that STUN found out', () => {
  it('has everybody registered again, once each, at once and never unbound', () => {
    const { rig, flow, nat } = behindNat(50);
    nat.seen = B;
    rig.keeper.flowNews(flow, { kind: 'moved', before: A, mapped: B });
    rig.time.run(300_000);
    const { calls } = rig.userAgent;
    expect(calls).toHaveLength(50);
    expect(new Set(calls.map(({ user }) => user)).size).toBe(50);
    const first = calls[0]?.at ?? 0;
    expect(Math.max(...calls.map(({ at }) => at)) - first).toBeLessThanOrEqual(2_000);
    expect(rig.notices()).toEqual(['target.behindNat', 'target.addressMoved']);
    expect(rig.of('u0')).toMatchObject({ seenAs: B, counters: { lapses: 0 } });
  });

  it('needs one request each also where the Contact follows it, with the old one removed', () => {
    const { rig, flow, nat } = behindNat(10, { contact: { kind: 'learned' } });
    nat.seen = B;
    rig.keeper.flowNews(flow, { kind: 'moved', before: A, mapped: B });
    rig.time.run(300_000);
    const { calls } = rig.userAgent;
    expect(calls).toHaveLength(10);
    expect(calls.every(({ contact }) => contact.endsWith(`@${B}`))).toBe(true);
    expect(calls.every(({ removed }) => removed?.endsWith(`@${A}`) === true)).toBe(true);
  });

  it('leads to one request in 30 s at most, however often it changes', () => {
    const { rig, flow, nat } = behindNat(1);
    for (let round = 1; round <= 40; round += 1) {
      const before = nat.seen;
      nat.seen = `203.0.113.5:${41_000 + round}`;
      rig.keeper.flowNews(flow, { kind: 'moved', before, mapped: nat.seen });
      rig.time.run(5_000);
    }
    const times = rig.userAgent.calls.map(({ at }) => at);
    expect(times.length).toBeGreaterThanOrEqual(6);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(29_500);
  });

  it('is not followed to and fro', () => {
    const { rig, flow, nat } = behindNat(1);
    for (let round = 0; round < 20; round += 1) {
      const before = nat.seen;
      nat.seen = before === A ? B : A;
      rig.keeper.flowNews(flow, { kind: 'moved', before, mapped: nat.seen });
      rig.time.run(25_000);
    }
    expect(rig.userAgent.calls.length).toBeLessThanOrEqual(2);
    expect(rig.notices()).toContain('target.addressAlternates');
  });
});

describe('a new address that an answer tells', () => {
  it('has the others on the same flow registered again, not the one that saw it', () => {
    const { rig, nat } = behindNat(30);
    nat.seen = B;
    rig.keeper.registerNow('u7');
    rig.time.run(120_000);
    const { calls } = rig.userAgent;
    expect(calls).toHaveLength(30);
    expect(new Set(calls.map(({ user }) => user)).size).toBe(30);
    nat.seen = C;
    rig.keeper.registerNow('u3');
    rig.time.run(120_000);
    expect(calls).toHaveLength(60);
  });

  it('counts only where the answer was to our digest', () => {
    const { rig, nat } = behindNat(5, { contact: { kind: 'learned' } }, false);
    expect(rig.of('u0').seenAs).toBe(A);
    expect(rig.of('u0').contact).toBe('sip:du0@192.0.2.9:5060');
    nat.seen = B;
    rig.keeper.registerNow('u0');
    rig.time.run(60_000);
    expect(rig.userAgent.calls).toHaveLength(1);
  });
});

describe('contact: learned', () => {
  it('is not led astray by a request that took TCP for its size', () => {
    const rig = new Rig();
    rig.userAgent.flow = aFlow('udp');
    rig.userAgent.tcpForSize = aFlow('tcp');
    rig.userAgent.script = (call) => ({
      ...{ status: 200, seenAs: '198.51.100.99:61000' },
      lines: [`Contact: <${call.contact}>;expires=600`],
    });
    rig.add(1, { contact: { kind: 'learned' }, sizePolicy: 'tcp' });
    rig.time.run(60_000);
    expect(rig.userAgent.calls).toHaveLength(1);
    expect(rig.of('u0').contact).toBe('sip:du0@192.0.2.9:5060');
  });

  it('begins with the local address, and moves to the learned one in a second request, once', () => {
    const rig = new Rig();
    rig.userAgent.flow = aFlow('udp');
    rig.userAgent.script = (call) => ({
      ...(granted(call, 3600) as object),
      status: 200,
      seenAs: A,
    });
    rig.add(1, { expiresSec: 3600, contact: { kind: 'learned' } });
    rig.time.run(600_000);
    const { calls } = rig.userAgent;
    expect(calls.map(({ contact }) => contact)).toEqual(['sip:du0@192.0.2.9:5060', `sip:du0@${A}`]);
    expect(calls[1]?.removed).toBe('sip:du0@192.0.2.9:5060');
    // Who comes later knows it from the start.
    rig.add(1, { expiresSec: 3600, contact: { kind: 'learned' } }, 'v');
    rig.time.run(60_000);
    expect(calls.slice(2).map(({ contact }) => contact)).toEqual([`sip:dv0@${A}`]);
  });
});

it('a flow that no longer answers keep-alives has its registrations made again', () => {
  const { rig, flow } = behindNat(5);
  rig.keeper.flowNews(flow, { kind: 'silent' });
  rig.time.run(30_000);
  expect(rig.userAgent.calls).toHaveLength(5);
  expect(rig.notices()).toContain('target.flowSilent');
});

/** A connection over which outbound is in force, with a flow timer of 30 s. */
function overOutbound(legs?: RegistrationProfile['legs']) {
  const rig = new Rig();
  const flow = aFlow('tcp');
  rig.userAgent.protocol = 'tcp';
  rig.userAgent.flow = flow;
  rig.userAgent.script = (call) => ({
    status: 200,
    lines: [`Contact: <${call.contact}>;expires=3600`, 'Require: outbound', 'Flow-Timer: 30'],
  });
  rig.add(1, { expiresSec: 3600, ...(legs && { legs }) });
  rig.time.run(10_000);
  return { rig, flow };
}

describe('with outbound in force', () => {
  it('the connection is pinged as the flow timer says, and a pong is due', () => {
    const { rig, flow } = overOutbound();
    expect(rig.flowKeeper.wishes.get(flow)).toEqual({
      kind: 'crlf',
      flowTimerSec: 30,
      isPongDue: true,
    });
    expect(rig.of('u0')).toMatchObject({ hasOutbound: true, keepAlive: 'ping' });
  });

  it('a lost flow is replaced at once, then after 30 s times 2^n, half of it by chance', () => {
    const { rig, flow } = overOutbound();
    rig.time.run(200_000);
    rig.userAgent.calls.length = 0;
    const working = rig.userAgent.script;
    rig.userAgent.script = () => ({ fault: 'transport.refused' });
    rig.userAgent.flow = aFlow('tcp');
    const lostAt = rig.time.elapsedMs;
    rig.keeper.flowLost(flow, fault('transport.closed', 'peer'));
    rig.time.run(400_000);
    const { calls } = rig.userAgent;
    expect((calls[0]?.at ?? 0) - lostAt).toBeLessThanOrEqual(5_100);
    const gaps = calls.slice(1).map(({ at }, index) => at - (calls[index]?.at ?? 0));
    for (const [n, gap] of gaps.entries()) {
      expect(gap).toBeGreaterThanOrEqual(15_000 * 2 ** n);
      expect(gap).toBeLessThanOrEqual(30_000 * 2 ** n + 4_100);
    }
    expect(gaps.length).toBeGreaterThanOrEqual(2);
    const callIds = new Set(calls.map(({ callId }) => callId));
    rig.userAgent.script = working;
    rig.time.run(1_000_000);
    expect(new Set([...callIds, rig.of('u0').callId]).size).toBe(1);
    expect(calls.every(({ regId }) => regId === '1')).toBe(true);
    expect(rig.of('u0')).toMatchObject({ state: 'registered', counters: { lapses: 0 } });
  });

  it('each of several bindings is a flow of the same instance, with a reg-id of its own', () => {
    const profiles = [
      aProfile({ expiresSec: 3600 }),
      aProfile({ expiresSec: 3600, sourceCheck: 'off' }),
    ];
    const { rig } = overOutbound({ mode: 'parallel', profiles });
    expect(rig.userAgent.calls.map(({ regId }) => regId).sort()).toEqual(['1', '2']);
  });
});

describe('several flows of one registration', () => {
  const flow = aProfile({ expiresSec: 3600 });
  const FLOWS = { mode: 'flows', profiles: [flow, flow] } as const;
  const both = [aTarget('192.0.2.1'), aTarget('192.0.2.2')];
  const withOutbound = (call: Call) => ({
    status: 200,
    lines: [`Contact: <${call.contact}>;expires=3600`, 'Require: outbound'],
  });

  it('go to different targets, one after the other has outbound in force', () => {
    const rig = new Rig();
    rig.targets = success(both);
    rig.userAgent.script = withOutbound;
    rig.add(1, { expiresSec: 3600, legs: FLOWS });
    rig.time.run(10_000);
    const { calls } = rig.userAgent;
    expect(calls.map(({ regId }) => regId)).toEqual(['1', '2']);
    expect(new Set(calls.map(({ target }) => target)).size).toBe(2);
    expect(new Set(calls.map(({ callId }) => callId)).size).toBe(2);
    expect(rig.of('u0').legs?.map(({ hasOutbound }) => hasOutbound)).toEqual([true, true]);
  });

  it('are one binding only where the registrar does not tell them apart', () => {
    const rig = new Rig();
    rig.targets = success(both);
    rig.add(1, { expiresSec: 3600, legs: FLOWS });
    rig.time.run(3_600_000);
    expect(new Set(rig.userAgent.calls.map(({ regId }) => regId))).toEqual(new Set(['1']));
    expect(rig.userAgent.calls.every(({ expiresSec }) => expiresSec > 0)).toBe(true);
    expect(rig.of('u0')).toMatchObject({ state: 'registered', bound: true });
  });

  it('keep the registration bound while one of them lives', () => {
    const rig = new Rig();
    rig.targets = success(both);
    rig.userAgent.script = withOutbound;
    rig.add(1, { expiresSec: 600, legs: FLOWS });
    rig.time.run(10_000);
    const dead = rig.userAgent.calls[0]?.target;
    rig.userAgent.script = (call) => (call.target === dead ? 'silence' : withOutbound(call));
    rig.time.run(3_600_000);
    expect(rig.of('u0')).toMatchObject({ bound: true, counters: { lapses: 0 } });
  });
});
