/**
 * A registrar that crashes forgets its bindings (Kamailio keeps them in memory). Over TCP and TLS the
 * lost connection tells, so that everybody is back long before the next refresh is due; judged by what
 * Kamailio holds.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { excessOver, Kamailio, mostExcess } from '../support/kamailio.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually } from '../support/processes.ts';
import { Trunkd } from '../support/trunkd.ts';

/** Without a pace all of them would come at once, several times what a busy machine excuses. */
const PACING = { perTarget: 10, burst: 5 };
const EACH = 30;

let pki: Pki;
let kamailio: Kamailio;
let trunkd: Trunkd;

const users = ['tcp', 'tls'].flatMap((where) =>
  Array.from({ length: EACH }, (_, index) => `${where}${index}`),
);

beforeAll(async () => {
  pki = await makePki(['good']);
  const tls = pki.filesOf('good');
  const passwords = new Map(users.map((user) => [user, 'a long password']));
  kamailio = await Kamailio.start({ users: passwords, tls });
  trunkd = await Trunkd.start({
    localSockets: [
      { name: 'tcp', protocol: 'tcp', bind: '127.0.0.1:0' },
      { name: 'tls', protocol: 'tls', bind: '127.0.0.1:0', ca: pki.caFile },
    ],
    pacing: PACING,
    defaults: { registration: { expires: 3600, contact: '127.0.0.1:15090' } },
    peeringContracts: [
      {
        name: 'acme',
        registrations: users.map((username) => ({
          id: username,
          username,
          ddi: `34-${username}`,
          domain: 'registrar.test',
          auth: { password: 'a long password' },
          registrar: username.startsWith('tls')
            ? `sip:127.0.0.1:${kamailio.tlsPort};transport=tls`
            : `sip:127.0.0.1:${kamailio.sipPort};transport=tcp`,
        })),
      },
    ],
  });
  await trunkd.allBound(users.length, 60_000);
});

afterAll(async () => {
  await trunkd?.stop();
  await kamailio?.stop();
  pki?.remove();
});

it('is noticed, and everybody is registered again over a new one, in the pace of the target', async () => {
  expect((await kamailio.dump()).size).toBe(users.length);
  const before = kamailio.requests().length;
  await kamailio.kill();
  await kamailio.startAgain();
  // An hour was granted: without the loss of the connection nothing would be due for 48 minutes.
  await eventually(async () => (await kamailio.dump()).size === users.length, {
    timeoutMs: 90_000,
    everyMs: 500,
    what: () => 'everybody is back',
  });
  const states = await trunkd.list<{ readonly state: string; readonly bound: boolean }>(
    '/v1/registrations',
  );
  expect(states.filter(({ bound }) => !bound)).toEqual([]);
  const again = kamailio.requests().slice(before);
  for (const protocol of ['tcp', 'tls']) {
    const seen = again.filter((one) => one.protocol === protocol);
    expect(seen.length).toBeGreaterThanOrEqual(EACH);
    const excess = excessOver(seen, PACING.perTarget, PACING.burst);
    expect(excess, `${seen.length} requests over ${protocol}`).toBeLessThanOrEqual(
      mostExcess(PACING.perTarget),
    );
  }
  await trunkd.told('registration.noticed', (lines) =>
    lines.some(({ cause }) => JSON.stringify(cause).includes('target.connectionLost')),
  );
});
