/**
 * A night on call: a registrar with the antiflood of Kamailio's own kamailio.cfg (16 requests in 2 s ban the
 * source for five minutes). At the defaults everybody comes up without a ban, and the log says when.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Kamailio } from '../support/kamailio.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually } from '../support/processes.ts';
import { type Config, Trunkd } from '../support/trunkd.ts';

const COUNT = 150;
const MORE = 6;
/** Two requests each, at 6 a second (`pacing` is not set): 3 go at once. */
const FORECAST_SEC = 50;
const users = Array.from({ length: COUNT + MORE }, (_, index) => `user${index}`);

let pki: Pki;
let kamailio: Kamailio;
let trunkd: Trunkd;
let startedAtMs: number;

beforeAll(async () => {
  pki = await makePki(['good']);
  kamailio = await Kamailio.start({
    users: new Map(users.map((user) => [user, 'a long password'])),
    tls: pki.filesOf('good'),
    defines: ['WITH_ANTIFLOOD', 'NONCE_EXPIRE=3600'],
  });
  startedAtMs = Date.now();
  trunkd = await Trunkd.start(config(COUNT));
});

afterAll(async () => {
  await trunkd?.stop();
  await kamailio?.stop();
  pki?.remove();
});

function config(count: number): Config {
  return {
    localSockets: [{ name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' }],
    peeringContracts: [
      {
        name: 'acme',
        registrations: users.slice(0, count).map((username) => ({
          ...{ username, domain: 'registrar.test', contact: '127.0.0.1:15090' },
          auth: { password: 'a long password' },
          registrar: `sip:127.0.0.1:${kamailio.sipPort}`,
        })),
      },
    ],
  };
}

it('bans a source that sends faster', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.7');
  await once(socket, 'listening');
  let answers = 0;
  socket.on('message', () => {
    answers += 1;
  });
  try {
    for (let index = 0; index < 40; index += 1) socket.send(options(index), kamailio.sipPort);
    await eventually(() => answers > 0 && kamailio.banned().length > 0);
    await sleep(1_000);
    expect(answers).toBeLessThan(40);
    expect(new Set(kamailio.banned())).toEqual(new Set(['127.0.0.7']));
  } finally {
    socket.close();
  }
});

it('holds 150 registrations without a ban, about as soon as forecast', async () => {
  const [forecast] = await trunkd.told('registrations.forecast');
  expect(forecast).toMatchObject({
    ...{ level: 'info', bindings: COUNT, bindingsThere: COUNT, registrar: '127.0.0.1' },
    ...{ perTarget: 6, durationSec: FORECAST_SEC },
  });
  const expectedMs = Date.parse(String(forecast?.['expectedAt']));
  expect(Math.abs(expectedMs - startedAtMs - FORECAST_SEC * 1000)).toBeLessThan(20_000);
  await trunkd.allBound(COUNT, 120_000);
  // Never before: that would be faster than the pace. On a busy machine it may take a little longer.
  expect(Date.now() - startedAtMs).toBeGreaterThan((FORECAST_SEC - 3) * 1000);
  expect(Date.now() - expectedMs).toBeLessThan(30_000);
  expect((await kamailio.dump()).size).toBe(COUNT);
  expect(kamailio.banned()).not.toContain('127.0.0.1');
});

it('forecasts a reload by those that come', async () => {
  await trunkd.reload(config(COUNT + MORE));
  const told = await trunkd.told('registrations.forecast', ({ length }) => length >= 2);
  expect(told).toHaveLength(2);
  expect(told[1]).toMatchObject({
    ...{ bindings: MORE, durationSec: 2 },
  });
  await trunkd.reload(config(COUNT + MORE));
  expect(trunkd.lines('registrations.forecast')).toHaveLength(2);
  await trunkd.allBound(COUNT + MORE, 30_000);
  expect(kamailio.banned()).not.toContain('127.0.0.1');
});

function options(index: number): string {
  return [
    'OPTIONS sip:ping@registrar.test SIP/2.0',
    `Via: SIP/2.0/UDP 127.0.0.7:5060;rport;branch=z9hG4bKflood${index}`,
    'Max-Forwards: 70',
    `From: <sip:flood@127.0.0.7>;tag=${index}`,
    'To: <sip:ping@registrar.test>',
    `Call-ID: flood${index}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');
}
