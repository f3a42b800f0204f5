/**
 * Consumers that are down, slow, endless, or lie, one after the other and all at once: the built daemon probes on, forgets
 * no verdict, and does not grow. The judges: a server that counts its OPTIONS, a file, the kernel, and what the
 * consumers were told once they are well again.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import { Trunkd } from '../support/trunkd.ts';

/** What each kind of consumer gets, one after the other. */
const MODES = [
  'silent',
  'garbage',
  'wrong',
  'endless',
  'drips',
  'hangs up',
  'redirects',
  'refuses',
] as const;
type Mode = (typeof MODES)[number];
const KINDS = ['kamailioDispatcher', 'kamailioAddress', 'kamailioHtable', 'opensipsMi'] as const;

const INTERVAL_MS = 1_000;
/** A server that is down is asked less often, and a busy machine makes some probes late. */
const LONGEST_GAP_MS = 8 * INTERVAL_MS;
const MAX_GROWTH_MIB = 200;

let hostile: HostileServer;
let peer: CountingPeer;
let trunkd: Trunkd;
let directory: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'trunkd-hostile-'));
  hostile = await HostileServer.start();
  peer = await CountingPeer.start();
  // As many of each kind as there are modes: all are met at once.
  const crowd = KINDS.flatMap((type) =>
    MODES.map((_, n) => ({ name: `${type}${n}`, type, ...keysOf(type, n) })),
  );
  trunkd = await Trunkd.start({
    defaults: {
      probe: { interval: `${INTERVAL_MS}ms`, timeout: '500ms' },
      peerServer: { flapDamping: false },
    },
    peeringContracts: [
      {
        name: 'acme',
        dispatcherSet: 1,
        onAllDown: 'none',
        peerServers: [
          { name: 'flaps', sipProxy: `127.0.0.1:${peer.port}`, transport: 'udp' },
          { name: 'off', sipProxy: '127.0.0.1:9', transport: 'udp', admin: 'off' },
        ],
      },
    ],
    consumers: [
      ...crowd,
      { name: 'hook', type: 'webhook', url: `${hostile.url}/hook` },
      { name: 'snapshot', type: 'snapshotFile', path: join(directory, 'snapshot.json') },
    ],
  });
});

afterEach(async () => {
  await trunkd?.stop();
  peer?.stop();
  hostile?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function keysOf(type: (typeof KINDS)[number], n: number): object {
  const url = `${hostile.url}/${type}`;
  if (type === 'opensipsMi') return { url, gateways: { 'acme/flaps': 'gw1' } };
  return type === 'kamailioAddress'
    ? { rpc: url, listFile: join(directory, `list${n}`) }
    : { rpc: url };
}

/** What trunkd itself says of the changes, as `up true`. */
const verdicts = (): readonly string[] =>
  trunkd
    .lines('peerServer.changed')
    .filter(({ peerServer }) => peerServer === 'acme/flaps')
    .map(({ state, enabled }) => `${state} ${enabled}`);

function memoryMib(which: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${trunkd.pid}/status`, 'utf8');
  return Number(new RegExp(`^${which}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
}

async function untilUp(isUp: boolean): Promise<void> {
  await eventually(
    async () => {
      const text = readFileSync(join(directory, 'snapshot.json'), 'utf8');
      const server = JSON.parse(text).peeringContracts[0].peerServers[0];
      return server.state === (isUp ? 'up' : 'down') && server.enabled === isUp;
    },
    { timeoutMs: 30_000, what: () => `it is ${isUp ? 'up' : 'down'} in the file` },
  );
}

it('are borne: probes go on, verdicts are told in the end, memory stays', async () => {
  const before = memoryMib('VmRSS');
  await untilUp(true);
  peer.forget();
  for (const isUp of [false, true, false]) {
    peer.isAnswering = isUp;
    await untilUp(isUp);
  }
  await eventually(() => hostile.hasMetAll, { what: () => `all are met: ${[...hostile.met]}` });
  expect(peer.longestGapMs()).toBeLessThan(LONGEST_GAP_MS);
  expect(memoryMib('VmHWM') - before).toBeLessThan(MAX_GROWTH_MIB);

  hostile.isHonest = true;
  peer.isAnswering = true;
  await untilUp(true);
  const told = (): readonly string[] => [...hostile.told.values()];
  await eventually(() => told().length >= verdicts().length, {
    timeoutMs: 60_000,
    what: () => `the hook was told everything: ${told()} of ${verdicts()}`,
  });
  expect(told()).toEqual(verdicts());
  expect(verdicts()).toEqual(['up true', 'down false', 'up true', 'down false', 'up true']);
  expect(await trunkd.stop()).toBe('0');
});

interface Asked {
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
  readonly body: string;
  readonly isHook: boolean;
}

/** Answers everybody in another way, until it is honest: then the hook takes what it is told. */
class HostileServer {
  isHonest = false;
  /** `kind mode`. */
  readonly met = new Set<string>();
  readonly #turns = new Map<string, number>();
  /** By id, in the order of the first time. */
  readonly told = new Map<string, string>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, reply) => void this.#answer(request, reply));
  }

  static async start(): Promise<HostileServer> {
    const hostile = new HostileServer();
    hostile.#server.listen(0, '127.0.0.1');
    await once(hostile.#server, 'listening');
    return hostile;
  }

  get hasMetAll(): boolean {
    return KINDS.every((kind) => MODES.every((mode) => this.met.has(`${kind} ${mode}`)));
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    reply.on('error', () => undefined);
    let body = '';
    try {
      for await (const piece of request) body += String(piece);
    } catch {
      // It gave up: so do we.
      return;
    }
    const kind = request.url?.slice(1) ?? '';
    const isHook = kind === 'hook';
    if (this.isHonest) {
      if (isHook) this.#hear(body);
      reply.writeHead(isHook ? 204 : 500).end();
      return;
    }
    if (body.includes('core.uptime')) {
      reply.end(JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(body).id, result: {} }));
      return;
    }
    const turn = this.#turns.get(kind) ?? 0;
    this.#turns.set(kind, turn + 1);
    const mode = MODES[turn % MODES.length] ?? 'silent';
    this.met.add(`${kind} ${mode}`);
    this.#misbehave(mode, { request, reply, body, isHook });
  }

  #misbehave(mode: Mode, { request, reply, body, isHook }: Asked): void {
    switch (mode) {
      case 'silent':
        return;
      case 'garbage':
        // A hook would take it as an answer.
        reply.writeHead(500).end(Buffer.from(Array.from({ length: 4_096 }, (_, n) => n % 256)));
        return;
      case 'wrong':
        reply.writeHead(isHook ? 503 : 200).end(wrongAnswer(body));
        return;
      case 'endless':
        endlessly(reply);
        return;
      case 'drips': {
        reply.writeHead(200).write('{');
        const timer = setInterval(() => reply.write(' '), 100);
        reply.once('close', () => clearInterval(timer));
        return;
      }
      case 'hangs up':
        reply.writeHead(200, { 'content-length': '1000' }).write('{"jsonrpc"');
        setTimeout(() => request.socket.destroy(), 20);
        return;
      case 'redirects':
        // To itself; a hook takes that for a last word, so that one is told to come later.
        if (isHook) reply.writeHead(429).end();
        else reply.writeHead(302, { location: this.url }).end();
        return;
      case 'refuses':
        request.socket.destroy();
    }
  }

  #hear(body: string): void {
    const { id, type, peerServer, state, enabled } = JSON.parse(body);
    if (type === 'peerServer.changed' && peerServer === 'acme/flaps')
      this.told.set(id, `${state} ${enabled}`);
  }
}

/** JSON, and an answer, of the wrong shape: another one for each question. */
function wrongAnswer(body: string): string {
  const shapes = [
    null,
    7,
    'Ok',
    [null],
    [{ slot: [null] }],
    [{ group: 1, item: null }],
    { RECORDS: [null, { SET: { ID: 'x', TARGETS: [null, { DEST: null }] } }] },
    {
      RECORDS: [{ SET: { ID: 1, TARGETS: Array.from({ length: 100_000 }, () => ({ DEST: {} })) } }],
    },
    { PARTITIONS: [{ SETS: [{ id: 1, Destinations: [null, { URI: 'sip:'.repeat(10_000) }] }] }] },
    { Gateways: [null, { ID: {}, State: [] }] },
  ];
  wrongTurn += 1;
  const { id } = JSON.parse(body);
  return JSON.stringify({ jsonrpc: '2.0', id, result: shapes[wrongTurn % shapes.length] });
}
let wrongTurn = 0;

/** As much as the other side takes. */
function endlessly(reply: ServerResponse): void {
  const piece = 'x'.repeat(256 * 1024);
  const more = (): void => {
    while (!reply.destroyed && reply.write(piece));
  };
  reply.on('drain', more);
  reply.writeHead(200);
  more();
}

/** Answers OPTIONS while it is told to, and remembers when they came. */
class CountingPeer {
  isAnswering = true;
  readonly port: number;
  readonly #socket: Socket;
  #cameAt: number[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
    socket.on('message', (bytes, from) => this.#hear(bytes.toString('latin1'), from));
  }

  static async start(): Promise<CountingPeer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new CountingPeer(socket);
  }

  forget(): void {
    this.#cameAt = [performance.now()];
  }

  longestGapMs(): number {
    const times = [...this.#cameAt, performance.now()];
    return Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? at)));
  }

  stop(): void {
    this.#socket.close();
  }

  #hear(request: string, { port, address }: RemoteInfo): void {
    this.#cameAt.push(performance.now());
    if (!this.isAnswering) return;
    const echoed = request.match(/^(?:Via|From|To|Call-ID|CSeq): .*\r\n/gim) ?? [];
    const reply = `SIP/2.0 200 OK\r\n${echoed.join('')}Content-Length: 0\r\n\r\n`;
    this.#socket.send(reply, port, address);
  }
}
