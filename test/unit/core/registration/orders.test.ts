import { describe, expect, it } from 'vitest';
import type { Order } from '../../../../src/core/registration/override.ts';
import type { FetchedBindings } from '../../../../src/core/registration/queries.ts';
import { aProfile, aRegistration, Rig } from '../../../support/registration/rig.ts';
import {
  type Call,
  granted,
  type Reply,
} from '../../../support/registration/scripted-user-agent.ts';

/** A REGISTER without Contact. */
const isQuery = ({ contact }: Call) => contact === '';

function registeredRig(profile: Parameters<typeof aProfile>[0] = {}): Rig {
  const rig = new Rig();
  rig.keeper.add(aRegistration('a', aProfile({ outbound: 'off', ...profile })));
  rig.time.run(2_000);
  return rig;
}

function order(rig: Rig, command: Order['command'], more: Partial<Order> = {}): boolean {
  return rig.keeper.order('a', { command, reason: '', until: undefined, ...more });
}

const removals = (rig: Rig) =>
  rig.userAgent.calls.filter(({ expiresSec }) => expiresSec === 0).length;

describe('off and on', () => {
  it('off removes the binding, says who wanted it and why, and lasts until up', () => {
    const rig = registeredRig();
    expect(order(rig, 'off', { reason: 'moving house' })).toBe(true);
    rig.time.run(2_000);
    const { state, order: shown, cause } = rig.of('a');
    expect([state, removals(rig)]).toEqual(['off', 1]);
    expect(shown).toMatchObject({ command: 'off', reason: 'moving house' });
    expect(cause?.text).toContain('moving house');
    expect(rig.keeper.registerNow('a')).toBe(false);
    rig.time.run(3_600_000);
    expect(rig.of('a').state).toBe('off');
    order(rig, 'up');
    rig.time.run(2_000);
    expect(rig.of('a')).toMatchObject({ state: 'registered', order: undefined });
  });

  it('a removal that waits for its turn is over when its binding is', () => {
    const rig = new Rig({ pacing: { perTarget: 10, burst: 1, max: 10 } });
    rig.keeper.add(aRegistration('a', aProfile({ outbound: 'off', expiresSec: 60 })));
    rig.time.run(10_000);
    rig.pacer.setPacing({ perTarget: 0.001, burst: 1, max: 0.001 });
    rig.pacer.enter('udp:192.0.2.1:5060');
    order(rig, 'off');
    rig.time.run(45_000);
    expect([rig.of('a').state, rig.of('a').bound]).toEqual(['unregistering', true]);
    rig.time.run(6_000);
    expect([rig.of('a').state, removals(rig)]).toEqual(['off', 0]);
  });

  it('until: the configuration counts again by itself', () => {
    const rig = registeredRig();
    const until = (rig.time.now() + 600_000) as NonNullable<Order['until']>;
    order(rig, 'off', { until });
    rig.time.run(590_000);
    expect(rig.of('a').state).toBe('off');
    rig.time.run(20_000);
    expect(rig.of('a')).toMatchObject({ state: 'registered', order: undefined });
  });

  it.each(['off', 'unregister', 'forget'] as const)('%s: the order is at fault', (command) => {
    const rig = registeredRig();
    order(rig, command);
    rig.time.run(2_000);
    expect(rig.of('a')).toMatchObject({ state: 'off', cause: { blame: 'operator' } });
  });

  it('unregister lasts until the next register', () => {
    const rig = registeredRig();
    order(rig, 'unregister');
    rig.time.run(2_000);
    expect(rig.of('a').state).toBe('off');
    expect(rig.keeper.registerNow('a')).toBe(true);
    rig.time.run(2_000);
    expect(rig.of('a').state).toBe('registered');
    expect(rig.userAgent.violations).toEqual([]);
  });

  it('up switches on what the configuration has off, for a time', () => {
    const rig = registeredRig({ admin: 'off' });
    expect(rig.of('a').state).toBe('off');
    const until = (rig.time.now() + 60_000) as NonNullable<Order['until']>;
    order(rig, 'up', { until });
    rig.time.run(2_000);
    expect(rig.of('a').state).toBe('registered');
    rig.time.run(60_000);
    expect([rig.of('a').state, removals(rig)]).toEqual(['off', 1]);
  });

  it('a configuration with another admin overrules it', () => {
    const rig = registeredRig();
    order(rig, 'off');
    rig.keeper.change(aRegistration('a', aProfile({ outbound: 'off', admin: 'drain' })));
    expect(rig.of('a').order).toBeUndefined();
  });

  it('knows whom it does not know', () => {
    const rig = registeredRig();
    expect(rig.keeper.order('b', { command: 'off', reason: '', until: undefined })).toBe(false);
    expect(rig.keeper.forget('b', '')).toBe(false);
    expect(rig.keeper.fetchBindings('b', () => {})).toBe(false);
  });
});

describe('forget', () => {
  it('sends nothing, and is off until it is wanted again', () => {
    const rig = registeredRig();
    expect(rig.keeper.forget('a', 'goes to another host')).toBe(true);
    rig.time.run(3_600_000);
    expect(rig.userAgent.calls).toHaveLength(1);
    expect(rig.of('a')).toMatchObject({ state: 'off', bound: false });
    expect(rig.of('a').cause?.code).toBe('registration.forgotten');
    expect(rig.of('a').counters.lapses).toBe(0);
    rig.keeper.registerNow('a');
    rig.time.run(2_000);
    expect(rig.of('a').state).toBe('registered');
  });

  it('ends a removal that nobody answers', () => {
    const rig = registeredRig();
    rig.userAgent.script = () => 'silence';
    rig.keeper.remove('a');
    rig.time.run(1_000);
    expect(rig.of('a').state).toBe('unregistering');
    rig.keeper.forget('a', '');
    expect([...rig.keeper.ids()]).toEqual([]);
    rig.time.run(60_000);
    expect(rig.keeper.stuck).toBe(0);
  });
});

describe('fetch-bindings', () => {
  function ask(rig: Rig): readonly FetchedBindings[] {
    const received: FetchedBindings[] = [];
    expect(rig.keeper.fetchBindings('a', (answers) => received.push(...answers))).toBe(true);
    rig.time.run(1_000);
    return received;
  }

  const listing = (...contacts: string[]): Reply => ({
    status: 200,
    lines: contacts.map((contact) => `Contact: ${contact}`),
  });
  const OURS = '<sip:da@203.0.113.10:5060>;expires=500';

  it('asks without Contact, in the same row of CSeq, and changes nothing', () => {
    const rig = registeredRig();
    const before = rig.of('a');
    rig.userAgent.script = (call) =>
      isQuery(call) ? listing(OURS, '<sip:bob@192.0.2.9>;expires=60;q=0.5') : granted(call, 600);
    expect(ask(rig)).toEqual([
      {
        leg: 'a',
        answer: {
          ok: true,
          target: 'udp:192.0.2.1:5060',
          bindings: [
            { uri: 'sip:da@203.0.113.10:5060', expiresSec: 500, q: undefined, isOurs: true },
            { uri: 'sip:bob@192.0.2.9', expiresSec: 60, q: 0.5, isOurs: false },
          ],
        },
      },
    ]);
    const { callId, cseq, nextAttemptAt, expiresAt } = rig.of('a');
    expect({ callId, nextAttemptAt, expiresAt }).toEqual({
      callId: before.callId,
      nextAttemptAt: before.nextAttemptAt,
      expiresAt: before.expiresAt,
    });
    expect(cseq).toBe(before.cseq + 1);
    rig.time.run(3_600_000);
    expect(rig.of('a')).toMatchObject({ state: 'registered', counters: { lapses: 0 } });
    expect(rig.userAgent.violations).toEqual([]);
    expect(rig.keeper.stuck).toBe(0);
  });

  it('a binding that was lost is told, and made again at once', () => {
    const rig = registeredRig();
    rig.userAgent.script = (call) => (isQuery(call) ? listing() : granted(call, 600));
    expect(ask(rig)[0]?.answer).toMatchObject({ ok: true, bindings: [] });
    expect(rig.notices()).toEqual(['registration.bindingLost']);
    expect(rig.userAgent.calls.at(-1)?.expiresSec).toBe(600);
    expect(rig.of('a').state).toBe('registered');
  });

  it('does not hide that the binding ended meanwhile', () => {
    const rig = registeredRig({ expiresSec: 60 });
    rig.userAgent.script = (call) => (isQuery(call) ? 'silence' : { status: 403 });
    rig.time.run(55_000);
    const received: FetchedBindings[] = [];
    rig.keeper.fetchBindings('a', (answers) => received.push(...answers));
    rig.time.run(2_900);
    expect([rig.of('a').bound, received.length]).toEqual([true, 0]);
    rig.time.run(200);
    expect(rig.changes('a').at(-1)).toBe('rejected');
    expect(rig.events.findLast(({ type }) => type === 'registration.changed')).toMatchObject({
      bound: false,
    });
    expect(received).toHaveLength(1);
  });

  it('goes on when our address changes meanwhile: one request at a time, and then the new binding', () => {
    const rig = registeredRig();
    rig.userAgent.script = (call) => (isQuery(call) ? 'silence' : granted(call, 600));
    rig.keeper.fetchBindings('a', () => {});
    rig.time.run(100);
    const change = { localSocket: 'udp', protocol: 'udp', family: 4, isDefault: true } as const;
    rig.keeper.localAddressChanged({ ...change, remotes: undefined });
    rig.time.run(20_000);
    expect(rig.userAgent.violations).toEqual([]);
    expect(rig.userAgent.calls.filter((call) => !isQuery(call))).toHaveLength(2);
    expect(rig.of('a').state).toBe('registered');
    expect(rig.keeper.stuck).toBe(0);
  });

  it('is asked before a refresh where that is wanted, at most that often', () => {
    const rig = new Rig();
    let holds = true;
    rig.userAgent.script = (call) =>
      isQuery(call) ? listing(...(holds ? [OURS] : [])) : granted(call, 600);
    rig.keeper.add(aRegistration('a', aProfile({ outbound: 'off', auditMs: 3_600_000 })));
    rig.time.run(7_000_000);
    const questions = () => rig.userAgent.calls.filter(isQuery).length;
    expect(questions()).toBe(2);
    expect(rig.notices()).toEqual([]);
    holds = false;
    rig.time.run(3_600_000);
    expect(questions()).toBe(3);
    expect(rig.notices()).toEqual(['registration.bindingLost']);
    expect(rig.of('a')).toMatchObject({ state: 'registered', counters: { lapses: 0 } });
    expect(rig.userAgent.violations).toEqual([]);
    expect(rig.keeper.stuck).toBe(0);
  });

  it('works while it is off, and does not switch it on', () => {
    const rig = registeredRig({ admin: 'off' });
    rig.userAgent.script = () => listing('<sip:bob@192.0.2.9>');
    expect(ask(rig)[0]?.answer.ok).toBe(true);
    rig.time.run(60_000);
    expect(rig.of('a').state).toBe('off');
    expect(rig.keeper.stuck).toBe(0);
  });

  it.each([
    ['a refusal', { status: 403 } as Reply],
    ['silence', 'silence' as Reply],
  ])('tells of %s, and goes on', (_, reply) => {
    const rig = registeredRig();
    rig.userAgent.script = (call) => (isQuery(call) ? reply : granted(call, 600));
    const received: FetchedBindings[] = [];
    rig.keeper.fetchBindings('a', (answers) => received.push(...answers));
    rig.time.run(20_000);
    expect(received[0]?.answer.ok).toBe(false);
    rig.time.run(3_600_000);
    expect(rig.of('a')).toMatchObject({ state: 'registered', counters: { lapses: 0 } });
    expect(rig.keeper.stuck).toBe(0);
  });

  it('does not get in the way of a try, nor of a command', () => {
    const rig = new Rig();
    rig.userAgent.script = (call) => {
      const lines = [`Contact: <${call.contact}>;expires=600`];
      return isQuery(call) ? 'silence' : { status: 200, lines, delayMs: 500 };
    };
    rig.keeper.add(aRegistration('a', aProfile({ outbound: 'off' })));
    rig.time.run(100);
    const first: FetchedBindings[] = [];
    rig.keeper.fetchBindings('a', (answers) => first.push(...answers));
    expect(first[0]?.answer).toMatchObject({
      ok: false,
      cause: { code: 'registration.notListed' },
    });
    rig.time.run(2_000);
    const second: FetchedBindings[] = [];
    rig.keeper.fetchBindings('a', (answers) => second.push(...answers));
    rig.time.run(100);
    rig.keeper.registerNow('a');
    expect(second[0]?.answer.ok).toBe(false);
    rig.time.run(2_000);
    expect(rig.of('a')).toMatchObject({ state: 'registered', cseq: 3 });
    expect(rig.userAgent.violations).toEqual([]);
    rig.keeper.fetchBindings('a', (answers) => second.push(...answers));
    rig.keeper.stop(false, () => {});
    expect(second).toHaveLength(2);
  });
});
