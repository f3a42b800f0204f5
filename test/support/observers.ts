/** Observers and an HTTP server over made-up books, at a fixed time. */
import type { FastifyInstance } from 'fastify';
import { instant } from '../../src/core/base/instant.ts';
import { Secret } from '../../src/core/base/secret.ts';
import type { HealthBook } from '../../src/core/health/snapshot.ts';
import type { RegistrationBook } from '../../src/core/registration/snapshot.ts';
import type {
  AdminOrder,
  CommandPort,
  CommandReply,
  ListPort,
  ProxyCommand,
  ProxyReply,
  RegistrationOrder,
  ReloadReport,
  RoutePort,
} from '../../src/http/ports.ts';
import { buildHttpServer } from '../../src/http/server.ts';
import type { ConsumerReadings } from '../../src/observe/consumer-rows.ts';
import type { FetchedRows } from '../../src/observe/fetched-rows.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import type { Readings } from '../../src/observe/readings.ts';
import { StatusBook } from '../../src/observe/status-book.ts';
import { WallClock } from '../../src/observe/wall-clock.ts';
import { aPeerServer, aRegistration, FakeHealthBook, FakeRegistrationBook } from './fake-books.ts';

/** Instant 0 is this wall-clock time. */
const WALL_ZERO_MS = Date.parse('2026-01-02T03:04:05.000Z');

const CLOCK = { now: () => instant(10_000) };

export function aWallClock(): WallClock {
  return new WallClock(CLOCK, () => WALL_ZERO_MS + 10_000);
}

const READINGS: Readings = {
  process: () => ({
    cpuSec: 1.5,
    residentBytes: 100_000_000,
    heapUsedBytes: 50_000_000,
    startedAtSec: 1_700_000_000,
    loopLagSec: 0.01,
    logLinesDropped: 0,
  }),
  sip: () => ({
    dropped: new Map([['parse', 3]]),
    relayed: new Map([['request toProxy', 3]]),
    relayRefused: new Map([['rate', 2]]),
    answered: new Map([[405, 1]]),
    keepAlivesSent: 21,
    stunAnswers: 20,
    foreignDnsAnswers: 1,
    retransmissions: 4,
    clientTransactions: 5,
    serverTransactions: 6,
    datagramsReceived: 7,
    datagramsSent: 8,
    streamMessagesReceived: 9,
    streamMessagesSent: 10,
    sendErrors: 11,
    connectsFailed: 12,
    connectionsOpen: 2,
    udpBuffers: [
      { localSocket: 'udp', octets: 4096, drops: 3 },
      { localSocket: 'udp6', octets: 4096, drops: undefined },
    ],
    localSockets: new Map([
      ['udp', true],
      ['tls', false],
    ]),
  }),
  certificates: () => [
    {
      role: 'peer',
      name: 'acme.example at 192.0.2.1:5061',
      localSocket: 'tls',
      subject: 'CN=acme.example',
      fingerprint: 'AB:CD',
      notAfterMs: WALL_ZERO_MS + 864_000_000,
    },
    {
      role: 'own',
      name: 'tls',
      localSocket: 'tls',
      subject: 'CN=us.example',
      fingerprint: 'EF:01',
      notAfterMs: WALL_ZERO_MS,
    },
  ],
  isReady: () => true,
};

class RecordedCommands implements CommandPort {
  readonly calls: string[] = [];
  report: ReloadReport = {
    kind: 'applied',
    added: 1,
    changed: 2,
    removed: 3,
    unchanged: 4,
    peerServers: { added: 5, changed: 6, removed: 7 },
    warnings: [],
    restartNeeded: [],
  };

  async reload(force: boolean, origin: string): Promise<ReloadReport> {
    this.calls.push(`reload ${force} ${origin}`);
    return this.report;
  }

  pause(reason: string, forMs: number | undefined, origin: string): void {
    this.calls.push(`pause "${reason}" ${forMs} ${origin}`);
  }

  resume(origin: string): void {
    this.calls.push(`resume ${origin}`);
  }

  register(id: string, origin: string): CommandReply {
    this.calls.push(`register ${id} ${origin}`);
    if (id === 'bob') return 'idle';
    return id === 'alice' ? 'accepted' : 'unknown';
  }

  order(id: string, order: RegistrationOrder, origin: string): CommandReply {
    const { command, reason, forMs } = order;
    this.calls.push(`${command} ${id} "${reason}" ${forMs} ${origin}`);
    return id === 'alice' ? 'accepted' : 'unknown';
  }

  forget(id: string, reason: string, origin: string): CommandReply {
    this.calls.push(`forget ${id} "${reason}" ${origin}`);
    return id === 'alice' ? 'accepted' : 'unknown';
  }

  async fetchBindings(id: string, origin: string): Promise<FetchedRows | undefined> {
    this.calls.push(`fetchBindings ${id} ${origin}`);
    if (id !== 'alice') return undefined;
    const bindings = [{ uri: 'sip:a@192.0.2.1', expires: 60, q: null, isOurs: true }];
    return { items: [{ leg: id, target: 'udp:192.0.2.1:5060', bindings, cause: null }] };
  }

  observe(id: string, code: number, count: number, origin: string): boolean | 'unknown' {
    this.calls.push(`observe ${id} ${code} ${count} ${origin}`);
    return id === 'acme/madrid' ? code >= 500 : 'unknown';
  }

  freeze(reason: string, forMs: number | undefined, origin: string): void {
    this.calls.push(`freeze "${reason}" ${forMs} ${origin}`);
  }

  thaw(origin: string): boolean {
    this.calls.push(`thaw ${origin}`);
    return this.calls.some((call) => call.startsWith('freeze'));
  }

  orderPeerServer(id: string, order: AdminOrder, origin: string): CommandReply {
    this.calls.push(`${order.command} ${id} "${order.reason}" ${order.forMs} ${origin}`);
    return id === 'acme/madrid' ? 'accepted' : 'unknown';
  }

  orderContract(name: string, order: AdminOrder, origin: string): CommandReply {
    this.calls.push(`${order.command} ${name} "${order.reason}" ${order.forMs} ${origin}`);
    return name === 'acme' ? 'accepted' : 'unknown';
  }

  probe(id: string, origin: string): CommandReply {
    this.calls.push(`probe ${id} ${origin}`);
    return id === 'acme/madrid' ? 'accepted' : 'unknown';
  }

  proxy(name: string, command: ProxyCommand, origin: string): ProxyReply {
    this.calls.push(`proxy ${name} ${JSON.stringify(command)} ${origin}`);
    return name === 'edge1' ? { registrations: 2 } : 'unknown';
  }
}

export interface Rig {
  readonly app: FastifyInstance;
  readonly commands: RecordedCommands;
  readonly metrics: Metrics;
  readonly status: StatusBook;
  readonly bugs: unknown[];
  health: { isAlive: boolean; isReady: boolean; isStopping: boolean };
}

export interface RigOptions {
  readonly registrations?: RegistrationBook;
  readonly peers?: HealthBook;
  readonly token?: string;
  readonly tokens?: readonly { readonly role: 'read' | 'route'; readonly token: string }[];
  readonly routes?: RoutePort;
  readonly lists?: ListPort;
  readonly consumers?: ConsumerReadings;
  readonly perRegistration?: number;
}

export async function aServer(options: RigOptions = {}): Promise<Rig> {
  const registrations =
    options.registrations ??
    new FakeRegistrationBook(['carol', 'alice', 'bob'].map((id) => aRegistration(id)));
  const peers =
    options.peers ?? new FakeHealthBook([aPeerServer('acme/madrid'), aPeerServer('acme/paris')]);
  const wallClock = aWallClock();
  const { consumers } = options;
  const status = new StatusBook(
    ...([registrations, peers, wallClock, undefined, READINGS.certificates, consumers] as const),
  );
  const metrics = new Metrics({
    ...(consumers === undefined ? {} : { consumers }),
    registrations,
    health: peers,
    readings: READINGS,
    wallClock,
    version: '1.2.3',
    node: 'v24',
    perRegistration: options.perRegistration ?? 10,
  });
  const commands = new RecordedCommands();
  const health = { isAlive: true, isReady: true, isStopping: false };
  const bugs: unknown[] = [];
  const app = await buildHttpServer({
    status,
    metrics,
    commands,
    health: {
      isAlive: () => health.isAlive,
      isReady: () => health.isReady,
      phase: () => (health.isStopping ? 'stopping' : health.isReady ? 'ready' : 'starting'),
    },
    routes: options.routes ?? { route: () => ({ kind: 'unknownContract' }) },
    lists: options.lists ?? { dispatcherList: () => undefined },
    clock: CLOCK,
    version: '1.2.3',
    token: options.token === undefined ? undefined : new Secret(options.token),
    tokens: (options.tokens ?? []).map(({ role, token }) => ({ role, token: new Secret(token) })),
    hostNames: ['trunk.example'],
    onBug: (error) => bugs.push(error),
  });
  return { app, commands, metrics, status, bugs, health };
}
