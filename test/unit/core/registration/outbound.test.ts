import { describe, expect, it } from 'vitest';
import { instant } from '../../../../src/core/base/instant.ts';
import {
  flowTimerSec,
  instanceOf,
  isOffered,
  isOutboundInForce,
  outboundParameters,
} from '../../../../src/core/registration/outbound.ts';
import { parseContact } from '../../../../src/core/sip/header/contact.ts';
import { nodeHasher } from '../../../support/node-hasher.ts';
import { aResponse } from '../../../support/registration/answers.ts';
import { aProfile, aRegistration, Rig } from '../../../support/registration/rig.ts';
import {
  type Call,
  granted,
  type Reply,
} from '../../../support/registration/scripted-user-agent.ts';

const HOST = { id: 'host-a', hasher: nodeHasher };
const DAY_MS = 86_400_000;

describe('the instance-id', () => {
  const spec = aRegistration('alice');

  it('is a UUID of its own for each host and address of record, and stays the same', () => {
    const urn = instanceOf(spec, HOST);
    expect(urn).toMatch(
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(instanceOf(aRegistration('alice', aProfile({ domain: 'ACME.example' })), HOST)).toBe(
      urn,
    );
    expect(instanceOf({ ...spec, id: 'renamed', ddi: 'other' }, HOST)).toBe(urn);
    expect(instanceOf(spec, { ...HOST, id: 'host-b' })).not.toBe(urn);
    expect(instanceOf(aRegistration('bob'), HOST)).not.toBe(urn);
  });

  it('stands in the Contact so that its own parser reads it back', () => {
    const instance = instanceOf(spec, HOST);
    const contact = parseContact(`<sip:a@h>${outboundParameters({ instance, regId: 2 })}`);
    expect(contact?.params.get('+sip.instance')).toBe(`<${instance}>`);
    expect(contact?.params.get('reg-id')).toBe('2');
  });
});

it.each([
  [['Require: outbound'], true],
  [['Require: path, OUTBOUND'], true],
  [['Require: path', 'Require: outbound'], true],
  [['Supported: outbound'], false],
  [['Require: outbounds'], false],
  [[], false],
] as const)('%j puts outbound in force: %s', (lines, inForce) => {
  expect(isOutboundInForce(aResponse(200, lines))).toBe(inForce);
});

it.each([
  ['30', 30],
  ['1', 5],
  ['999999999', 86_400],
  ['0', undefined],
  ['-3', undefined],
  ['soon', undefined],
] as const)('reads Flow-Timer %s as %s', (value, seconds) => {
  expect(flowTimerSec(aResponse(200, [`Flow-Timer: ${value}`]))).toBe(seconds);
});

it('is offered unless it is off, or the first hop refused it and nobody insists', () => {
  const [now, later] = [instant(10), instant(20)];
  expect(isOffered('off', now, later)).toBe(false);
  expect(isOffered('auto', later, now)).toBe(false);
  expect(isOffered('auto', now, later)).toBe(true);
  expect(isOffered('require', later, now)).toBe(true);
});

/** Puts outbound in force, as far as it was offered. */
const agreeing = (call: Call): Reply => ({
  status: 200,
  lines: [
    `Contact: <${call.contact}>;expires=600`,
    ...(call.regId === undefined ? [] : ['Require: outbound']),
  ],
});

describe('a registration', () => {
  it('offers outbound with each binding, and has it only where the registrar says so', () => {
    const rig = new Rig();
    rig.add(1);
    rig.time.run(5_000);
    expect(rig.userAgent.calls[0]?.regId).toBe('1');
    expect(rig.of('u0').hasOutbound).toBe(false);
    rig.userAgent.script = agreeing;
    rig.time.run(600_000);
    expect(rig.of('u0').hasOutbound).toBe(true);
  });

  it('removes its binding under the same instance and flow', () => {
    const rig = new Rig();
    rig.userAgent.script = agreeing;
    rig.add(1);
    rig.time.run(5_000);
    rig.keeper.remove('u0');
    rig.time.run(5_000);
    expect(rig.userAgent.calls.at(-1)).toMatchObject({ expiresSec: 0, regId: '1' });
  });

  it('does without it at once after a 439, and for a day, as all others at that registrar', () => {
    const rig = new Rig();
    rig.userAgent.script = (call) =>
      call.regId === undefined ? granted(call, 3600) : { status: 439 };
    rig.add(1);
    rig.time.run(2_000);
    expect(rig.userAgent.calls.map(({ regId }) => regId)).toEqual(['1', undefined]);
    expect(rig.counted('registered')).toBe(1);
    expect(rig.notices()).toEqual(['registration.withoutOutbound']);
    rig.add(1, {}, 'v');
    rig.time.run(DAY_MS / 2);
    const { calls } = rig.userAgent;
    expect(calls.slice(2).every(({ regId }) => regId === undefined)).toBe(true);
    calls.length = 0;
    rig.time.run(DAY_MS);
    expect(calls.filter(({ regId }) => regId !== undefined).length).toBeGreaterThan(0);
    expect(rig.counted('registered')).toBe(2);
    expect(rig.of('u0').counters.lapses).toBe(0);
  });

  it('removes what was bound without it without it, although it was asked for its bindings since', () => {
    const rig = new Rig();
    rig.userAgent.script = (call) =>
      call.regId === undefined ? granted(call, 3600) : { status: 439 };
    rig.add(1);
    rig.time.run(DAY_MS + 1_000);
    const held = `Contact: <${rig.of('u0').contact}>;expires=60`;
    rig.userAgent.calls.length = 0;
    rig.userAgent.script = (call) =>
      call.contact === '' ? { status: 200, lines: [held] } : granted(call, 3600);
    rig.keeper.fetchBindings('u0', () => {});
    rig.time.run(1_000);
    rig.keeper.remove('u0');
    rig.time.run(5_000);
    expect(rig.userAgent.calls.map(({ contact }) => contact !== '')).toEqual([false, true]);
    expect(rig.userAgent.calls.at(-1)).toMatchObject({ expiresSec: 0, regId: undefined });
  });

  it('that was told `require` is not content with less, and says why', () => {
    const rig = new Rig();
    rig.add(1, { outbound: 'require' });
    rig.time.run(5_000);
    expect(rig.of('u0')).toMatchObject({
      state: 'rejected',
      cause: { code: 'registrar.noOutbound' },
    });
    rig.userAgent.script = agreeing;
    rig.time.run(600_000);
    expect(rig.of('u0')).toMatchObject({ state: 'registered', hasOutbound: true });
  });

  it('that was told `off` never mentions it', () => {
    const rig = new Rig();
    rig.userAgent.script = agreeing;
    rig.add(1, { outbound: 'off' });
    rig.time.run(5_000);
    expect(rig.userAgent.calls.map(({ regId }) => regId)).toEqual([undefined]);
    expect(rig.of('u0').hasOutbound).toBe(false);
  });
});
