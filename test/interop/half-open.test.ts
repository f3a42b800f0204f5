/**
 * A path that swallows everything without a word (a firewall that forgot the connection): TCP itself
 * would go on for minutes. Judged by the clock, and by what Kamailio holds afterwards.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Kamailio } from '../support/kamailio.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually, run } from '../support/processes.ts';
import { Trunkd } from '../support/trunkd.ts';

const PASSWORD = 'a long password';

let pki: Pki;
let kamailio: Kamailio;
let trunkd: Trunkd;

beforeAll(async () => {
  pki = await makePki(['good']);
  const users = new Map([['dave', PASSWORD]]);
  kamailio = await Kamailio.start({ users, tls: pki.filesOf('good') });
  trunkd = await Trunkd.start({
    localSockets: [{ name: 'tls', protocol: 'tls', bind: '127.0.0.1:0', ca: pki.caFile }],
    defaults: { registration: { expires: 3600, contact: '127.0.0.1:15090' } },
    peeringContracts: [
      {
        name: 'acme',
        registrations: [
          {
            ...{ id: 'dave', username: 'dave', domain: 'registrar.test' },
            auth: { password: PASSWORD },
            registrar: `sip:127.0.0.1:${kamailio.tlsPort};transport=tls`,
          },
        ],
      },
    ],
  });
  await trunkd.allBound(1);
});

afterAll(async () => {
  await trunkd?.stop();
  await kamailio?.stop();
  pki?.remove();
});

async function register(): Promise<void> {
  await fetch(`${trunkd.url}/v1/registrations/dave/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"command":"register"}',
  });
}

it('is noticed within 15 s, and the next connection serves when the path is back', async () => {
  const table = 'trunkd_half_open';
  const rule = `table inet ${table} { chain in { type filter hook input priority 0; tcp dport ${kamailio.tlsPort} drop; }; }`;
  await run('nft', [rule]);
  let noticedAfterMs: number;
  try {
    const begin = performance.now();
    await register();
    await eventually(async () => (await trunkd.registration('dave')).cause !== null, {
      timeoutMs: 60_000,
      everyMs: 100,
    });
    noticedAfterMs = performance.now() - begin;
    const row = await trunkd.registration('dave');
    // 10 s of silence, and 4 s for a connect that nobody answers.
    expect(row.cause?.code).toBe('timeout.connect');
    expect(row).toMatchObject({ state: 'refreshFailing', bound: true });
  } finally {
    await run('nft', ['delete', 'table', 'inet', table]);
  }
  const before = kamailio.requests().length;
  await eventually(async () => (await trunkd.registration('dave')).state === 'registered', {
    timeoutMs: 60_000,
  });
  expect(kamailio.requests().length).toBeGreaterThan(before);
  expect((await kamailio.dump()).size).toBe(1);
  // Limits of 14 s; the rest is for a busy machine.
  expect(noticedAfterMs).toBeGreaterThan(13_000);
  expect(noticedAfterMs).toBeLessThan(28_000);
});
