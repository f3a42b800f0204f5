/**
 * `trunkd demo`: a provider on loopback (a registrar that asks for digest credentials, three peer
 * servers of which one fails and recovers now and then) and a real trunkd beside it, on a real config
 * file; says where to look, and shows what changes. Leaves nothing behind.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { configText } from './config-text.ts';
import { DaemonProcess } from './daemon-process.ts';
import { type Outages, Provider } from './provider.ts';
import { type Output, Screen } from './screen.ts';
import { StatusFeed } from './status-feed.ts';
import { CONTRACT, USERS } from './users.ts';

export interface DemoOptions extends Outages {
  /** How long it runs; undefined: until it is interrupted. */
  readonly durationSec: number | undefined;
  readonly output: Output;
  readonly isColoured: boolean;
  /** The program that runs trunkd: the file that this process was started with. */
  readonly program: string;
}

/** Resolves to the exit status once everything is stopped and removed; 1 when trunkd ended by itself. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const stop = stopOrder(options.durationSec);
  const directory = mkdtempSync(join(tmpdir(), 'trunkd-demo-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    const provider = await Provider.open();
    try {
      return await runBeside(provider, directory, options, stop.signal);
    } finally {
      provider.close();
    }
  } finally {
    remove();
    process.removeListener('exit', remove);
    stop.release();
  }
}

async function runBeside(
  provider: Provider,
  directory: string,
  options: DemoOptions,
  stop: AbortSignal,
): Promise<number> {
  const files = { config: join(directory, 'trunkd.yaml'), log: join(directory, 'trunkd.log') };
  const port = await freePort();
  writeFileSync(files.config, configText(provider, port), { mode: 0o600 });
  const url = `http://127.0.0.1:${port}`;
  const feed = new StatusFeed(url);
  const screen = new Screen(options.output, options.isColoured);
  const daemon = new DaemonProcess(options.program, files.config, files.log);
  try {
    await untilReady(feed, daemon, stop);
    if (daemon.end === undefined && !stop.aborted) {
      screen.say(introduction(url, { ...files, program: options.program }, daemon.pid));
      provider.startOutages(options, (text) => screen.tell(`the provider: ${CONTRACT}/${text}`));
      await watch(feed, screen, daemon, stop);
    }
    if (daemon.end === undefined || stop.aborted) return 0;
    screen.say(`trunkd ended by itself (${daemon.end}); its last lines:\n${daemon.tail()}`);
    return 1;
  } finally {
    screen.close();
    await daemon.stop();
  }
}

/** Aborts on a signal that asks us to stop, and when the time is over. */
function stopOrder(durationSec: number | undefined): {
  readonly signal: AbortSignal;
  release(): void;
} {
  const order = new AbortController();
  const give = (): void => order.abort();
  const limit = durationSec === undefined ? undefined : setTimeout(give, durationSec * 1000);
  for (const signal of STOPPERS) process.on(signal, give);
  const release = (): void => {
    clearTimeout(limit);
    for (const signal of STOPPERS) process.removeListener(signal, give);
  };
  return { signal: order.signal, release };
}

async function untilReady(
  feed: StatusFeed,
  daemon: DaemonProcess,
  stop: AbortSignal,
): Promise<void> {
  while (daemon.end === undefined && !stop.aborted && !(await feed.isReady())) {
    await pause(READY_POLL_MS, stop);
  }
}

async function watch(
  feed: StatusFeed,
  screen: Screen,
  daemon: DaemonProcess,
  stop: AbortSignal,
): Promise<void> {
  while (daemon.end === undefined && !stop.aborted) {
    const status = await feed.read();
    if (status !== undefined && !stop.aborted) screen.show(status);
    await pause(WATCH_POLL_MS, stop);
  }
}

/** Sleeps, and wakes early when it is time to stop. */
async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stop }).catch((error: unknown) => {
    if (!stop.aborted) throw error;
  });
}

function introduction(
  url: string,
  files: { readonly config: string; readonly log: string; readonly program: string },
  pid: number | undefined,
): string {
  return `
trunkd keeps ${USERS.length} registrations and watches 3 peer servers of a provider on this machine.

  its config   ${files.config}
  its log      ${files.log}
  its API      ${url}/v1/registrations
               ${url}/v1/peer-servers
               ${url}/v1/peering-contracts
               ${url}/metrics   ${url}/openapi.json

Try in another terminal:

  ${join(dirname(files.program), '../bin/trunkd')} status --config ${files.config}
  curl -s ${url}/v1/peer-servers/${CONTRACT}/valencia
  curl -s ${url}/metrics | grep ^trunkd_registrations
  tail -f ${files.log}
  # change the config (take a registration out, say), then reload it:
  kill -HUP ${pid ?? ''}

Ctrl-C stops everything.
`;
}

/** A port that the kernel thinks free; the API's has to be known before trunkd is started. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const STOPPERS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const READY_POLL_MS = 100;
const WATCH_POLL_MS = 500;
