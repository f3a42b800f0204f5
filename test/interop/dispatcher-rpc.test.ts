/** A real Kamailio on another host, as it were: its dispatcher by RPC alone, one member at a time. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DispatcherProxy } from '../support/dispatcher-proxy.ts';
import { eventually } from '../support/processes.ts';
import { makeCalls, SippPeer } from '../support/sipp-peer.ts';
import { Trunkd } from '../support/trunkd.ts';

let proxy: DispatcherProxy;
let peer: SippPeer;
let trunkd: Trunkd;

beforeAll(async () => {
  proxy = await DispatcherProxy.reserve();
  peer = await SippPeer.start();
});

afterAll(async () => {
  await trunkd?.stop();
  await peer?.stop();
  await proxy?.stop();
});

async function startProxy(list: string): Promise<void> {
  await proxy.kill();
  mkdirSync(dirname(proxy.listFile), { recursive: true });
  writeFileSync(proxy.listFile, list);
  writeFileSync(proxy.addressFile, '1 127.0.0.1\n');
  await proxy.start();
}

/** `sets`: the dispatcher set of a contract of that name with the one server. */
async function startTrunkd(sets: Readonly<Record<string, number>>, socket?: string): Promise<void> {
  await trunkd?.stop();
  trunkd = await Trunkd.start({
    defaults: { probe: { interval: '1s', timeout: '500ms' } },
    peeringContracts: Object.entries(sets).map(([name, dispatcherSet]) => ({
      ...{ name, dispatcherSet },
      peerServers: [{ name: 'a', sipProxy: peer.hostPort, transport: 'udp' }],
    })),
    consumers: [{ name: 'far', type: 'kamailioDispatcher', rpc: proxy.rpcUrl, socket }],
  });
}

/** `1 acme/a@udp:..., 2 ...`, as soon as it is `wanted`; what was seen until then. */
async function until(wanted: RegExp): Promise<readonly string[]> {
  const seen: string[] = [];
  await eventually(
    async () => {
      // Without any destination that is an error.
      const held = await proxy.list().catch(() => []);
      const words = held.map(({ set, duid, socket }) => `${set} ${duid} ${socket}`.trim()).sort();
      if (seen.at(-1) !== words.join(', ')) seen.push(words.join(', '));
      return wanted.test(seen.at(-1) ?? '');
    },
    { timeoutMs: 90_000, what: () => `${wanted}: ${seen.at(-1)}` },
  );
  return seen;
}

const OURS = 'acme/a@udp:[\\d.:]+';

/** How trunkd knows what it added. */
let mark = '';

it('is filled from nothing, and hears of states', async () => {
  await startProxy('# Nobody.\n');
  await startTrunkd({ acme: 1 });
  await until(new RegExp(`^1 ${OURS}$`));
  const answer = await fetch(`${trunkd.url}/v1/peer-servers/acme/a/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"command":"drain","reason":"test"}',
  });
  expect(answer.status).toBe(202);
  await eventually(async () => (await proxy.states())['a'] === 'disabled');
  [, mark = ''] = /;trunkd=(\w+)/.exec(JSON.stringify(await proxy.rpc('dispatcher.list'))) ?? [];
  expect(mark).toMatch(/^\w{12}$/);
});

it('loses what went while trunkd was down, and takes another socket; calls go on', async () => {
  await trunkd?.stop();
  const uri = `sip:${peer.hostPort};transport=udp`;
  const duid = (contract: string) => `duid=${contract}/a@udp:${peer.hostPort}`;
  await startProxy(
    [
      `1 ${uri} 0 0 weight=100;rweight=100;${duid('acme')};trunkd=${mark}`,
      `2 ${uri} 0 0 weight=100;rweight=100;${duid('gone')};trunkd=${mark}`,
      `3 ${uri} 0 0 weight=100;rweight=100;${duid('other')};trunkd=somebody`,
      '',
    ].join('\n'),
  );
  const socket = `udp:127.0.0.1:${proxy.sipPort}`;
  await startTrunkd({ acme: 1 }, socket);
  const made: number[] = [];
  let isOver = false;
  const caller = (async () => {
    while (!isOver) {
      made.push(await makeCalls({ serverPort: proxy.sipPort, contract: 'any', count: 5 }));
    }
  })();
  const wanted = new RegExp(`^1 ${OURS} ${socket}, 3 other/a@udp:[\\d.:]+$`);
  const seen = await until(wanted).finally(() => {
    isOver = true;
  });
  await caller;
  expect(made.length).toBeGreaterThan(5);
  expect(new Set(made)).toEqual(new Set([5]));
  expect(seen.every((one) => /^1 acme.* 3 other/.test(one))).toBe(true);
});
