/** A real Kamailio on another host, as it were: its dispatcher by RPC alone, one member at a time. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DispatcherProxy } from '../support/dispatcher-proxy.ts';
import { eventually } from '../support/processes.ts';
import { Sipp } from '../support/sipp.ts';
import { Trunkd } from '../support/trunkd.ts';

let proxy: DispatcherProxy;
let peer: Sipp;
let trunkd: Trunkd;

beforeAll(async () => {
  proxy = await DispatcherProxy.reserve();
  mkdirSync(dirname(proxy.listFile), { recursive: true });
  writeFileSync(proxy.listFile, '1 sip:127.0.0.1:9;transport=udp 0 0 weight=50;duid=old\n');
  writeFileSync(proxy.addressFile, '1 127.0.0.1\n');
  await proxy.start();
  peer = await Sipp.start('options-200');
  trunkd = await Trunkd.start({
    defaults: { probe: { interval: '1s', timeout: '500ms' } },
    peeringContracts: [
      {
        name: 'acme',
        dispatcherSet: 1,
        peerServers: [{ name: 'a', sipProxy: `127.0.0.1:${peer.port}`, transport: 'udp' }],
      },
    ],
    consumers: [{ name: 'far', type: 'kamailioDispatcher', rpc: proxy.rpcUrl }],
  });
});

afterAll(async () => {
  await trunkd?.stop();
  await peer?.stop();
  await proxy?.stop();
});

it('gets what is missing, then loses what is too much, and hears of states', async () => {
  const seen: string[] = [];
  await eventually(
    async () => {
      const duids = (await proxy.list()).map(({ duid }) => duid);
      seen.push(duids.sort().join(' '));
      return duids.length === 1 && duids[0]?.startsWith('acme/a@') === true;
    },
    { timeoutMs: 40_000, what: () => `only ours is there: ${seen.at(-1)}` },
  );
  // Never without any.
  expect(seen).not.toContain('');
  const answer = await fetch(`${trunkd.url}/v1/peer-servers/acme/a/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"command":"drain","reason":"test"}',
  });
  expect(answer.status).toBe(202);
  await eventually(async () => (await proxy.states())['a'] === 'disabled');
});
