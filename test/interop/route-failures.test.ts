/**
 * Calls by trunkd's routes where something dies: a server, Kamailio, all servers, trunkd itself. A real Kamailio with
 * ops/kamailio/rtjson.cfg, sipp as callers and servers. Where the calls arrive is the judge.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CallRouter } from '../support/call-router.ts';
import { Grave } from '../support/grave.ts';
import { eventually } from '../support/processes.ts';
import { askBySip } from '../support/sip-message.ts';
import { makeCalls, SippPeer, timeCalls } from '../support/sipp-peer.ts';
import { Trunkd } from '../support/trunkd.ts';

const NAMES = ['a', 'b', 'c'] as const;
/** How long Kamailio waits for trunkd; on a busy machine a call takes longer. */
const PATIENCE_MS = 300;

let peers: Record<(typeof NAMES)[number], SippPeer>;
/** Where the dispatcher sends calls. */
let spare: SippPeer;
let trunkd: Trunkd;
let router: CallRouter;

beforeAll(async () => {
  peers = { a: await SippPeer.start(), b: await SippPeer.start(), c: await SippPeer.start() };
  spare = await SippPeer.start();
  const peerServers = NAMES.map((name) => ({
    ...{ name, sipProxy: peers[name].hostPort, transport: 'udp' },
  }));
  trunkd = await Trunkd.start({
    // They die and come back too often for it.
    defaults: { probe: { interval: '1s', timeout: '500ms' }, peerServer: { flapDamping: false } },
    http: { tokens: [{ name: 'edge', role: 'route', token: 'a-token-for-the-edge' }] },
    peeringContracts: [
      { name: 'try', onAllDown: 'tryAll', balance: 'roundRobin', peerServers },
      { name: 'none', onAllDown: 'none', balance: 'roundRobin', peerServers },
    ],
  });
  router = await CallRouter.start({
    ...{ api: trunkd.url, token: 'a-token-for-the-edge' },
    list: [`1 sip:${spare.hostPort} 0 0 weight=100;duid=spare`],
  });
});

afterAll(async () => {
  await router?.stop();
  await trunkd?.stop();
  for (const one of [...Object.values(peers ?? {}), spare]) await one?.stop();
});

const call = (contract: string, count: number): Promise<number> =>
  makeCalls({ serverPort: router.sipPort, contract, count });

/** The status of one call that nobody takes. */
async function refusal(contract: string): Promise<string> {
  const headers = [`X-Contract: ${contract}`, 'X-Set: 1'];
  const question = { method: 'INVITE', user: '00911234567', headers } as const;
  return (await askBySip(router.sipPort, question)).split('\r\n', 1)[0] ?? '';
}

async function untilAllAre(state: 'up' | 'down'): Promise<void> {
  await eventually(
    async () => {
      const rows = await Promise.all(
        ['try', 'none'].flatMap((contract) =>
          NAMES.map((name) => trunkd.peerServer(`${contract}/${name}`)),
        ),
      );
      return rows.every((row) => row.state === state);
    },
    { timeoutMs: 60_000, what: () => `all are ${state}` },
  );
}

const counts = (): Record<string, number> =>
  Object.fromEntries(NAMES.map((name) => [name, peers[name].invites().length]));

it('go to no server that was killed, and to one that is back', async () => {
  await untilAllAre('up');
  await peers.a.kill();
  await eventually(async () => !(await trunkd.peerServer('try/a')).enabled, { timeoutMs: 60_000 });
  const grave = await Grave.at(peers.a.port);
  expect(await call('try', 30)).toBe(30);
  await eventually(() => grave.count('OPTIONS') > 0);
  expect(grave.count('INVITE')).toBe(0);
  grave.close();
  await peers.a.startAgain();
  await untilAllAre('up');
  const before = counts();
  expect(await call('try', 30)).toBe(30);
  for (const name of NAMES) expect(counts()[name] ?? 0).toBeGreaterThan(before[name] ?? 0);
});

it('go on after Kamailio was restarted, over all of them', async () => {
  await untilAllAre('up');
  await router.kill();
  await router.startAgain();
  const before = counts();
  expect(await call('none', 30)).toBe(30);
  for (const name of NAMES) expect(counts()[name] ?? 0).toBeGreaterThan(before[name] ?? 0);
});

it('go as onAllDown says when all are dead, and to all that are back', async () => {
  await untilAllAre('up');
  for (const name of NAMES) await peers[name].kill();
  await untilAllAre('down');
  const spared = spare.invites().length;
  const graves: Grave[] = [];
  for (const name of NAMES) graves.push(await Grave.at(peers[name].port, '486 Busy Here'));
  const arrived = () => graves.reduce((sum, grave) => sum + grave.count('INVITE'), 0);
  try {
    // An empty list of routes is an answer: the dispatcher knows no better.
    await eventually(async () => (await refusal('none')) === 'SIP/2.0 503 No Provider Available');
    expect(arrived()).toBe(0);
    await eventually(async () => (await refusal('try')) === 'SIP/2.0 486 Busy Here');
    expect(arrived()).toBeGreaterThan(0);
  } finally {
    for (const grave of graves) grave.close();
  }
  expect(spare.invites().length - spared).toBeLessThanOrEqual(2);
  for (const name of NAMES) await peers[name].startAgain();
  await untilAllAre('up');
  const before = counts();
  expect(await call('none', 30)).toBe(30);
  for (const name of NAMES) expect(counts()[name] ?? 0).toBeGreaterThan(before[name] ?? 0);
});

it.each(['SIGSTOP', 'SIGKILL'] as const)(
  'go by the dispatcher, and soon, after %s',
  async (signal) => {
    const before = spare.invites().length;
    trunkd.signal(signal);
    try {
      const question = { serverPort: router.sipPort, contract: 'try', count: 10 };
      const { succeeded, answeredMs } = await timeCalls(question);
      expect(succeeded).toBe(10);
      expect(answeredMs).toBeLessThan(PATIENCE_MS * 3);
    } finally {
      trunkd.signal('SIGCONT');
    }
    expect(spare.invites().length).toBe(before + 10);
  },
);
