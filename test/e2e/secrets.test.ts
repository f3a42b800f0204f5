/** A canary password: whatever is asked and however it fails, it appears nowhere, in no form. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually, freePort } from '../support/processes.ts';
import { SourceDaemon } from '../support/source-daemon.ts';
import { md5, REALM, UdpRegistrar } from '../support/udp-registrar.ts';

const CANARY = 'CANARY-7f3a/#wörd+ß';
const TOKEN = 'TOKEN-canary-91b2?&';

/** Every form in which the secrets could be seen. */
const FORMS: readonly string[] = [CANARY, TOKEN].flatMap((secret) => [
  secret,
  Buffer.from(secret, 'utf8').toString('latin1'),
  Buffer.from(secret, 'utf8').toString('base64').replace(/=+$/, ''),
  Buffer.from(secret, 'utf8').toString('base64url'),
  Buffer.from(secret, 'utf8').toString('hex'),
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
]);
const HA1 = [md5(`alice:${REALM}:${CANARY}`), md5(`wrong:${REALM}:${CANARY}`)];

let registrar: UdpRegistrar;
let files: SourceDaemon;
beforeEach(async () => {
  registrar = await UdpRegistrar.open(CANARY);
  files = new SourceDaemon();
});
afterEach(async () => {
  files.cleanUp();
  await registrar.close();
});

function registrationOf(username: string, password: unknown): object {
  return {
    id: username,
    username,
    domain: 'test.example',
    registrar: `sip:127.0.0.1:${registrar.port}`,
    contact: 'self',
    auth: { password },
  };
}

it('the canary stays in its cage', async () => {
  const port = await freePort();
  const good = {
    http: { bind: `127.0.0.1:${port}`, token: TOKEN },
    log: { level: 'trace' },
    peeringContracts: [
      {
        name: 'acme',
        peerServers: [
          {
            name: 'madrid',
            sipProxy: `127.0.0.1:${registrar.port}`,
            auth: { username: 'acct', password: CANARY },
          },
        ],
        registrations: [
          registrationOf('alice', CANARY),
          registrationOf('bob', { env: 'BOB' }),
          registrationOf('wrong', `${CANARY}x`),
        ],
      },
    ],
  };
  files.write(good);
  const daemon = await files.run({ BOB: CANARY });
  await eventually(() => registrar.accepted.length >= 2);
  await eventually(() =>
    daemon.lines('registration.changed').some(({ state }) => state === 'rejected'),
  );
  const url = `http://127.0.0.1:${port}`;
  const headers = { authorization: `Bearer ${TOKEN}` };
  const seen: string[] = [];
  for (const path of [
    '/v1/registrations',
    '/v1/registrations/wrong',
    '/v1/peering-contracts',
    '/v1/peer-servers/acme/madrid',
    '/metrics',
    '/openapi.json',
    '/v1/nothing',
  ]) {
    const reply = await fetch(`${url}${path}`, { headers });
    seen.push([...reply.headers].flat().join('\n'), await reply.text());
  }
  // What is wrong with a file is told without quoting what stands there.
  files.write({ ...good, http: { bind: 7, token: [TOKEN] }, pasword: CANARY });
  await daemon.reload();
  await files.command(['check']);
  files.writeText('trunkd.yaml', `password: "${CANARY}\npasword: ${CANARY}\n  - ${CANARY}`);
  await daemon.reload();
  await files.command(['check']);
  await files.command(['status']);
  const attempt = ['try', 'register', `sip:alice@127.0.0.1:${registrar.port}`];
  await files.command([...attempt, '--password', CANARY, '--realm', 'other'], {}, false);
  await files.command(['status', '--url', url], { TRUNKD_TOKEN: TOKEN }, false);
  await daemon.running.stop();
  seen.push(files.output);
  const text = seen.join('\n');
  expect(text.length).toBeGreaterThan(5_000);
  expect([...FORMS, ...HA1].filter((form) => text.includes(form))).toEqual([]);
  // The check itself can see: what is meant to be there is found.
  expect(text).toContain('acme/madrid');
});
