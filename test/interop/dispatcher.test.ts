/**
 * Verdicts that a real Kamailio acts on: its dispatcher with ops/kamailio/dispatcher.cfg, three sipp peer servers,
 * sipp as callers. Where the calls arrive is the judge.
 */

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DispatcherProxy } from '../support/dispatcher-proxy.ts';
import { Grave } from '../support/grave.ts';
import { eventually } from '../support/processes.ts';
import { askBySip } from '../support/sip-message.ts';
import { makeCalls, SippPeer } from '../support/sipp-peer.ts';
import { Trunkd } from '../support/trunkd.ts';

const NAMES = ['a', 'b', 'c'] as const;
const WEIGHTS = { a: 50, b: 30, c: 20 };
const CALLS = 1_000;
const SECRET = 'key of the hook';

let peers: Record<(typeof NAMES)[number], SippPeer>;
let proxy: DispatcherProxy;
let trunkd: Trunkd | undefined;
let hook: Hook;

beforeAll(async () => {
  hook = await Hook.start();
  proxy = await DispatcherProxy.reserve();
  peers = { a: await SippPeer.start(), b: await SippPeer.start(), c: await SippPeer.start() };
  await startTrunkd();
  await eventually(() => proxy.hasLists);
  await proxy.start();
});

afterAll(async () => {
  await trunkd?.stop();
  await proxy?.stop();
  hook?.stop();
  for (const one of Object.values(peers ?? {})) await one.stop();
});

async function startTrunkd(socket?: string): Promise<void> {
  trunkd = await Trunkd.start({
    // They die and come back too often for it.
    defaults: { probe: { interval: '1s', timeout: '500ms' }, peerServer: { flapDamping: false } },
    peeringContracts: [
      {
        name: 'acme',
        dispatcherSet: 1,
        peerServers: NAMES.map((name) => ({
          ...{ name, sipProxy: peers[name].hostPort, transport: 'udp', weight: WEIGHTS[name] },
        })),
        registrations: [
          {
            ...{
              id: 'main',
              username: '34911',
              domain: peers.a.hostPort.split(':')[0],
              ddi: '34911',
            },
            ...{ auth: { password: 'a long password' }, contact: '127.0.0.1:5060', admin: 'off' },
          },
        ],
      },
    ],
    consumers: [
      {
        ...{ name: 'providers', type: 'kamailioAddress', listFile: proxy.addressFile },
        rpc: proxy.rpcUrl,
      },
      { name: 'contacts', type: 'kamailioHtable', rpc: proxy.rpcUrl },
      { name: 'file', type: 'snapshotFile', path: `${proxy.listFile}.json` },
      { name: 'hook', type: 'webhook', url: hook.url, secret: SECRET },
      {
        ...{ name: 'edge', type: 'kamailioDispatcher', mode: 'apply' },
        ...{ listFile: proxy.listFile, rpc: proxy.rpcUrl, socket },
      },
    ],
  });
}

/** What arrived where while so many calls were made, in percent; and how many of them succeeded. */
async function shares(count = CALLS): Promise<{ succeeded: number } & Record<string, number>> {
  const before = NAMES.map((name) => peers[name].invites().length);
  const serverPort = proxy.sipPort;
  const succeeded = await makeCalls({ serverPort, contract: 'acme', count, perSec: 100 });
  const came = NAMES.map((name, at) => [
    name,
    ((peers[name].invites().length - (before[at] ?? 0)) * 100) / count,
  ]);
  return { succeeded, ...Object.fromEntries(came) };
}

async function untilStates(wanted: Record<string, string>, timeoutMs = 40_000): Promise<void> {
  let last: unknown;
  await eventually(
    async () => {
      last = await proxy.states();
      return JSON.stringify(last) === JSON.stringify({ ...(last as object), ...wanted });
    },
    { timeoutMs, what: () => `${JSON.stringify(wanted)}; held is ${JSON.stringify(last)}` },
  );
}

async function inSync(): Promise<void> {
  await eventually(
    async () => {
      const metrics = await fetch(`${trunkd?.url}/metrics`);
      return /^trunkd_consumer_in_sync\{consumer="edge"\} 1$/m.test(await metrics.text());
    },
    { timeoutMs: 40_000, what: () => 'the consumer is in sync' },
  );
}

it('shares calls by weight', async () => {
  await inSync();
  const { succeeded, ...came } = await shares();
  expect(succeeded).toBe(CALLS);
  for (const name of NAMES)
    expect(Math.abs((came[name] ?? 0) - WEIGHTS[name])).toBeLessThanOrEqual(5);
});

it('knows who calls, and for whom: the address list and the table of Contacts', async () => {
  const ask = (more: object = {}): Promise<string> =>
    askBySip(proxy.sipPort, { method: 'MESSAGE', user: '34911', ...more });
  await eventually(async () => /X-Registration: main/.test(await ask()), {
    what: () => 'the registration is known by its Contact',
  });
  expect(await ask()).toMatch(/^SIP\/2\.0 480 /);
  expect(await ask()).toMatch(/^X-Contract: acme\r$/m);
  // Nobody else's address.
  expect(await ask({ source: '127.0.0.9' })).toMatch(/^SIP\/2\.0 403 /);
});

it('sends no call to a server that was killed, and calls again to one that is back', async () => {
  await peers.a.kill();
  await untilStates({ a: 'inactive', b: 'active', c: 'active' });
  await everybodyKnows();
  const grave = await Grave.at(peers.a.port);
  expect(await shares(50)).toMatchObject({ succeeded: 50 });
  // Probes still come, so that it does hear what comes.
  await eventually(() => grave.count('OPTIONS') > 0);
  expect(grave.count('INVITE')).toBe(0);
  grave.close();
  await peers.a.startAgain();
  await untilStates({ a: 'active' });
  expect((await shares())['a'] ?? 0).toBeGreaterThan(35);
});

it('is brought in line after Kamailio was restarted', async () => {
  await peers.b.kill();
  await untilStates({ b: 'inactive' });
  await proxy.kill();
  await peers.b.startAgain();
  await eventually(async () => (await trunkd?.peerServer('acme/b'))?.enabled === true, {
    timeoutMs: 30_000,
  });
  await proxy.start();
  await untilStates({ a: 'active', b: 'active', c: 'active' });
  await inSync();
});

it('has all of them when all three die, as onAllDown says, and never an empty list', async () => {
  for (const name of NAMES) await peers[name].kill();
  await eventually(
    async () => {
      const rows = await Promise.all(NAMES.map((name) => trunkd?.peerServer(`acme/${name}`)));
      return rows.every((row) => row?.state === 'down' && row.lastResort);
    },
    { timeoutMs: 40_000, what: () => 'all are down' },
  );
  await untilStates({ a: 'active', b: 'active', c: 'active' });
  expect(await proxy.list()).toHaveLength(3);
  for (const name of NAMES) await peers[name].startAgain();
  await eventually(
    async () => {
      const rows = await Promise.all(NAMES.map((name) => trunkd?.peerServer(`acme/${name}`)));
      return rows.every((row) => row?.state === 'up');
    },
    { timeoutMs: 40_000 },
  );
});

it('leaves a state that the script of the proxy has set, and probes at once', async () => {
  await untilStates({ a: 'active', b: 'active', c: 'active' });
  await inSync();
  // What it told is known to be held, once nothing has changed for a pass.
  await sleep(1_000);
  const before = trunkd?.lines('consumer.observed').length;
  await makeCalls({ serverPort: proxy.sipPort, contract: 'mark' });
  const states = await proxy.states();
  const marked = NAMES.find((name) => states[name] === 'inactive');
  const other = NAMES.find((name) => name !== marked);
  expect(marked).toBeDefined();
  // Anything that changes makes it look.
  await command(`${other}`, 'drain');
  await untilStates({ [`${other}`]: 'disabled', [`${marked}`]: 'inactive' });
  const observed = () => trunkd?.lines('consumer.observed').slice(before) ?? [];
  await eventually(() => observed().length > 0);
  expect(observed()).toMatchObject([{ peerServer: `acme/${marked}`, state: 'inactive' }]);
  await command(`${other}`, 'up');
  await untilStates({ [`${other}`]: 'active', [`${marked}`]: 'inactive' });
  // What is told anew is not left any longer.
  await command(`${marked}`, 'drain');
  await untilStates({ [`${marked}`]: 'disabled' });
  await command(`${marked}`, 'up');
  await untilStates({ a: 'active', b: 'active', c: 'active' });
});

it('pings by itself while trunkd is dead, and hands back without a flap', async () => {
  await untilStates({ a: 'active', b: 'active', c: 'active' });
  trunkd?.signal('SIGKILL');
  await peers.c.kill();
  await untilStates({ a: 'active', b: 'active', c: 'inactive' }, 60_000);
  const grave = await Grave.at(peers.c.port);
  expect(await shares(50)).toMatchObject({ succeeded: 50 });
  expect(grave.count('INVITE')).toBe(0);
  grave.close();
  const before = proxy.log().length;
  await startTrunkd();
  const seen = new Set<string>();
  await eventually(
    async () => {
      seen.add(JSON.stringify(await proxy.states()));
      // It never answered this trunkd: that is a last resort.
      return (await trunkd?.peerServer('acme/c'))?.lastResort === true;
    },
    { timeoutMs: 40_000, what: () => 'the verdict about the dead one' },
  );
  await inSync();
  seen.add(JSON.stringify(await proxy.states()));
  expect([...seen].map((one) => JSON.parse(one))).toEqual([
    { a: 'active', b: 'active', c: 'inactive' },
  ]);
  expect(proxy.log().slice(before).join('\n')).toMatch(/trunkd is back: our own pings end/);
});

it('is told another socket', async () => {
  const sockets = async () => new Set((await proxy.list()).map(({ socket }) => socket));
  expect(await sockets()).toEqual(new Set(['']));
  await trunkd?.stop();
  const socket = `udp:127.0.0.1:${proxy.sipPort}`;
  await startTrunkd(socket);
  await eventually(async () => (await sockets()).has(socket));
  await inSync();
  expect(await sockets()).toEqual(new Set([socket]));
});

/** What else tells of verdicts says that `a` is down. */
async function everybodyKnows(): Promise<void> {
  await eventually(() =>
    hook.bodies.some(({ peerServer, enabled }) => peerServer === 'acme/a' && enabled === false),
  );
  expect(hook.isEachSigned).toBe(true);
  const { peeringContracts } = JSON.parse(readFileSync(`${proxy.listFile}.json`, 'utf8'));
  expect(peeringContracts[0].peerServers[0]).toMatchObject({ id: 'acme/a', enabled: false });
  const status = async (path: string) => (await fetch(`${trunkd?.url}/v1/${path}`)).status;
  expect(await status('peer-servers/acme/a/health')).toBe(503);
  expect(await status('peering-contracts/acme/health')).toBe(200);
  const list = await fetch(`${trunkd?.url}/v1/dispatcher.list`);
  expect((await list.text()).match(/ 1 65534 .*duid=acme\/a@/g)).toHaveLength(1);
}

async function command(name: string, word: 'drain' | 'up'): Promise<void> {
  const answer = await fetch(`${trunkd?.url}/v1/peer-servers/acme/${name}/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ command: word, reason: 'test' }),
  });
  expect(answer.status).toBe(202);
}

/** Takes what a webhook is told. */
class Hook {
  readonly bodies: Record<string, unknown>[] = [];
  isEachSigned = true;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, reply) => {
      let body = '';
      for await (const piece of request) body += String(piece);
      const [, seconds, hex] =
        /^t=(\d+),v1=(\w+)$/.exec(String(request.headers['x-trunkd-signature'])) ?? [];
      const right = createHmac('sha256', SECRET).update(`${seconds}.${body}`).digest('hex');
      if (hex !== right) this.isEachSigned = false;
      this.bodies.push(JSON.parse(body));
      reply.writeHead(204).end();
    });
  }

  static async start(): Promise<Hook> {
    const hook = new Hook();
    hook.#server.listen(0, '127.0.0.1');
    await once(hook.#server, 'listening');
    return hook;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/trunkd`;
  }

  stop(): void {
    this.#server.close();
  }
}
