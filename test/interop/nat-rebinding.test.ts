/**
 * A night on call: the NAT in front of trunkd forgets its mappings and gives out other ports, while an hour is
 * granted. Judged by Kamailio: where it sends calls to (Received, Contact), and which requests reached it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { excessOver, Kamailio, mostExcess, withoutCopies } from '../support/kamailio.ts';
import { NAT_ADDRESS, NattedHome, OUTSIDE } from '../support/nat.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually } from '../support/processes.ts';
import { Trunkd } from '../support/trunkd.ts';

const EACH = 20;
const PACING = { perTarget: 10, burst: 5 };
/** STUN goes every 24 to 29 s, and the pace of the target comes on top. */
const NOTICED_WITHIN_MS = 30_000 + (2 * EACH * 1000) / PACING.perTarget;

const users = ['fixed', 'learned'].flatMap((kind) =>
  Array.from({ length: EACH }, (_, index) => `${kind}${index}`),
);

let pki: Pki;
let home: NattedHome;
let kamailio: Kamailio;
let trunkd: Trunkd;

beforeAll(async () => {
  pki = await makePki(['good']);
  home = await NattedHome.start('40000-40010');
  kamailio = await Kamailio.start({
    users: new Map(users.map((user) => [user, 'a long password'])),
    alsoAt: OUTSIDE,
    tls: pki.filesOf('good'),
    defines: ['NONCE_EXPIRE=3600'],
  });
  const config = {
    localSockets: [{ name: 'udp', protocol: 'udp', bind: '0.0.0.0:0' }],
    pacing: PACING,
    peeringContracts: [
      {
        name: 'acme',
        registrations: users.map((username) => ({
          username,
          domain: 'registrar.test',
          auth: { password: 'a long password' },
          registrar: `sip:${OUTSIDE}:${kamailio.sipPort}`,
          contact: username.startsWith('fixed') ? 'pbx.example:5060' : 'learned',
        })),
      },
    ],
  };
  trunkd = await Trunkd.start(config, { launcher: home.launcher });
}, 120_000);

afterAll(async () => {
  await trunkd?.stop();
  await kamailio?.stop();
  home?.stop();
  pki?.remove();
});

/** The ports of the NAT to which Kamailio would send a call for each user, and the one in the Contact. */
async function ports(): Promise<readonly number[]> {
  const held = [...(await kamailio.dump()).values()].flat();
  return held.flatMap(({ received, address }) =>
    [received, address].flatMap((place) => {
      const port = new RegExp(`${NAT_ADDRESS.replaceAll('.', '\\.')}:(\\d+)`).exec(place)?.[1];
      return port === undefined ? [] : [Number(port)];
    }),
  );
}

/** One of everybody as Received or Contact, at least, and nothing outside of the range. */
async function allAt(from: number): Promise<boolean> {
  const [held, seen] = [await kamailio.dump(), await ports()];
  const isComplete =
    held.size === users.length && [...held.values()].every((one) => one.length === 1);
  return (
    isComplete &&
    seen.length >= users.length &&
    seen.every((port) => port >= from && port <= from + 10)
  );
}

it('is noticed within 30 s, and everybody registers again, once, in the pace of the target', async () => {
  await eventually(() => allAt(40_000), {
    timeoutMs: 40_000,
    everyMs: 300,
    what: () => `everybody is known behind the NAT\n${trunkd.output.slice(-2_000)}`,
  });
  // The first STUN answer says as whom we are known.
  await sleep(3_000);
  const before = kamailio.requests().length;
  home.rebind('41000-41010');
  await eventually(() => allAt(41_000), {
    timeoutMs: NOTICED_WITHIN_MS,
    everyMs: 300,
    what: () => `everybody is known at the new port\n${trunkd.output.slice(-2_000)}`,
  });
  await sleep(3_000);
  const again = kamailio.requests().slice(before);
  const authorized = again.filter(({ isAuthorized }) => isAuthorized);
  expect(withoutCopies(authorized)).toHaveLength(users.length);
  expect(new Set(again.map(({ callId }) => callId)).size).toBe(users.length);
  expect(excessOver(again, PACING.perTarget, PACING.burst)).toBeLessThanOrEqual(
    mostExcess(PACING.perTarget),
  );
  expect(trunkd.output).toContain('target.addressMoved');
  expect(kamailio.expired()).toEqual([]);
});
