/**
 * Digest authentication as real registrars ask for it: Kamailio in its flavours, each judged by what it
 * holds after several lifetimes, and by what it refused on the way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Kamailio, withoutCopies } from '../support/kamailio.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually } from '../support/processes.ts';
import { Trunkd } from '../support/trunkd.ts';

const EXPIRES_SEC = 12;
const LIFETIMES = 3;
const PASSWORD = 'a "long" pass\\word';

/** What each Kamailio is started with. */
const FLAVOURS = {
  md5: [],
  sha256: ['WITH_SHA256'],
  dual: ['WITH_DUALALG'],
  dualSha256: ['WITH_DUALALG', 'WITH_SHA256'],
  noQop: ['NO_QOP'],
  nc: ['WITH_NC'],
  shortNonce: ['NONCE_EXPIRE=2'],
  oneTime: ['WITH_OTN'],
  nextNonce: ['WITH_AUTHINFO', 'WITH_OTN'],
  proxy: ['WITH_407'],
} as const;
type Flavour = keyof typeof FLAVOURS;

/** Registrations beside the plain one that each flavour has. */
const SPECIAL = [
  { id: 'onlyMd5', at: 'dual', algorithms: ['MD5'] },
  { id: 'onlySha256', at: 'md5', algorithms: ['SHA-256'] },
  { id: 'pinned', at: 'dualSha256', algorithms: ['SHA-256', 'MD5'], pinAlgorithm: true },
] as const;

const flavours = Object.keys(FLAVOURS) as readonly Flavour[];
const kamailios = new Map<Flavour, Kamailio>();
let pki: Pki;
let trunkd: Trunkd;

beforeAll(async () => {
  pki = await makePki(['good']);
  const tls = pki.filesOf('good');
  const users = new Map<string, string>(
    [...flavours, ...SPECIAL.map(({ id }) => id)].map((id) => [id, PASSWORD]),
  );
  for (const flavour of flavours) {
    const defines = ['MIN_EXP=5', ...FLAVOURS[flavour]];
    kamailios.set(flavour, await Kamailio.start({ defines, users, tls }));
  }
  trunkd = await Trunkd.start(config());
  await trunkd.allBound(flavours.length + SPECIAL.length - 1, 60_000);
  await sleep(LIFETIMES * EXPIRES_SEC * 1000);
});

afterAll(async () => {
  await trunkd?.stop();
  for (const kamailio of kamailios.values()) await kamailio.stop();
  pki?.remove();
});

function at(flavour: Flavour): Kamailio {
  const kamailio = kamailios.get(flavour);
  if (kamailio === undefined) throw new Error(`${flavour} was not started`);
  return kamailio;
}

function config(): Record<string, unknown> {
  const registration = (id: string, flavour: Flavour, more: object = {}) => ({
    ...{ id, username: id, ddi: id, domain: 'registrar.test', auth: { password: PASSWORD } },
    registrar: `sip:127.0.0.1:${at(flavour).sipPort};transport=udp`,
    ...more,
  });
  const special = SPECIAL.map(({ id, at: flavour, ...more }) => registration(id, flavour, more));
  return {
    localSockets: [{ name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' }],
    defaults: { registration: { expires: EXPIRES_SEC, contact: '127.0.0.1:15090' } },
    peeringContracts: [
      {
        name: 'acme',
        registrations: [...flavours.map((one) => registration(one, one)), ...special],
      },
    ],
  };
}

const seenOf = (flavour: Flavour, user: string = flavour) =>
  withoutCopies(
    at(flavour)
      .requests()
      .filter((one) => one.method === 'REGISTER' && one.user === user),
  );
/** How often it refused the credentials of a user; those of a nonce that was too old count. */
const refusedOf = (flavour: Flavour, user: string = flavour) =>
  at(flavour)
    .challenges()
    .filter((one) => one.user === user).length;
/** Kamailio keeps addresses of record in lower case. */
const aorOf = (user: string) => `${user.toLowerCase()}@registrar.test`;
/** Codes of what operators were told of the registrations of that registrar. */
const told = (): readonly string[] =>
  trunkd
    .lines('registration.noticed')
    .map(({ cause }) => (cause as { readonly code: string }).code);

describe('Kamailio', () => {
  it.each(flavours)('%s holds its registration through all lifetimes', async (flavour) => {
    const [binding] = (await at(flavour).dump()).get(aorOf(flavour)) ?? [];
    expect(binding?.address).toContain(`sip:${flavour}@127.0.0.1:15090`);
    expect(at(flavour).expired()).toEqual([]);
    // At least one refresh in each lifetime.
    expect(binding?.cseq).toBeGreaterThan(1 + LIFETIMES);
  });

  it.each(['nc', 'nextNonce', 'md5', 'noQop', 'sha256'] as const)(
    '%s was asked without credentials once, and refused none',
    (flavour) => {
      expect(seenOf(flavour).filter((one) => !one.isAuthorized)).toHaveLength(1);
      expect(refusedOf(flavour)).toBe(0);
    },
  );

  it('with one-time nonces refused two of them, and gets a request without from then on', () => {
    expect(refusedOf('oneTime')).toBe(2);
    expect(seenOf('oneTime').filter((one) => !one.isAuthorized).length).toBeGreaterThanOrEqual(2);
  });

  it('whose nonces last for 2 s refused two of them, too', () => {
    expect(refusedOf('shortNonce')).toBe(2);
  });

  it('that offers SHA-256 and verifies MD5 refused it once, which was told once', () => {
    expect(refusedOf('dual')).toBe(1);
    expect(refusedOf('dual', 'onlyMd5')).toBe(0);
    expect(told().filter((code) => code === 'auth.fellBack')).toHaveLength(1);
  });

  it('that verifies SHA-256 got nothing weaker', async () => {
    expect(refusedOf('dualSha256')).toBe(0);
    expect(refusedOf('dualSha256', 'pinned')).toBe(0);
    expect((await at('dualSha256').dump()).has(aorOf('pinned'))).toBe(true);
  });

  it('that offers MD5 got no digest where MD5 is forbidden', async () => {
    await eventually(async () => (await trunkd.registration('onlySha256')).state === 'rejected');
    const { cause } = await trunkd.registration('onlySha256');
    expect(cause?.code).toBe('auth.unusableChallenge');
    const seen = seenOf('md5', 'onlySha256');
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((one) => one.isAuthorized)).toEqual([]);
  });

  it('proves with rspauth that it knows the password', () => {
    expect(told()).not.toContain('auth.wrongProof');
  });

  it('never saw, and nobody logged, a password', () => {
    expect(trunkd.output).not.toContain('pass\\\\word');
    expect(trunkd.output).not.toContain('"long"');
  });
});
