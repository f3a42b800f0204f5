/** The rows that need no other server beside trunkd: each starts one daemon, measures it, and stops it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../test/support/processes.ts';
import { type Config, Trunkd } from '../test/support/trunkd.ts';
import { cpuSec, pssMb } from './process-cost.ts';
import { Responder } from './responder.ts';

/** One measured figure; `budget` and `goal` are upper bounds. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly budget?: number;
  readonly goal?: number;
}

export interface Row {
  readonly name: string;
  readonly measure: () => Promise<readonly Figure[]>;
}

export const ROWS: readonly Row[] = [
  {
    name: 'bring-up-10k',
    measure: () => bringUp({ count: 10_000, cpu: [2, 1.1], mb: [110, 90] }),
  },
  {
    name: 'bring-up-100k',
    measure: () => bringUp({ count: 100_000, cpu: [2.3, 1.1], mb: [300, 220], sec: [20, 12] }),
  },
  { name: 'refresh', measure: refresh },
  { name: 'lapses-50k', measure: () => lapses(0) },
  { name: 'lapses-50k-loss', measure: () => lapses(5) },
  { name: 'probes-1000', measure: () => probes({ count: 10_000, cpu: [0.6, 0.45] }) },
  { name: 'probes-100', measure: () => probes({ count: 1000, cpu: [1.3, 0.7] }) },
];

type Bounds = readonly [budget: number, goal: number];

export function figure(name: string, value: number, unit: string, bounds?: Bounds): Figure {
  const rounded = Math.round(value * 1000) / 1000;
  if (bounds === undefined) return { name, value: rounded, unit };
  return { name, value: rounded, unit, budget: bounds[0], goal: bounds[1] };
}

function accounts(count: number, expiresSec: number, port: number): string {
  const lines: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const user = `u${String(index).padStart(6, '0')}`;
    lines.push(
      JSON.stringify({
        id: user,
        username: user,
        domain: 'bench.example',
        ddi: user,
        auth: { password: `pw${user}` },
        localSocket: 'bench',
        expires: expiresSec,
        registrar: `sip:127.0.0.1:${port}`,
      }),
    );
  }
  return `${lines.join('\n')}\n`;
}

export const COMMON = {
  state: 'off',
  localSockets: [{ name: 'bench', protocol: 'udp', bind: '127.0.0.1:0' }],
} as const;

interface Bench {
  readonly responder: Responder;
  readonly trunkd: Trunkd;
  /** CPU seconds before the first request left. */
  readonly loadCpuSec: number;
}

/** Starts both sides and waits for the first request. */
async function begin(
  responder: Responder,
  config: Config,
  files: Readonly<Record<string, string>>,
  hasBegun: () => Promise<boolean>,
): Promise<Bench> {
  let loadCpuSec = 0;
  const options = { files, whileStarting };
  const trunkd = await Trunkd.start({ ...COMMON, ...config }, options).catch(async (error) => {
    await responder.stop();
    throw error;
  });
  async function whileStarting(pid: number): Promise<void> {
    if (!(await hasBegun())) loadCpuSec = cpuSec(pid);
  }
  return { responder, trunkd, loadCpuSec };
}

async function register(
  count: number,
  expiresSec: number,
  measure: (bench: Bench) => Promise<readonly Figure[]>,
  ...options: readonly string[]
): Promise<readonly Figure[]> {
  const responder = await Responder.start('--expect', String(count), ...options);
  const config = {
    pacing: { perTarget: 0 },
    defaults: { registration: { contact: '127.0.0.1:5080' } },
    peeringContracts: [{ name: 'bench', registrationsFrom: 'accounts.ndjson' }],
  };
  const files = { 'accounts.ndjson': accounts(count, expiresSec, responder.port) };
  const hasBegun = async (): Promise<boolean> => (await responder.stats()).register > 0;
  const bench = await begin(responder, config, files, hasBegun);
  try {
    await eventually(async () => (await responder.stats()).accounts_ok >= count, {
      timeoutMs: 300_000,
      everyMs: 50,
      what: () => `${count} accounts registered`,
    });
    return await measure(bench);
  } finally {
    await bench.trunkd.stop();
    await responder.stop();
  }
}

function bringUp(row: {
  readonly count: number;
  readonly cpu: Bounds;
  readonly mb: Bounds;
  readonly sec?: Bounds;
}): Promise<readonly Figure[]> {
  return register(row.count, 600, async ({ responder, trunkd, loadCpuSec }) => {
    const used = cpuSec(trunkd.pid) - loadCpuSec;
    const stats = await responder.stats();
    await sleep(2000);
    return [
      figure('CPU per 10k registrations', (used / row.count) * 10_000, 's', row.cpu),
      figure('requests per account', stats.register / row.count, '', [2.02, 2]),
      figure('first to last', stats.t_expect - stats.first_register, 's', row.sec),
      figure('CPU before the first request', loadCpuSec, 's', row.sec && [4, 2]),
      figure('memory', pssMb(trunkd.pid), 'MB', row.mb),
      figure('refused digests', stats.bad_digest, '', [0, 0]),
    ];
  });
}

function refresh(): Promise<readonly Figure[]> {
  return register(5000, 30, async ({ responder, trunkd }) => {
    await sleep(2000);
    await responder.tell('reset');
    const before = cpuSec(trunkd.pid);
    await sleep(60_000);
    const used = cpuSec(trunkd.pid) - before;
    const stats = await responder.stats();
    return [
      figure('CPU per 10k refreshes', (used / stats.refreshes) * 10_000, 's', [1.6, 0.9]),
      figure('requests per refresh', stats.register / stats.refreshes, '', [2.02, 1]),
      figure('lapses', stats.lapses, '', [0, 0]),
    ];
  });
}

function lapses(lossPercent: number): Promise<readonly Figure[]> {
  const measure = async ({ responder }: Bench): Promise<readonly Figure[]> => {
    await sleep(2000);
    await responder.tell('reset');
    await sleep(125_000);
    const stats = await responder.stats();
    const mean = stats.register / 125;
    return [
      figure('lapses', stats.lapses, '', [0, 0]),
      figure('still registered', stats.registered_now, ''),
      figure('peak second against the mean', stats.peak_1s / mean, 'x'),
    ];
  };
  return register(50_000, 60, measure, '--drop', String(lossPercent));
}

const INTERVAL_SEC = 10;

export function peerAddress(index: number): string {
  return `127.2.${Math.floor(index / 250)}.${(index % 250) + 1}`;
}

async function probes(row: {
  readonly count: number;
  readonly cpu: Bounds;
}): Promise<readonly Figure[]> {
  const responder = await Responder.start();
  const peerServers = Array.from({ length: row.count }, (_, index) => ({
    name: peerAddress(index),
    sipProxy: `${peerAddress(index)}:${responder.port}`,
    transport: 'udp',
    probe: { interval: `${INTERVAL_SEC}s` },
  }));
  const config = { peeringContracts: [{ name: 'bench', peerServers }] };
  const hasBegun = async (): Promise<boolean> => (await responder.stats()).options > 0;
  const { trunkd } = await begin(responder, config, {}, hasBegun);
  try {
    await eventually(async () => (await responder.stats()).peers_seen >= row.count, {
      timeoutMs: 60_000,
    });
    await sleep((INTERVAL_SEC + 1) * 1000);
    await responder.tell('reset');
    const before = cpuSec(trunkd.pid);
    await sleep(30_000);
    const used = cpuSec(trunkd.pid) - before;
    const stats = await responder.stats();
    const fairPer100Ms = row.count / INTERVAL_SEC / 10;
    return [
      figure('CPU per 10k probes', (used / stats.options) * 10_000, 's', row.cpu),
      figure('probes a second', stats.options / 30, ''),
      figure('most in 100 ms against fair', stats.peak_100ms / fairPer100Ms, 'x', [1.5, 1.2]),
      figure('memory', pssMb(trunkd.pid), 'MB'),
      ...(await detection(responder, trunkd, row.count)),
    ];
  } finally {
    await trunkd.stop();
    await responder.stop();
  }
}

/** Ten peers fall silent at a random moment, and return: how long until each is known? */
async function detection(
  responder: Responder,
  trunkd: Trunkd,
  count: number,
): Promise<readonly Figure[]> {
  const step = Math.floor(count / 10);
  const peers = Array.from({ length: 10 }, (_, index) => peerAddress(index * step));
  const turn = async (code: number, enabled: boolean): Promise<readonly number[]> => {
    const from = Date.now();
    for (const peer of peers) await responder.tell(`peer ${peer}:${responder.port} ${code}`);
    const found = new Map<string, number>();
    await eventually(
      () => {
        for (const { peerServer = '', enabled: now } of trunkd
          .lines('peerServer.changed')
          .slice(-200)) {
          const name = peerServer.slice('bench/'.length);
          if (now === enabled && peers.includes(name) && !found.has(name))
            found.set(name, (Date.now() - from) / 1000);
        }
        return found.size === peers.length;
      },
      { timeoutMs: 60_000, everyMs: 20 },
    );
    return [...found.values()].sort((a, b) => a - b);
  };
  await sleep(Math.random() * INTERVAL_SEC * 1000);
  const silent = await turn(0, false);
  await sleep(Math.random() * INTERVAL_SEC * 1000);
  const back = await turn(200, true);
  return [
    figure('silent peer disabled, median', silent[5] ?? 0, 's', [9, 9]),
    figure('silent peer disabled, slowest', silent.at(-1) ?? 0, 's', [18, 15]),
    figure('returned peer enabled, slowest', back.at(-1) ?? 0, 's', [6, 3]),
  ];
}
