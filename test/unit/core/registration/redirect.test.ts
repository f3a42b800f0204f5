import { describe, expect, it } from 'vitest';
import { placesOf } from '../../../../src/core/registration/redirect.ts';
import type { RegistrationProfile } from '../../../../src/core/registration/spec.ts';
import { aResponse } from '../../../support/registration/answers.ts';
import { aProfile, Rig } from '../../../support/registration/rig.ts';
import {
  type Call,
  granted,
  type Reply,
} from '../../../support/registration/scripted-user-agent.ts';

const POLICY = { registrarHost: 'reg.acme.example', keepsHop: false };

const places = (
  contact: string,
  profile: Partial<RegistrationProfile> = {},
  policy = POLICY,
  status = 302,
) => placesOf(aResponse(status, [`Contact: ${contact}`]), aProfile(profile), policy);

describe('which redirections are followed (SEC-03)', () => {
  it.each([
    ['the domain itself', '<sip:acme.example>', 'sip:acme.example'],
    ['a name below it', '<sip:r2.ACME.example:5070>', 'sip:r2.acme.example:5070'],
    ['the host of the registrar', '<sip:reg.acme.example:15072>', 'sip:reg.acme.example:15072'],
    [
      'a user, headers and a method',
      '<sip:u:pw@acme.example;method=INVITE?a=b>',
      'sip:acme.example',
    ],
    ['a transport', '<sip:acme.example;transport=tcp>', 'sip:acme.example;transport=tcp'],
    ['sips', '<sips:acme.example>', 'sips:acme.example'],
  ])('%s', (_, contact, requestUri) => {
    expect(places(contact).map((place) => place.requestUri)).toEqual([requestUri]);
  });

  it.each([
    ['another domain', '<sip:evil.example>'],
    ['one that only ends alike', '<sip:evilacme.example>'],
    ['the parent of the domain', '<sip:example>'],
    ['an address instead of the name', '<sip:192.0.2.66>'],
    ['maddr', '<sip:acme.example;maddr=192.0.2.66>'],
    ['a transport that we have not', '<sip:acme.example;transport=ws>'],
    ['no SIP URI', '<tel:+34911234567>'],
    ['no Contact that can be read', 'sip:'],
    ['*', '*'],
  ])('not %s', (_, contact) => {
    expect(places(contact)).toEqual([]);
  });

  it('an IP address is only itself', () => {
    const policy = { ...POLICY, registrarHost: '127.0.0.1' };
    const own = { domain: '127.0.0.1' };
    expect(places('<sip:127.0.0.1:15072>', own, policy)).toHaveLength(1);
    expect(places('<sip:127.0.0.2:15072>', own, policy)).toEqual([]);
    expect(places('<sip:x.127.0.0.1>', own, policy)).toEqual([]);
  });

  it.each([
    ['sips', '<sip:acme.example>'],
    ['sips', '<sip:acme.example;transport=tls>'],
    ['tls', '<sip:acme.example;transport=tcp>'],
    ['tls', '<sip:acme.example;transport=udp>'],
  ] as const)('never from %s to %s', (from, contact) => {
    const hop = { host: 'acme.example', port: undefined, protocol: 'tls' } as const;
    const isSips = from === 'sips';
    const profile = { scheme: isSips ? 'sips' : 'sip', hop: { ...hop, secure: isSips } } as const;
    expect(places(contact, profile)).toEqual([]);
    expect(places('<sips:acme.example>', profile)).toHaveLength(1);
  });

  it('stays on TLS where the URI does not say so, and proves the new host', () => {
    const hop = { host: 'acme.example', port: 5061, protocol: 'tls', secure: false } as const;
    const [place] = places('<sip:r2.acme.example>', { hop });
    expect(place).toMatchObject({
      hop: { host: 'r2.acme.example', port: undefined, protocol: 'tls', secure: false },
      tls: { identity: 'r2.acme.example', verify: 'strict' },
    });
    const tls = { ...aProfile().tls, identity: 'configured.example' };
    expect(places('<sip:r2.acme.example>', { hop, tls })[0]?.tls).toBe(tls);
  });

  it('leaves an outbound proxy where it is', () => {
    const [place] = places(
      '<sip:r2.acme.example;transport=tcp>',
      {},
      { ...POLICY, keepsHop: true },
    );
    expect(place?.requestUri).toBe('sip:r2.acme.example;transport=tcp');
    expect(place?.hop).toEqual(aProfile().hop);
  });

  it('goes by q, and looks at eight Contacts at most', () => {
    const listed = '<sip:a.acme.example>;q=0.2, <sip:b.acme.example>;q=0.9, <sip:c.acme.example>';
    expect(places(listed).map(({ hop }) => hop.host)).toEqual([
      'c.acme.example',
      'b.acme.example',
      'a.acme.example',
    ]);
    const many = Array.from({ length: 50 }, (_, n) => `<sip:n${n}.acme.example>`).join(', ');
    expect(places(many)).toHaveLength(8);
  });

  it.each([
    [302, '<sip:acme.example>', 0],
    [302, '<sip:acme.example>;expires=300', 300],
    [301, '<sip:acme.example>', 86_400],
    [302, '<sip:acme.example>;expires=9999999', 86_400],
  ])('%i to %s is good for %i s', (status, contact, validSec) => {
    expect(places(contact, {}, POLICY, status)[0]?.validSec).toBe(validSec);
  });
});

const to = (...contacts: string[]): Reply => ({
  status: 302,
  lines: [`Contact: ${contacts.join(', ')}`],
});

/** One registration, each host with an address and a script of its own. */
function setUp(scripts: Readonly<Record<string, (call: Call) => Reply>>, isFollowing = true) {
  const rig = new Rig();
  const hosts = Object.keys(scripts);
  for (const [index, host] of hosts.entries()) rig.addresses.set(host, `192.0.2.${index + 1}`);
  const hostOf = (call: Call) => hosts[Number(/\.(\d+):5060$/.exec(call.target)?.[1]) - 1] ?? '';
  rig.userAgent.script = (call) => scripts[hostOf(call)]?.(call) ?? { status: 500 };
  rig.add(1, isFollowing ? { redirects: POLICY } : {});
  rig.time.run(5_000);
  const seen = () =>
    rig.userAgent.calls.map((call) => `${hostOf(call)} ${call.requestUri} ${call.expiresSec}`);
  return { rig, seen };
}

const HOME = 'reg.acme.example';
const grant = (call: Call) => granted(call, 600);

describe('a registration that is redirected', () => {
  it('is bound where it is sent, under the same Call-ID with a higher CSeq', () => {
    const { rig, seen } = setUp({
      [HOME]: () => to('<sip:r2.acme.example>'),
      'r2.acme.example': grant,
    });
    expect(seen()).toEqual([
      'reg.acme.example sip:acme.example 600',
      'r2.acme.example sip:r2.acme.example 600',
    ]);
    expect(rig.of('u0')).toMatchObject({ state: 'registered', bound: true });
    const [first, second] = rig.userAgent.calls;
    expect(second?.callId).toBe(first?.callId);
    expect(rig.userAgent.violations).toEqual([]);
    expect(rig.notices()).toEqual(['registrar.redirectFollowed']);
  });

  it('asks its registrar again at the next refresh, and is removed where it is bound', () => {
    const { rig, seen } = setUp({
      [HOME]: () => to('<sip:r2.acme.example>'),
      'r2.acme.example': grant,
    });
    rig.time.run(600_000);
    expect(seen().slice(2, 4)).toEqual(seen().slice(0, 2));
    expect(rig.notices()).toEqual(['registrar.redirectFollowed']);
    rig.keeper.remove('u0');
    rig.time.run(1_000);
    expect(seen().at(-1)).toBe('r2.acme.example sip:r2.acme.example 0');
  });

  it('asks its registrar again also where that has just moved: the place is no target of it', () => {
    const { rig, seen } = setUp({
      [HOME]: () => to('<sip:r2.acme.example>'),
      'r2.acme.example': (call) => granted(call, 60),
      'new.acme.example': () => to('<sip:r2.acme.example>'),
    });
    rig.addresses.set(HOME, '192.0.2.3');
    rig.time.run(50_000);
    expect(seen().slice(2, 4)).toEqual([
      'new.acme.example sip:acme.example 600',
      'r2.acme.example sip:r2.acme.example 600',
    ]);
  });

  it('goes straight there for as long as the redirection is good', () => {
    const { rig, seen } = setUp({
      [HOME]: () => to('<sip:r2.acme.example>;expires=900'),
      'r2.acme.example': grant,
    });
    rig.time.run(700_000);
    expect(seen()[2]).toBe('r2.acme.example sip:r2.acme.example 600');
    rig.time.run(900_000);
    expect(seen().filter((one) => one.startsWith(HOME)).length).toBeGreaterThan(1);
    expect(rig.of('u0').counters.lapses).toBe(0);
  });

  it('comes back to its registrar when the place fails', () => {
    let isDown = false;
    const { rig, seen } = setUp({
      [HOME]: (call) => (isDown ? grant(call) : to('<sip:r2.acme.example>;expires=86400')),
      'r2.acme.example': (call) => (isDown ? { status: 500 } : grant(call)),
    });
    isDown = true;
    rig.time.run(700_000);
    expect(seen().at(-1)).toBe('reg.acme.example sip:acme.example 600');
    expect(rig.of('u0').counters.lapses).toBe(0);
  });

  it('tries the places by q until one takes it', () => {
    const { seen } = setUp({
      [HOME]: () => to('<sip:a.acme.example>;q=0.5', '<sip:b.acme.example>;q=0.9'),
      'a.acme.example': grant,
      'b.acme.example': () => ({ status: 503 }),
    });
    expect(seen().map((one) => one.split(' ')[0])).toEqual([
      HOME,
      'b.acme.example',
      'a.acme.example',
    ]);
  });

  it('is not led in circles, and never further than three places', () => {
    const { rig, seen } = setUp({
      [HOME]: () => to('<sip:a.acme.example>'),
      'a.acme.example': () => to('<sip:b.acme.example>', '<sip:a.acme.example>'),
      'b.acme.example': () => to('<sip:a.acme.example>', '<sip:c.acme.example>'),
      'c.acme.example': () => to('<sip:d.acme.example>'),
      'd.acme.example': grant,
    });
    expect(seen().map((one) => one.split('.')[0])).toEqual(['reg', 'a', 'b', 'c']);
    expect(rig.of('u0')).toMatchObject({
      state: 'rejected',
      cause: { code: 'registrar.redirected' },
    });
    expect(rig.inMs(rig.of('u0').nextAttemptAt)).toBeGreaterThan(200_000);
  });

  it.each([
    ['out of the domain', true, '<sip:evil.example>', /evil\.example/, /out of the domain/],
    ['where that is not wanted', false, '<sip:r2.acme.example>', /r2\.acme/, /not followed/],
  ])('%s is not followed, and says where to', (_, isFollowing, contact, place, next) => {
    const { rig, seen } = setUp(
      { [HOME]: () => to(contact), 'r2.acme.example': grant },
      isFollowing,
    );
    expect(seen()).toHaveLength(1);
    expect(rig.of('u0').cause).toMatchObject({ code: 'registrar.redirected' });
    expect(rig.of('u0').cause?.text).toMatch(place);
    expect(rig.of('u0').cause?.next).toMatch(next);
  });

  it('that is refused there is not tried elsewhere with the same password', () => {
    const refusal = { kind: 'credentials', realm: 'acme' } as const;
    const { seen } = setUp({
      [HOME]: () => to('<sip:a.acme.example>', '<sip:b.acme.example>'),
      'a.acme.example': () => ({ status: 401, refusal }),
      'b.acme.example': grant,
    });
    expect(seen()).toHaveLength(2);
  });

  it('answers 300 and 380 by no try at all', () => {
    for (const status of [300, 380]) {
      const lines = ['Contact: <sip:a.acme.example>'];
      const { seen } = setUp({ [HOME]: () => ({ status, lines }), 'a.acme.example': grant });
      expect(seen()).toHaveLength(1);
    }
  });
});
