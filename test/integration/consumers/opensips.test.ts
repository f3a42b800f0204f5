/** An OpenSIPS over HTTP: requests and answers as mi_http has them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { jsonRpc } from '../../../src/consumers/json-rpc.ts';
import { opensips } from '../../../src/consumers/opensips.ts';
import type { Consumer } from '../../../src/consumers/ports.ts';
import { aServer, VerdictLab } from '../../support/consumer-lab.ts';
import { OpensipsHttp } from '../../support/opensips-mi.ts';
import { eventually } from '../../support/processes.ts';

let server: OpensipsHttp;
let consumer: Consumer | undefined;
const lab = new VerdictLab();

beforeAll(async () => {
  server = await OpensipsHttp.start();
});

afterAll(async () => {
  await consumer?.stop();
  await server.stop();
});

it('is told states and gateways, and what it says no to is told', async () => {
  const { mi, url } = server;
  mi.destinations = [
    { set: 1, URI: 'sip:192.0.2.1:5060', state: 'Active' },
    { set: 1, URI: 'sip:192.0.2.2', state: 'Active' },
  ];
  mi.gateways = [{ ID: 'gw2', IP: '192.0.2.2', State: 'Active' }];
  const down = { rank: 2, enabled: false, state: 'down' } as const;
  lab.hold('acme', [aServer('a', [1]), aServer('b', [2], down, 'down')]);
  const spec = { name: 'core', contracts: 'all', mode: 'apply', url } as const;
  consumer = opensips({ ...spec, gateways: { 'acme/b': 'gw2' } }, lab.ports, jsonRpc(url));
  consumer.start();
  // Time is virtual, and the network is not.
  const passUntil = (isDone: () => boolean) =>
    eventually(async () => {
      await lab.pass(100);
      return isDone();
    });
  await passUntil(() => consumer?.state === 'inSync');
  expect(mi.calls).toEqual(['i 1 sip:192.0.2.2', 'gw2 0']);
  expect(mi.destinations.map(({ state }) => state)).toEqual(['Active', 'Inactive']);

  mi.hasPartitions = true;
  await passUntil(() => consumer?.state === 'failing');
  expect(consumer.status.cause).toMatchObject({
    code: 'consumer.refused',
    text: "dr_gw_status: Missing parameter: 'partition_name' (400).",
  });
  mi.hasPartitions = false;
  server.bufferOctets = 10;
  await passUntil(() => consumer?.status.cause?.code === 'consumer.badAnswer');
  expect(consumer.status.cause?.text).toBe('ds_list: HTTP 500, and no JSON.');
  server.bufferOctets = 65_536;
  await passUntil(() => consumer?.state === 'inSync');
});
