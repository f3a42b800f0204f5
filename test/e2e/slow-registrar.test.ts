/**
 * A registrar that takes its time, over UDP: once that is known it gets no copies any more (T1 by the measured round
 * trip, RFC 3261 section 17.1.1.1). Judged by what arrives there.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import { SourceDaemon } from '../support/source-daemon.ts';
import { UdpRegistrar } from '../support/udp-registrar.ts';

const PASSWORD = 'a-long-enough-password';
const DELAY_MS = 1_200;
const MOST_ROUNDS = 10;

let registrar: UdpRegistrar;
let files: SourceDaemon;
beforeEach(async () => {
  registrar = await UdpRegistrar.open(PASSWORD);
  registrar.delayMs = DELAY_MS;
  files = new SourceDaemon();
});
afterEach(async () => {
  files.cleanUp();
  await registrar.close();
});

it('is asked once for each refresh, as soon as its round trip is known', async () => {
  files.write({
    http: { bind: '127.0.0.1:0' },
    peeringContracts: [
      {
        name: 'acme',
        registrations: [
          {
            ...{ id: 'alice', username: 'alice', domain: 'test.example', contact: 'self' },
            ...{ registrar: `sip:127.0.0.1:${registrar.port}`, auth: { password: PASSWORD } },
          },
        ],
      },
    ],
  });
  const daemon = await files.run();
  const row = async () =>
    (await (await fetch(`${daemon.url}/v1/registrations/alice`)).json()) as {
      readonly bound: boolean;
      readonly counters: { readonly succeeded: number };
    };
  await eventually(async () => (await row()).bound);
  // Nothing is known at first: the first request is sent again after 500 ms.
  expect(new Set(registrar.wire).size).toBeLessThan(registrar.wire.length);
  /** How often the request of one refresh arrived. */
  const refresh = async (): Promise<number> => {
    const before = registrar.wire.length;
    const { succeeded } = (await row()).counters;
    await fetch(`${daemon.url}/v1/registrations/alice/commands`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"command":"register"}',
    });
    await eventually(async () => (await row()).counters.succeeded > succeeded);
    return registrar.wire.length - before;
  };
  let rounds = 1;
  while ((await refresh()) > 1 && rounds < MOST_ROUNDS) rounds += 1;
  expect(rounds).toBeLessThan(MOST_ROUNDS);
  expect([await refresh(), await refresh()]).toEqual([1, 1]);
});
