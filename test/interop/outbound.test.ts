/**
 * Outbound (RFC 5626) at Kamailio: instance-id and flow as `ul.dump` shows them, over UDP, TCP and TLS;
 * the binding is found again under another Contact.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Kamailio } from '../support/kamailio.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually } from '../support/processes.ts';
import { Trunkd } from '../support/trunkd.ts';

const TRANSPORTS = ['udp', 'tcp', 'tls'] as const;
/** Kept by two flows; here they have only one target, and share its connection. */
const TWO_FLOWS = 'two';
const COUNT = TRANSPORTS.length + 1;
const FLOW_TIMER_SEC = 10;
const INSTANCE = /^<urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}>$/;

interface Row {
  readonly id: string;
  readonly bound: boolean;
  readonly outbound: boolean;
}

let pki: Pki;
let kamailio: Kamailio;
let trunkd: Trunkd;

function config(contact: string): Readonly<Record<string, unknown>> {
  return {
    localSockets: [
      { name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' },
      { name: 'tcp', protocol: 'tcp', bind: '127.0.0.1:0' },
      { name: 'tls', protocol: 'tls', bind: '127.0.0.1:0', ca: pki.caFile },
    ],
    defaults: { registration: { expires: 600, contact } },
    peeringContracts: [
      {
        name: 'acme',
        registrations: [...TRANSPORTS, TWO_FLOWS].map((username) => ({
          username,
          ddi: `34-${username}`,
          flows: username === TWO_FLOWS ? 2 : 1,
          domain: 'registrar.test',
          auth: { password: 'a long password' },
          registrar: `sip:127.0.0.1:${username === 'tls' ? kamailio.tlsPort : kamailio.sipPort};transport=${username === TWO_FLOWS ? 'tcp' : username}`,
        })),
      },
    ],
  };
}

beforeAll(async () => {
  pki = await makePki(['good']);
  kamailio = await Kamailio.start({
    users: new Map([...TRANSPORTS, TWO_FLOWS].map((user) => [user, 'a long password'])),
    tls: pki.filesOf('good'),
    defines: ['WITH_OUTBOUND', `FLOW_TIMER=${FLOW_TIMER_SEC}`],
  });
  trunkd = await Trunkd.start(config('127.0.0.1:15090'));
  await trunkd.allBound(COUNT, 30_000);
});

afterAll(async () => {
  await trunkd?.stop();
  await kamailio?.stop();
  pki?.remove();
});

const bindings = async () => [...(await kamailio.dump()).values()].flat();

it('is in force over every transport, and Kamailio holds instance and flow', async () => {
  const held = (await bindings()).filter(({ aor }) => !aor.startsWith(TWO_FLOWS));
  expect(held.map(({ instance, regId }) => [INSTANCE.test(instance), regId])).toEqual(
    TRANSPORTS.map(() => [true, 1]),
  );
  expect(new Set(held.map(({ instance }) => instance)).size).toBe(TRANSPORTS.length);
  const rows = await trunkd.list<Row>('/v1/registrations');
  expect(rows.map(({ bound, outbound }) => [bound, outbound])).toEqual(
    [...TRANSPORTS, TWO_FLOWS].map(() => [true, true]),
  );
});

const flowsOfTwo = async () =>
  (await bindings())
    .filter(({ aor }) => aor.startsWith(TWO_FLOWS))
    .map(({ regId }) => regId)
    .sort();

it('two flows of one registration are two bindings of one instance', async () => {
  await eventually(async () => (await flowsOfTwo()).length === 2, {
    timeoutMs: 20_000,
    what: () => 'the second flow',
  });
  expect(await flowsOfTwo()).toEqual([1, 2]);
});

it('a restart with another Contact replaces the binding, instead of leaving two', async () => {
  const before = await bindings();
  await trunkd.stop();
  trunkd = await Trunkd.start(config('127.0.0.1:15091'));
  await trunkd.allBound(COUNT, 30_000);
  await eventually(
    async () => {
      const now = await bindings();
      const isMoved = now.every(({ address }) => address.includes(':15091'));
      return isMoved && now.length === before.length;
    },
    { timeoutMs: 10_000, everyMs: 200, what: () => 'the new Contacts are held' },
  );
  const held = await bindings();
  expect(held.map(({ instance }) => instance).sort()).toEqual(
    before.map(({ instance }) => instance).sort(),
  );
});
