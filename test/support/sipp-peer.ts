/** sipp as a peer server that takes calls, and as the one who makes them (test/interop/sipp/route). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, ownDirectory, Running } from './processes.ts';
import { sippServer } from './sipp.ts';

const SCENARIOS = join(import.meta.dirname, '../interop/sipp/route');

export type PeerScenario = 'peer' | 'peer-mute' | 'peer-407' | 'peer-503' | 'peer-rings';

/** Answers OPTIONS and INVITE as its scenario says, for as long as it runs; what came in is the judge. */
export class SippPeer {
  readonly port: number;
  readonly host: string;
  readonly #scenario: PeerScenario;
  readonly #own = ownDirectory('sipp-peer');
  #running: Running | undefined;
  #starts = 0;

  private constructor(scenario: PeerScenario, host: string, port: number) {
    this.#scenario = scenario;
    this.host = host;
    this.port = port;
  }

  static async start(scenario: PeerScenario = 'peer', host = '127.0.0.1'): Promise<SippPeer> {
    const peer = new SippPeer(scenario, host, await freePort());
    await peer.startAgain();
    return peer;
  }

  get hostPort(): string {
    return `${this.host}:${this.port}`;
  }

  /** Nothing where it runs. */
  async startAgain(): Promise<void> {
    if (this.#running !== undefined) return;
    const [media, control] = [await freePort(), await freePort()];
    this.#starts += 1;
    const scenario = join(SCENARIOS, `${this.#scenario}.xml`);
    const more = [
      ...['-mp', String(media), '-cp', String(control), '-watchdog_interval', '0'],
      ...['-trace_msg', '-message_file', this.#file(this.#starts)],
    ];
    this.#running = await sippServer(scenario, this.port, more, this.#own.path, this.host);
  }

  async kill(): Promise<void> {
    await this.#running?.stop('SIGKILL');
    this.#running = undefined;
  }

  async stop(): Promise<void> {
    await this.kill();
    this.#own.remove();
  }

  /** INVITEs that came in, over all its starts; copies of one are one. */
  invites(): readonly string[] {
    const found = new Map<string, string>();
    for (let start = 1; start <= this.#starts; start += 1) {
      for (const message of messagesIn(readText(this.#file(start)))) {
        if (!message.startsWith('INVITE ')) continue;
        found.set(/^Via:.*?branch=([^;\s]+)/m.exec(message)?.[1] ?? message, message);
      }
    }
    return [...found.values()];
  }

  #file(start: number): string {
    return join(this.#own.path, `messages${start}`);
  }
}

export interface Calls {
  readonly serverPort: number;
  readonly contract: string;
  readonly called?: string;
  readonly caller?: string;
  readonly count?: number;
  readonly perSec?: number;
  /** Of the dispatcher. */
  readonly set?: number;
}

/** Makes calls, INVITE to BYE; resolves to how many succeeded. */
export async function makeCalls(calls: Calls): Promise<number> {
  return (await timeCalls(calls)).succeeded;
}

/** The same, with the average time from the INVITE to its 200. */
export async function timeCalls(
  calls: Calls,
): Promise<{ readonly succeeded: number; readonly answeredMs: number }> {
  const own = ownDirectory('sipp-calls');
  const { serverPort, contract, called = '00911234567', caller = '34600', count = 1 } = calls;
  const [port, media, control] = [await freePort(), await freePort(), await freePort()];
  const running = new Running({
    command: 'sipp',
    args: [
      ...['-sf', join(SCENARIOS, 'calls.xml'), '-i', '127.0.0.1', '-p', String(port), '-t', 'u1'],
      ...['-mp', String(media), '-cp', String(control), '-nostdin', '-watchdog_interval', '0'],
      ...['-m', String(count), '-r', String(calls.perSec ?? 50), '-timeout', '100s'],
      ...['-recv_timeout', '20000', '-s', called, '-key', 'caller', caller],
      ...['-key', 'contract', contract, '-key', 'set', String(calls.set ?? 1)],
      ...['-trace_stat', '-stf', join(own.path, 'stat.csv')],
      `127.0.0.1:${serverPort}`,
    ],
    cwd: own.path,
  });
  await running.ended(120_000);
  const [names = '', ...rows] = readText(join(own.path, 'stat.csv')).trim().split('\n');
  own.remove();
  const value = (name: string) => rows.at(-1)?.split(';')[names.split(';').indexOf(name)] ?? '';
  // 00:00:00:123456
  const [, min, sec, us] = /^\d+:(\d+):(\d+):(\d+)$/.exec(value('ResponseTime1(C)')) ?? [];
  const answeredMs = Number(min) * 60_000 + Number(sec) * 1_000 + Number(us) / 1_000;
  return { succeeded: Number(value('SuccessfulCall(C)')), answeredMs };
}

/** The value of a header field of a message; empty without it. */
export function headerOf(message: string, name: string): string {
  return new RegExp(`^${name}: *(.*)$`, 'im').exec(message)?.[1] ?? '';
}

function messagesIn(text: string): readonly string[] {
  return text
    .split(/^-{20,}.*$/m)
    .filter((one) => /message received/.test(one))
    .map((one) => one.slice(one.indexOf('\n\n') + 2).trimStart());
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1').replaceAll('\r\n', '\n');
  } catch {
    // Not written: it had nothing to say.
    return '';
  }
}
