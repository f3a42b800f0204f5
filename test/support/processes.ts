/**
 * Programs that a test starts: bounded in time, ended by their own pid. None outlives the test run, also where that
 * is killed: the kernel ends them with their parent.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A started program; its output is kept line by line. */
export class Running {
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #ended: Promise<string>;
  #end: string | undefined;

  constructor(program: Program) {
    this.#name = program.command;
    const [command, ...args] = [...END_WITH_US, program.command, ...program.args];
    this.#child = spawn(command ?? program.command, args, {
      cwd: program.cwd,
      env: { ...process.env, ...program.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    alive.add(this.#child);
    collect(this.#child.stdout, this.stdout);
    collect(this.#child.stderr, this.stderr);
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(`did not start: ${error.message}`));
      this.#child.once('close', (code, signal) => resolve(signal ?? `${code}`));
    }).then((end) => {
      alive.delete(this.#child);
      this.#end = String(end);
      return this.#end;
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} did not start`);
    return this.#child.pid;
  }

  /** The exit status as text, or the signal that ended it; undefined while it runs. */
  get end(): string | undefined {
    return this.#end;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it and everything that it started, at once and without a word. */
  killTree(): void {
    if (this.#end === undefined && this.#child.pid !== undefined) killTree(this.#child.pid);
  }

  /** Waits for the end; throws when it does not come. */
  async ended(timeoutMs = 30_000): Promise<string> {
    const late = sleep(timeoutMs, LATE, { ref: false });
    const end = await Promise.race([this.#ended, late]);
    if (end !== LATE) return end;
    this.killTree();
    throw new Error(`${this.#name} did not end within ${timeoutMs} ms\n${this.tail()}`);
  }

  /** Ends it: by `signal`, and by force where that does not help. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 10_000): Promise<string> {
    if (this.#end !== undefined) return this.#end;
    this.signal(signal);
    return await this.ended(timeoutMs);
  }

  /** Waits until `isReady` holds, and fails with the program's output when it ends before. */
  async until(isReady: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
    await eventually(
      async () => {
        if (this.#end !== undefined)
          throw new Fatal(`${this.#name} ended with ${this.#end}\n${this.tail()}`);
        return await isReady();
      },
      { timeoutMs, what: () => `${this.#name} is ready\n${this.tail()}` },
    );
  }

  tail(lines = 30): string {
    return [...this.stdout.slice(-lines), ...this.stderr.slice(-lines)].join('\n');
  }
}

/** Runs a program to its end and gives its standard output; throws when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const running = new Running({ command, args, ...(options.env && { env: options.env }) });
  const end = await running.ended(options.timeoutMs);
  if (end !== '0') throw new Error(`${command} ${args.join(' ')}: ${end}\n${running.tail()}`);
  return running.stdout.join('\n');
}

/** Polls until the condition holds. Real servers take their time: the bound is generous, and only a bound. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  {
    timeoutMs = 20_000,
    everyMs = 100,
    what = () => 'what the test waits for',
  }: {
    readonly timeoutMs?: number;
    readonly everyMs?: number;
    readonly what?: () => string;
  } = {},
): Promise<void> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      if (await holds()) return;
      last = undefined;
    } catch (error) {
      if (error instanceof Fatal) throw error;
      last = error;
    }
    if (performance.now() > end)
      throw new Error(`Not within ${timeoutMs} ms: ${what()}`, { cause: last });
    await sleep(everyMs);
  }
}

/** A directory of its own for one test; `remove` when done. */
export function ownDirectory(name: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `trunkd-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Ports that were given away and may not be bound yet: servers that start side by side would get one twice. */
const givenAway = new Set<number>();

/** A port that was free on 127.0.0.1 for UDP and TCP a moment ago, and that nobody else here was given. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const socket = createSocket('udp4');
    const isFree = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false)).bind(port, '127.0.0.1', () => resolve(true));
    });
    if (isFree) socket.close();
    server.close();
    await once(server, 'close');
    if (isFree && !givenAway.has(port)) {
      givenAway.add(port);
      return port;
    }
  }
}

/** An error that waiting longer cannot mend. */
class Fatal extends Error {}

/**
 * util-linux: asks the kernel for that signal when whoever started it ends, then becomes the program, with the same
 * pid. SIGTERM, since Kamailio takes its own children along then.
 */
const SETPRIV = '/usr/bin/setpriv';
const END_WITH_US = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'TERM', '--'] : [];

const LATE = Symbol('late');
const alive = new Set<ChildProcess>();

process.once('exit', () => {
  for (const { pid } of alive) if (pid !== undefined) killTree(pid);
});

/** The parent goes first, so that it starts nothing anew; its children are known by then. */
function killTree(pid: number): void {
  let children = '';
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    // Gone already.
    if (error.code !== 'ESRCH' && error.code !== 'ENOENT') throw error;
  }
  for (const child of children.split(' ').filter((one) => one !== '')) killTree(Number(child));
}

function collect(stream: NodeJS.ReadableStream | null, lines: string[]): void {
  if (stream === null) return;
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
    lines.push(line);
  });
}
