/** Peer servers played by sipp, and what trunkd makes of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import { Sipp } from '../support/sipp.ts';
import { type LogLine, Trunkd } from '../support/trunkd.ts';

const PASSWORD = 'a long password';
const PROBE = { interval: '2s', timeout: '1s', fall: 3, rise: 2 };

let mortal: Sipp;
let lossy: Sipp;
let busy: Sipp;
let silent: Sipp;
let asking: Sipp;
let trunkd: Trunkd;

beforeAll(async () => {
  mortal = await Sipp.start('options-200');
  lossy = await Sipp.start('options-200', 10);
  busy = await Sipp.start('options-503');
  silent = await Sipp.start('options-silent');
  asking = await Sipp.start('options-401');
  const servers = { mortal, lossy, busy, silent };
  trunkd = await Trunkd.start({
    localSockets: [{ name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' }],
    defaults: { probe: PROBE },
    peeringContracts: [
      {
        name: 'acme',
        peerServers: Object.entries(servers).map(([name, { port }]) => ({
          name,
          sipProxy: `127.0.0.1:${port}`,
          transport: 'udp',
        })),
      },
      {
        name: 'asking',
        peerServers: [
          { name: 'known', ...challenger(), auth: { username: 'prober', password: PASSWORD } },
          { name: 'liar', ...challenger(), auth: { username: 'prober', password: 'another' } },
          { name: 'nobody', ...challenger() },
        ],
      },
    ],
  });
});

afterAll(async () => {
  await trunkd?.stop();
  for (const one of [mortal, lossy, busy, silent, asking]) await one?.stop();
});

const challenger = () => ({ sipProxy: `127.0.0.1:${asking.port}`, transport: 'udp' });

const changes = (name: string): readonly LogLine[] =>
  trunkd.lines('peerServer.changed').filter((line) => line.peerServer === `acme/${name}`);

async function untilEnabled(name: string, enabled: boolean, timeoutMs: number): Promise<void> {
  await eventually(async () => (await trunkd.peerServer(`acme/${name}`)).enabled === enabled, {
    timeoutMs,
    what: () => `${name} is ${enabled ? 'enabled' : 'disabled'}`,
  });
}

describe('peer servers at sipp', () => {
  it('are up once they answered', async () => {
    await eventually(async () => (await trunkd.peerServer('acme/mortal')).state === 'up');
    await eventually(async () => (await trunkd.peerServer('acme/lossy')).state === 'up');
    expect(await trunkd.peerServer('acme/mortal')).toMatchObject({
      enabled: true,
      lastResort: false,
    });
  });

  it('are down when they answer 503', async () => {
    await untilEnabled('busy', false, 20_000);
    const row = await trunkd.peerServer('acme/busy');
    expect(row).toMatchObject({ state: 'down', enabled: false });
    expect(`${row.cause?.code} ${row.cause?.text}`).toMatch(/503/);
  });

  it('are disabled when killed, with cause and since, and enabled again after they return', async () => {
    const killedAt = Date.now();
    await mortal.kill();
    await untilEnabled('mortal', false, 30_000);
    const row = await trunkd.peerServer('acme/mortal');
    expect(row).toMatchObject({ state: 'down', enabled: false });
    expect(row.cause?.text.length).toBeGreaterThan(10);
    expect(row.cause?.next.length).toBeGreaterThan(5);
    expect(row.targets[0]?.failures).toBeGreaterThanOrEqual(PROBE.fall);
    expect(Date.parse(row.since)).toBeGreaterThanOrEqual(killedAt - 1000);
    await trunkd.told('peerServer.changed', () => changes('mortal').at(-1)?.state === 'down');
    const down = changes('mortal').at(-1);
    expect(down).toMatchObject({ state: 'down', enabled: false, cause: { code: row.cause?.code } });

    await mortal.startAgain();
    await untilEnabled('mortal', true, 30_000);
    expect(await trunkd.peerServer('acme/mortal')).toMatchObject({
      state: 'up',
      lastResort: false,
    });
    await trunkd.told('peerServer.changed', () => changes('mortal').length >= 3);
    expect(changes('mortal').map((line) => line.enabled)).toEqual([true, false, true]);
  });

  it('stay enabled, ranked last, with one alarm, when they never answered', async () => {
    const row = await trunkd.peerServer('acme/silent');
    expect(row).toMatchObject({ state: 'unknown', enabled: true, lastResort: true });
    const alarms = () =>
      trunkd
        .lines()
        .filter((line) => line.peerServer === 'acme/silent')
        .filter((line) => line.level === 'warn' || line.level === 'error');
    await eventually(() => alarms().length > 0);
    expect(alarms()).toHaveLength(1);
  });

  it('that challenge OPTIONS are up with the right digest, with a cached nonce too, and down with a wrong one', async () => {
    const row = async (name: string) => await trunkd.peerServer(`asking/${name}`);
    await eventually(async () => (await row('liar')).state === 'down', {
      what: () => 'the wrong digest is seen by the peer server, and that by us',
    });
    expect((await row('liar')).cause?.text).toMatch(/503/);
    expect(await row('known')).toMatchObject({ state: 'up', enabled: true });
    expect((await row('known')).cause?.text).toMatch(/200/);
    // A challenge is an answer: whoever gives one lives.
    expect(await row('nobody')).toMatchObject({ state: 'up', enabled: true });
    expect((await row('nobody')).cause?.text).toMatch(/401/);
  });

  it('do not change when one answer of ten is lost', async () => {
    await sleep(20_000);
    expect(changes('lossy').map((line) => line.enabled)).toEqual([true]);
    expect(await trunkd.peerServer('acme/lossy')).toMatchObject({ state: 'up', enabled: true });
  });
});
