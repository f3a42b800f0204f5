import { describe, expect, it } from 'vitest';
import { failure, fault, success } from '../../../../src/core/base/fault.ts';
import { Secret } from '../../../../src/core/base/secret.ts';
import { aProfile, aRegistration, aTarget, Rig } from '../../../support/registration/rig.ts';
import { type Call, granted } from '../../../support/registration/scripted-user-agent.ts';

const REFUSED = {
  status: 401,
  refusal: { kind: 'credentials', realm: 'acme' },
  requests: 2,
} as const;

/** A rig with one registration `a`, registered. */
function registeredRig(profile = {}) {
  const rig = new Rig();
  rig.keeper.add(aRegistration('a', aProfile(profile)));
  rig.time.run(1_000);
  expect(rig.of('a').state).toBe('registered');
  return rig;
}

describe('one registration', () => {
  it('is registered, and shows what it knows', () => {
    const rig = registeredRig();
    expect(rig.changes('a')).toEqual(['registering', 'registered']);
    expect(rig.of('a')).toMatchObject({
      state: 'registered',
      bound: true,
      cause: undefined,
      contact: 'sip:da@203.0.113.10:5060',
      grantedExpiresSec: 600,
      target: 'udp:192.0.2.1:5060',
      lastResponse: { code: 200, reason: 'OK' },
      cseq: 1,
      counters: { attempts: 1, requests: 1, succeeded: 1, failed: 0, lapses: 0 },
    });
    expect(rig.inMs(rig.of('a').expiresAt)).toBe(599_000);
    expect(rig.counted('registered')).toBe(1);
  });

  it('is refreshed in time, with one Call-ID, a rising CSeq and the expiry that was configured', () => {
    const rig = new Rig();
    let grant = 300;
    rig.userAgent.script = (call) => granted(call, --grant);
    rig.keeper.add(aRegistration('a'));
    rig.time.run(10_800_000);
    const { calls } = rig.userAgent;
    expect(calls.length).toBeGreaterThan(40);
    expect(new Set(calls.map((call) => call.callId)).size).toBe(1);
    expect(calls.map((call) => call.cseq)).toEqual(calls.map((_, index) => index + 1));
    expect(new Set(calls.map((call) => call.expiresSec))).toEqual(new Set([600]));
    expect(rig.of('a').counters.lapses).toBe(0);
    expect(rig.changes('a')).toEqual(['registering', 'registered']);
    expect(rig.notices()).toEqual(['registration.shortGrant']);
  });

  it.each([1, 2, 5, 10, 20, 30, 60, 3600])('survives grants of %i s', (grant) => {
    const rig = new Rig();
    rig.userAgent.script = (call) => granted(call, grant);
    rig.keeper.add(aRegistration('a', aProfile({ expiresSec: grant })));
    rig.time.run(Math.max(100_000, grant * 5_000));
    if (grant > 1) expect(rig.of('a').counters.lapses).toBe(0);
    const perSec = rig.userAgent.calls.length / (rig.time.elapsedMs / 1000);
    expect(perSec).toBeLessThanOrEqual(Math.max(1, 1 / grant) + 0.1);
    // As soon as the grant allows it, never more than one in 5 s.
    if (grant >= 10) expect(perSec).toBeLessThanOrEqual(0.21);
  });

  it('lapses when nobody answers, says so once, and comes back', () => {
    const rig = registeredRig();
    rig.userAgent.script = () => 'silence';
    rig.time.run(700_000);
    expect(rig.of('a')).toMatchObject({ state: 'waiting', bound: false });
    expect(rig.of('a').cause?.code).toBe('timeout.response');
    expect(rig.of('a').counters.lapses).toBe(1);
    expect(rig.changes('a')).toEqual(['registering', 'registered', 'refreshFailing', 'waiting']);
    rig.userAgent.script = (call) => granted(call, 600);
    rig.time.run(1_900_000);
    expect(rig.of('a')).toMatchObject({ state: 'registered', bound: true });
  });

  it('asks with a shorter time-out the shorter its margin is', () => {
    const rig = registeredRig({ expiresSec: 60 });
    rig.userAgent.script = () => 'silence';
    rig.time.run(35_000);
    const timeouts = rig.userAgent.calls.map((call) => call.timeoutMs);
    expect(timeouts[0]).toBe(32_000);
    expect(timeouts[1]).toBe(10_000);
  });

  it('but not so short that a slow target cannot answer', () => {
    const rig = registeredRig({ expiresSec: 60 });
    rig.userAgent.usualMs = 12_000;
    rig.userAgent.script = () => 'silence';
    rig.time.run(60_000);
    const timeouts = rig.userAgent.calls.slice(1).map((call) => call.timeoutMs);
    expect(timeouts.slice(0, 2)).toEqual([12_000, 12_000]);
  });

  it('survives a name that does not resolve', () => {
    const rig = new Rig();
    rig.targets = failure(fault('dns.notFound', 'config'));
    rig.keeper.add(aRegistration('a'));
    expect(rig.of('a')).toMatchObject({ state: 'waiting', bound: false });
    expect(rig.of('a').cause?.code).toBe('dns.notFound');
    expect(rig.inMs(rig.of('a').nextAttemptAt)).toBeGreaterThan(14_000);
    rig.targets = success([aTarget('192.0.2.1')]);
    rig.time.run(31_000);
    expect(rig.of('a').state).toBe('registered');
  });

  it('tries the next target after a failure', () => {
    const rig = new Rig();
    rig.targets = success([aTarget('192.0.2.1'), aTarget('192.0.2.2')]);
    rig.userAgent.script = (call) =>
      call.target.includes('.2.1') ? 'silence' : granted(call, 600);
    rig.keeper.add(aRegistration('a'));
    rig.time.run(70_000);
    expect(rig.of('a')).toMatchObject({ state: 'registered', target: 'udp:192.0.2.2:5060' });
  });
});

describe('answers that ask for a change', () => {
  it('423 is followed at once and remembered', () => {
    const rig = new Rig();
    rig.userAgent.script = (call) =>
      call.expiresSec < 1800
        ? { status: 423, lines: ['Min-Expires: 1800'] }
        : granted(call, call.expiresSec);
    rig.keeper.add(aRegistration('a'));
    rig.time.run(1_000);
    expect(rig.of('a')).toMatchObject({ state: 'registered', grantedExpiresSec: 1800 });
    rig.time.run(3_600_000);
    const asked = rig.userAgent.calls.map((call) => call.expiresSec);
    expect(asked[0]).toBe(600);
    expect(new Set(asked.slice(1))).toEqual(new Set([1800]));
    expect(rig.notices()).toEqual(['registration.minExpiresAdopted']);
  });

  it('a liar with ever larger Min-Expires gets three requests, then a pause', () => {
    const rig = new Rig();
    rig.userAgent.script = (call) => ({
      status: 423,
      lines: [`Min-Expires: ${call.expiresSec * 2}`],
    });
    rig.keeper.add(aRegistration('a'));
    rig.time.run(10_000);
    expect(rig.userAgent.calls).toHaveLength(3);
    expect(rig.of('a').state).toBe('waiting');
  });

  it('a refused CSeq gets one new Call-ID', () => {
    const rig = new Rig();
    const refusal = { status: 400, lines: ['P-Registrar-Error: Invalid CSeq number'] };
    rig.userAgent.script = (call) =>
      rig.userAgent.calls.length === 1 ? refusal : granted(call, 600);
    rig.keeper.add(aRegistration('a'));
    rig.time.run(1_000);
    const [first, second] = rig.userAgent.calls;
    expect(rig.of('a').state).toBe('registered');
    expect(second?.callId).not.toBe(first?.callId);
    expect(rig.notices()).toEqual(['registration.callIdRenewed']);
    rig.userAgent.script = () => refusal;
    rig.time.run(600_000);
    expect(rig.of('a').cause?.code).toBe('registrar.sequence');
  });

  it('Retry-After of a 503 is waited for', () => {
    const rig = new Rig();
    rig.userAgent.script = (call) =>
      call.cseq === 1
        ? { status: 503, lines: ['Retry-After: 3 (in a meeting);duration=60'] }
        : granted(call, 60);
    rig.keeper.add(aRegistration('a'));
    rig.time.run(10_000);
    const [first, second] = rig.userAgent.calls;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(3_000);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeLessThanOrEqual(3_400);
  });
});

describe('a wrong password', () => {
  it('ends as rejected with its cause and a next attempt, and costs few requests', () => {
    const rig = new Rig();
    rig.userAgent.script = () => REFUSED;
    rig.keeper.add(aRegistration('a'));
    rig.time.run(1_000);
    const { state, bound, cause, nextAttemptAt } = rig.of('a');
    expect({ state, bound }).toEqual({ state: 'rejected', bound: false });
    expect(cause?.code).toBe('auth.credentialsRefused');
    expect(cause?.text).not.toContain('swordfish');
    expect(rig.inMs(nextAttemptAt)).toBeGreaterThan(58_000);
    rig.time.run(3 * 3_600_000);
    // 60 s, 5 min, 30 min, then every 30 min (and a tenth).
    expect(rig.of('a').counters.attempts).toBeLessThanOrEqual(9);
    expect(rig.of('a').counters.attempts).toBeGreaterThanOrEqual(7);
    expect(rig.changes('a')).toEqual(['registering', 'rejected']);
  });

  it('is over at once with new credentials, whatever the ladder says', () => {
    const rig = new Rig();
    rig.userAgent.script = () => REFUSED;
    rig.keeper.add(aRegistration('a'));
    rig.time.run(1_000_000);
    rig.userAgent.script = (call) => granted(call, 600);
    const { credentials } = aRegistration('a');
    rig.keeper.change(
      aRegistration('a', aProfile(), {
        credentials: { ...credentials, password: new Secret('sesame') },
      }),
    );
    rig.time.run(100);
    expect(rig.of('a').state).toBe('registered');
  });
});

it('a realm that changed is told once for the registrar, and is no refusal', () => {
  const rig = new Rig();
  const realms = ['old.example', 'new "one"\r\n'] as const;
  const lines = (call: Call) => [`Contact: <${call.contact}>;expires=600`];
  rig.userAgent.script = (call) => ({ status: 200, lines: lines(call), requests: 2, realms });
  rig.add(5);
  rig.time.run(3_600_000);
  expect(rig.counted('registered')).toBe(5);
  expect(rig.notices()).toEqual(['auth.realmChanged']);
  const [notice] = rig.events.filter((event) => event.type === 'registration.noticed');
  expect(notice?.cause.text).toContain('"new "one"  " now');
});
