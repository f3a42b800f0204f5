import { describe, expect, it } from 'vitest';
import type { RegisterStyle, RegistrationProfile } from '../../../../src/core/registration/spec.ts';
import { aProfile, aRegistration, Rig } from '../../../support/registration/rig.ts';
import type { Call, Reply } from '../../../support/registration/scripted-user-agent.ts';

function answering(
  lines: (call: Call) => readonly string[],
  profile: Partial<RegistrationProfile> = {},
): Rig {
  const rig = new Rig();
  rig.userAgent.script = (call): Reply => ({ status: 200, lines: lines(call) });
  rig.keeper.add(aRegistration('a', aProfile({ outbound: 'off', ...profile })));
  rig.time.run(10_000);
  return rig;
}

const ours = (call: Call) => `Contact: <${call.contact}>;expires=${call.expiresSec}`;
const OLD = 'sip:da@192.0.2.77:5060';

describe('what a registrar tells with a grant', () => {
  it('is shown while bound, replaced by each 200, and dropped when absent or unregistered', () => {
    let more: readonly string[] = [
      'Service-Route: <sip:one;lr>,<sip:two;lr>',
      'Path: <sip:edge;lr>',
    ];
    const rig = answering((call) => [ours(call), ...more]);
    expect(rig.of('a').facts).toMatchObject({
      serviceRoute: ['<sip:one;lr>', '<sip:two;lr>'],
      path: ['<sip:edge;lr>'],
    });
    more = ['Service-Route: <sip:three;lr>'];
    rig.keeper.registerNow('a');
    rig.time.run(1_000);
    expect(rig.of('a').facts).toMatchObject({ serviceRoute: ['<sip:three;lr>'], path: [] });
    rig.keeper.order('a', { command: 'off', reason: '', until: undefined });
    rig.time.run(1_000);
    expect(rig.of('a').facts).toBeUndefined();
    rig.keeper.order('a', { command: 'up', reason: '', until: undefined });
    more = [];
    rig.time.run(1_000);
    expect(rig.of('a')).toMatchObject({ bound: true, facts: undefined });
  });
});

describe('bindings of others', () => {
  const lines = (call: Call) => [ours(call), `Contact: <sip:bob@192.0.2.5>;expires=60, <${OLD}>`];

  it('are counted and told once, and left alone', () => {
    const rig = answering(lines);
    rig.time.run(3_600_000);
    expect(rig.notices()).toEqual(['registration.otherBindings']);
    expect(rig.keeper.otherBindings()).toEqual(new Map([['acme', 2]]));
    expect(rig.of('a').facts?.others.map(({ isStale }) => isStale)).toEqual([false, true]);
    expect(rig.userAgent.calls.every(({ removed }) => removed === undefined)).toBe(true);
    rig.keeper.remove('a');
    rig.time.run(1_000);
    expect(rig.keeper.otherBindings().size).toBe(0);
  });

  it('are not told of with ignore, and counted all the same', () => {
    const rig = answering(lines, { onForeign: 'ignore' });
    expect(rig.notices()).toEqual([]);
    expect(rig.of('a').facts?.otherCount).toBe(2);
  });

  it('with removeOwnStale those of our user are removed soon, and only those', () => {
    const removed = new Set<string>();
    const rig = answering(
      (call) => {
        if (call.removed !== undefined) removed.add(call.removed);
        return removed.has(OLD) ? [ours(call), 'Contact: <sip:bob@192.0.2.5>'] : lines(call);
      },
      { onForeign: 'removeOwnStale' },
    );
    expect([...removed]).toEqual([OLD]);
    expect(rig.userAgent.calls).toHaveLength(2);
    expect(rig.of('a').facts?.others.map(({ uri }) => uri)).toEqual(['sip:bob@192.0.2.5']);
    rig.time.run(3_600_000);
    expect(rig.userAgent.calls.slice(2).every((call) => call.removed === undefined)).toBe(true);
  });

  it('a registrar that keeps them gets no flood', () => {
    const rig = answering(lines, { onForeign: 'removeOwnStale' });
    rig.time.run(400_000);
    expect(rig.userAgent.calls).toHaveLength(2);
  });
});

describe('several Contacts', () => {
  const style: RegisterStyle = {
    ...{ from: undefined, headers: '', uriParameters: '', parameters: ';q=1', hasLine: false },
    mode: 'single',
    moreContacts: [{ hostPort: '203.0.113.11:5060', parameters: ';q=0.5' }],
  };
  const second = 'sip:da@203.0.113.11:5060';

  it('are bound together; one that is not stored is told of', () => {
    const rig = answering((call) => [ours(call)], { style });
    expect(rig.of('a')).toMatchObject({ state: 'registered', grantedExpiresSec: 600 });
    expect(rig.notices()).toEqual(['registration.contactMissing']);
    const whole = answering((call) => [ours(call), `Contact: <${second}>;expires=70`], { style });
    expect(whole.of('a').grantedExpiresSec).toBe(70);
    expect(whole.notices().filter((code) => code !== 'registration.shortGrant')).toEqual([]);
  });

  it('a change of them makes a new binding', () => {
    const rig = answering((call) => [ours(call)], { style });
    rig.keeper.change(aRegistration('a', aProfile({ outbound: 'off' })));
    rig.time.run(5_000);
    expect(rig.userAgent.calls.slice(1).map(({ expiresSec }) => expiresSec)).toEqual([0, 600]);
  });
});
