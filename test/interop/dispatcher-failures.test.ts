/**
 * A real Kamailio's dispatcher where things go wrong: all servers of a contract that offers none then, a server that
 * answers calls only, a list file of last week, and many verdicts at once. The proxy and the servers are the judges.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Held } from '../../src/consumers/dispatcher-list.ts';
import { DispatcherProxy } from '../support/dispatcher-proxy.ts';
import { eventually } from '../support/processes.ts';
import { askBySip } from '../support/sip-message.ts';
import { makeCalls, SippPeer } from '../support/sipp-peer.ts';
import { type Config, Trunkd } from '../support/trunkd.ts';

const [TRIO, PAIR, CROWD] = [1, 2, 3];
const NAMES = ['a', 'b', 'c'] as const;
const MANY = 60;
const STATES_PER_SEC = 10;

let trio: Record<(typeof NAMES)[number], SippPeer>;
let good: SippPeer;
let mute: SippPeer;
let proxy: DispatcherProxy;
let trunkd: Trunkd;

beforeAll(async () => {
  proxy = await DispatcherProxy.reserve();
  trio = { a: await SippPeer.start(), b: await SippPeer.start(), c: await SippPeer.start() };
  good = await SippPeer.start();
  mute = await SippPeer.start('peer-mute');
  trunkd = await Trunkd.start(configWith('up'));
  await eventually(() => proxy.hasLists);
  await proxy.start();
});

afterAll(async () => {
  await trunkd?.stop();
  await proxy?.stop();
  for (const one of [...Object.values(trio ?? {}), good, mute]) await one?.stop();
});

/** `crowd`: the word of the operator for all of the many. */
function configWith(crowd: 'up' | 'off'): Config {
  const server = (name: string, { hostPort }: SippPeer) => ({
    ...{ name, sipProxy: hostPort, transport: 'udp' },
  });
  const many = Array.from({ length: MANY }, (_, n) => ({
    ...{ name: `m${n}`, sipProxy: `127.0.1.${n + 1}:5060`, transport: 'udp' },
    ...{ probe: { mode: 'off' }, admin: crowd },
  }));
  return {
    // They die and come back too often for it.
    defaults: { probe: { interval: '1s', timeout: '500ms' }, peerServer: { flapDamping: false } },
    peeringContracts: [
      {
        ...{ name: 'trio', dispatcherSet: TRIO, onAllDown: 'none' },
        peerServers: NAMES.map((name) => server(name, trio[name])),
      },
      {
        ...{ name: 'pair', dispatcherSet: PAIR },
        peerServers: [server('mute', mute), server('good', good)],
      },
      { name: 'crowd', dispatcherSet: CROWD, peerServers: many },
    ],
    consumers: [
      {
        ...{ name: 'providers', type: 'kamailioAddress' },
        ...{ listFile: proxy.addressFile, rpc: proxy.rpcUrl },
      },
      {
        ...{ name: 'edge', type: 'kamailioDispatcher' },
        ...{ listFile: proxy.listFile, rpc: proxy.rpcUrl },
      },
    ],
  };
}

const heldOf = async (set: number): Promise<readonly Held[]> =>
  (await proxy.list()).filter((one) => one.set === set);

/** `a active` and so on, in order. */
const statesOf = async (set: number): Promise<string> =>
  (await heldOf(set))
    .map(({ duid, state }) => `${/\/([^@]*)@/.exec(duid)?.[1] ?? duid} ${state}`)
    .sort()
    .join(', ');

async function untilStates(set: number, wanted: string): Promise<void> {
  let last = '';
  await eventually(
    async () => {
      last = await statesOf(set);
      return last === wanted;
    },
    { timeoutMs: 60_000, what: () => `${wanted}; held is ${last}` },
  );
}

const call = (set: number, count = 1): Promise<number> =>
  makeCalls({ serverPort: proxy.sipPort, contract: 'any', set, count });

/** By the metrics. */
async function driftOf(consumer: string): Promise<number> {
  const metrics = await (await fetch(`${trunkd.url}/metrics`)).text();
  const line = new RegExp(`^trunkd_consumer_drift\\{consumer="${consumer}"\\} (\\d+)$`, 'm');
  return Number(line.exec(metrics)?.[1]);
}

const ALL_ACTIVE = 'a active, b active, c active';

it('has all three, and takes no call, while all are dead and none is offered', async () => {
  for (const name of NAMES) await trio[name].startAgain();
  await untilStates(TRIO, ALL_ACTIVE);
  expect(await call(TRIO, 10)).toBe(10);
  const seen = new Set<string>();
  let isOver = false;
  const watch = (async () => {
    for (; !isOver; await sleep(20)) {
      const lines = readFileSync(proxy.listFile, 'utf8').match(/^1 sip:/gm) ?? [];
      seen.add(`${lines.length} in the file, ${(await heldOf(TRIO)).length} held`);
    }
  })();
  for (const name of NAMES) await trio[name].kill();
  await untilStates(TRIO, 'a inactive, b inactive, c inactive');
  const headers = [`X-Set: ${TRIO}`];
  const answer = await askBySip(proxy.sipPort, { method: 'INVITE', user: '34911', headers });
  expect(answer).toMatch(/^SIP\/2\.0 503 No Provider Available\r\n/);
  expect(await call(PAIR)).toBe(1);
  for (const name of NAMES) await trio[name].startAgain();
  await untilStates(TRIO, ALL_ACTIVE);
  isOver = true;
  await watch;
  expect([...seen]).toEqual(['3 in the file, 3 held']);
  expect(await call(TRIO, 10)).toBe(10);
});

it('calls a server that never answers OPTIONS last, and with success; one alarm tells of it', async () => {
  await untilStates(PAIR, 'good active, mute inactive');
  expect(await trunkd.peerServer('pair/mute')).toMatchObject({
    ...{ state: 'unknown', enabled: true, lastResort: true },
  });
  const before = mute.invites().length;
  expect(await call(PAIR, 5)).toBe(5);
  expect(mute.invites()).toHaveLength(before);
  await good.kill();
  await untilStates(PAIR, 'good inactive, mute active');
  expect(await call(PAIR, 5)).toBe(5);
  expect(mute.invites()).toHaveLength(before + 5);
  await good.startAgain();
  await untilStates(PAIR, 'good active, mute inactive');
  const alarms = trunkd
    .lines()
    .filter(({ peerServer, level }) => peerServer === 'pair/mute' && level !== 'info');
  expect(alarms).toHaveLength(1);
});

it('is mended after it started with a list of last week', async () => {
  await untilStates(TRIO, ALL_ACTIVE);
  const right = readFileSync(proxy.listFile, 'utf8');
  await proxy.kill();
  await eventually(async () => (await driftOf('edge')) > 0, { timeoutMs: 40_000 });
  trunkd.signal('SIGSTOP');
  const gone =
    '1 sip:127.0.0.1:9;transport=udp 0 65535 weight=50;rweight=50;duid=trio/z@udp:127.0.0.1:9';
  const old = right
    .split('\n')
    .flatMap((line) => {
      if (line.includes('duid=trio/c@')) return [gone];
      return line.includes('duid=trio/a@')
        ? [line.replace(';transport=udp 0 ', ';transport=udp 1 ')]
        : [line];
    })
    .join('\n');
  writeFileSync(proxy.listFile, old);
  await proxy.start();
  expect(await statesOf(TRIO)).toBe('a inactive, b active, z active');
  trunkd.signal('SIGCONT');
  await untilStates(TRIO, ALL_ACTIVE);
  expect(readFileSync(proxy.listFile, 'utf8')).toBe(right);
  await eventually(async () => (await driftOf('edge')) === 0, { timeoutMs: 40_000 });
});

it('is told of many verdicts one by one, ten a second, and of all of them', async () => {
  const counted = async () => {
    const held = await heldOf(CROWD);
    return held.filter(({ state }) => state === 'disabled').length;
  };
  await trunkd.reload(configWith('up'));
  await eventually(async () => (await counted()) === 0, { timeoutMs: 60_000 });
  const steps: { readonly askedAt: number; readonly answeredAt: number; readonly count: number }[] =
    [];
  await trunkd.reload(configWith('off'));
  await eventually(
    async () => {
      const askedAt = performance.now();
      const count = await counted();
      steps.push({ askedAt, answeredAt: performance.now(), count });
      return count === MANY;
    },
    { timeoutMs: 60_000, everyMs: 50, what: () => `all are told: ${steps.at(-1)?.count}` },
  );
  for (const [at, from] of steps.entries()) {
    for (const to of steps.slice(at + 1)) {
      const mostSec = (to.answeredAt - from.askedAt) / 1_000;
      expect(to.count - from.count).toBeLessThanOrEqual(mostSec * STATES_PER_SEC + 2);
    }
  }
  // Calls of others are not in the way of it.
  expect(await call(PAIR)).toBe(1);
});
