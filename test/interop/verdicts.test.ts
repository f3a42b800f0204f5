/** Verdicts on real sockets: orders over a reload, observations, a process that stood still, much failing at once. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, run } from '../support/processes.ts';
import { Sipp } from '../support/sipp.ts';
import { Trunkd } from '../support/trunkd.ts';

const PROBE = { interval: '2s', timeout: '1s', fall: 3, rise: 2, recheck: '500ms' };
const SERVERS = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

/** Answers every request with 200, while it wants to. */
class Peer {
  isSilent = false;
  readonly address: string;
  readonly #socket: Socket = createSocket('udp4');

  constructor(address: string) {
    this.address = address;
    this.#socket.on('message', (data, from) => {
      if (this.isSilent) return;
      const lines = data.toString('latin1').split('\r\n');
      const kept = lines.filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line));
      const answer = ['SIP/2.0 200 OK', ...kept, 'Content-Length: 0', '', ''].join('\r\n');
      this.#socket.send(answer, from.port, from.address);
    });
  }

  async open(): Promise<void> {
    this.#socket.bind(5062, this.address);
    await once(this.#socket, 'listening');
  }

  close(): void {
    this.#socket.close();
  }
}

const peers = SERVERS.map((_, index) => new Peer(`127.0.0.${11 + index}`));
let mortal: Sipp;
let trunkd: Trunkd;

function config() {
  const of = (names: readonly string[], from: number) =>
    names.map((name, index) => ({
      name,
      sipProxy: `127.0.0.${11 + from + index}:5062`,
      transport: 'udp',
    }));
  return {
    localSockets: [{ name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' }],
    defaults: { probe: PROBE },
    peeringContracts: [
      { name: 'one', peerServers: of(SERVERS.slice(0, 3), 0) },
      { name: 'two', peerServers: of(SERVERS.slice(3), 3) },
      {
        name: 'slow',
        peerServers: [
          {
            name: 'mortal',
            sipProxy: `127.0.0.1:${mortal.port}`,
            transport: 'udp',
            probe: { interval: '60s' },
          },
        ],
      },
    ],
  };
}

beforeAll(async () => {
  mortal = await Sipp.start('options-200');
  for (const peer of peers) await peer.open();
  trunkd = await Trunkd.start(config());
  const all = [...SERVERS.map((name, index) => id(name, index)), 'slow/mortal'];
  await eventually(async () => {
    for (const one of all) if ((await trunkd.peerServer(one)).state !== 'up') return false;
    return true;
  });
});

afterAll(async () => {
  await trunkd?.stop();
  await mortal?.stop();
  for (const peer of peers) peer.close();
});

const id = (name: string, index = [...SERVERS].map(String).indexOf(name)) =>
  `${index < 3 ? 'one' : 'two'}/${name}`;

async function post(path: string, body: object): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  const request = { method: 'POST', headers, body: JSON.stringify(body) };
  return (await fetch(`${trunkd.url}${path}`, request)).status;
}

async function allEnabled(): Promise<boolean> {
  for (const name of SERVERS) if (!(await trunkd.peerServer(id(name))).enabled) return false;
  return true;
}

const changed = () => trunkd.lines('peerServer.changed').length;
const frozen = () => trunkd.lines('verdicts.frozen').map((line) => line['frozen']);

describe('verdicts', () => {
  it('an order to drain outlives a reload, and ends at its time', async () => {
    const url = '/v1/peer-servers/one/a/commands';
    expect(await post(url, { command: 'drain', reason: 'new cable', until: '4s' })).toBe(202);
    expect(await trunkd.peerServer('one/a')).toMatchObject({ enabled: false, rank: 2 });
    expect((await trunkd.reload(config())).event).toBe('config.reloaded');
    const drained = await trunkd.peerServer('one/a');
    expect(drained).toMatchObject({
      enabled: false,
      state: 'up',
      order: { command: 'drain', reason: 'new cable' },
      cause: { code: 'admin.drain' },
    });
    await eventually(async () => (await trunkd.peerServer('one/a')).enabled);
  });

  it('is explained on the command line', async () => {
    const binary = join(import.meta.dirname, '../../bin/trunkd');
    const stdout = await run(binary, ['explain', 'one/b', '--url', trunkd.url]);
    expect(stdout).toContain('one/b: enabled, state up');
    expect(stdout).toContain('udp:127.0.0.12:5062 is up since');
  });

  it('calls that fail have a server asked long before its turn', async () => {
    await mortal.kill();
    await sleep(3_000);
    expect((await trunkd.peerServer('slow/mortal')).enabled).toBe(true);
    const url = '/v1/peer-servers/slow/mortal/observations';
    expect(await post(url, { code: 503, count: 3 })).toBe(202);
    await eventually(async () => (await trunkd.peerServer('slow/mortal')).state === 'down', {
      timeoutMs: 15_000,
    });
    expect(await post(url, { code: 42 })).toBe(400);
    await trunkd.told('peerServer.changed', (lines) =>
      lines.some((line) => line.peerServer === 'slow/mortal' && line.state === 'down'),
    );
  });

  it('a process that stood still blames nobody', async () => {
    const before = changed();
    trunkd.signal('SIGSTOP');
    await sleep(5_000);
    trunkd.signal('SIGCONT');
    await sleep(3_000);
    expect(await allEnabled()).toBe(true);
    expect(changed()).toBe(before);
    await eventually(async () => frozen().at(-1) !== true);
  });

  it('much that fails at once freezes them all, and they thaw when it is over', async () => {
    const before = changed();
    const told = frozen().length;
    for (const peer of peers) peer.isSilent = true;
    await eventually(async () => frozen().length > told, { timeoutMs: 15_000 });
    await sleep(6_000);
    expect(await allEnabled()).toBe(true);
    expect(await trunkd.get('/v1/verdicts')).toMatchObject({
      frozen: { ordered: false, cause: { code: 'ownFault.networkSuspect' } },
    });
    expect(await (await fetch(`${trunkd.url}/metrics`)).text()).toContain(
      'trunkd_verdicts_frozen 1',
    );
    for (const peer of peers) peer.isSilent = false;
    await eventually(async () => frozen().at(-1) === false, { timeoutMs: 20_000 });
    expect(changed()).toBe(before);
  });

  it('one alone that fails is disabled all the same', async () => {
    const [first] = peers;
    if (first !== undefined) first.isSilent = true;
    await eventually(async () => !(await trunkd.peerServer('one/a')).enabled, {
      timeoutMs: 15_000,
    });
    if (first !== undefined) first.isSilent = false;
    await eventually(async () => (await trunkd.peerServer('one/a')).enabled);
  });
});
