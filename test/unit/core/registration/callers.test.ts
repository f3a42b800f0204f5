import { describe, expect, it } from 'vitest';
import { success } from '../../../../src/core/base/fault.ts';
import type { CallHints } from '../../../../src/core/sip/relay/ports.ts';
import { testFlow } from '../../../support/recording-transport.ts';
import { aFlow } from '../../../support/registration/answers.ts';
import { aProfile, aRegistration, aTarget, Rig } from '../../../support/registration/rig.ts';

const NO_HINTS: CallHints = { registration: undefined, requestUser: undefined, toUser: undefined };

/** Registrations at 192.0.2.1 (a0, a1), at 192.0.2.7 (alone) and one behind a proxy of ours. */
function setUp() {
  const rig = new Rig();
  rig.addresses.set('alone.example', '192.0.2.7');
  rig.addresses.set('behind.example', '192.0.2.8');
  const hop = (host: string) =>
    ({ host, port: undefined, protocol: 'udp', secure: false }) as const;
  const specs = [
    aRegistration('a0'),
    aRegistration('a1', aProfile(), { username: 'number' }),
    aRegistration('alone', aProfile({ hop: hop('alone.example') }), { ddi: '+34911' }),
    aRegistration('off', aProfile({ hop: hop('alone.example'), admin: 'off' })),
    aRegistration('via', aProfile({ hop: { ...hop('behind.example'), via: 'edge1' } })),
  ];
  for (const spec of specs) rig.keeper.add(spec);
  rig.callers.setMembers(specs);
  rig.time.run(10_000);
  const from = (address: string, hints: Partial<CallHints> = {}, isTrusted = false) =>
    rig.callers.callerOf(
      testFlow('udp', { address, port: 5060 }),
      { ...NO_HINTS, ...hints },
      isTrusted,
    );
  return { rig, from };
}

describe('whose call it is', () => {
  it('is told by the Contact user, then by To, then by the name of the account', () => {
    const { from } = setUp();
    const named = (hints: Partial<CallHints>) => from('192.0.2.1', hints)?.registration;
    expect(named({ requestUser: 'da1', toUser: 'da0' })).toBe('a1');
    expect(named({ requestUser: '0800', toUser: 'da0' })).toBe('a0');
    expect(named({ requestUser: 'number' })).toBe('a1');
    expect(named({ registration: 'a0', requestUser: 'da1' })).toBe('a0');
  });

  it('is no guess where several are left', () => {
    const { from } = setUp();
    expect(from('192.0.2.1', { requestUser: '0800' })).toEqual({
      registration: undefined,
      owner: 'a0',
    });
  });

  it('is told by the address where only one is there, and one that is off is not', () => {
    const { from } = setUp();
    expect(from('192.0.2.7')).toEqual({ registration: 'alone', owner: 'alone' });
    expect(from('192.0.2.7', { requestUser: '34911' })?.registration).toBe('alone');
  });

  it('is never that of another provider', () => {
    const { from } = setUp();
    expect(from('192.0.2.1', { requestUser: '+34911' })?.registration).toBeUndefined();
    expect(from('192.0.2.1', { registration: 'alone' })?.registration).toBeUndefined();
    expect(from('203.0.113.66', { requestUser: 'da0', registration: 'a0' })).toBeUndefined();
  });

  it('is nobody who is called at a proxy of ours', () => {
    const { from } = setUp();
    expect(from('192.0.2.8', { requestUser: 'dvia' })).toBeUndefined();
  });

  it('may come from whom the operator allows', () => {
    const { from } = setUp();
    expect(from('203.0.113.66', { requestUser: 'da0' }, true)?.registration).toBe('a0');
    expect(from('203.0.113.66', {}, true)).toEqual({ registration: undefined, owner: '' });
  });

  it('is told by the connection, and who is bound over it is found by it', () => {
    const rig = new Rig();
    rig.userAgent.protocol = 'tcp';
    const flow = aFlow('tcp');
    rig.userAgent.flow = flow;
    rig.targets = success([aTarget('192.0.2.9', 'tcp')]);
    rig.add(1);
    rig.time.run(10_000);
    expect(rig.callers.callerOf(flow, NO_HINTS, false)?.registration).toBe('u0');
    expect(rig.callers.flowOf('u0')).toBe(flow);
    rig.add(1, {}, 'v');
    rig.time.run(10_000);
    expect(rig.callers.callerOf(flow, NO_HINTS, false)).toEqual({
      registration: undefined,
      owner: 'u0',
    });
    expect(rig.callers.flowOf('nobody')).toBeUndefined();
  });

  it('is looked up anew when the registrar moved', () => {
    const { rig, from } = setUp();
    expect(from('192.0.2.77')).toBeUndefined();
    rig.addresses.set('alone.example', '192.0.2.77');
    rig.keeper.registerNow('alone');
    rig.time.run(10_000);
    expect(from('192.0.2.77')?.registration).toBe('alone');
  });
});
