/** The built daemon as a black box: a config object in; log lines, HTTP and an exit status out. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, freePort, ownDirectory, Running } from './processes.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const BIN = join(ROOT, 'bin/trunkd');

/** Any configuration of docs/configuration.md; `version` and `http.bind` are filled in. */
export type Config = Readonly<Record<string, unknown>>;

/** What the tests read of a row of `GET /v1/registrations`. */
export interface RegistrationRow {
  readonly id: string;
  readonly state: string;
  readonly bound: boolean;
  readonly cause: { readonly code: string; readonly text: string; readonly next: string } | null;
  readonly nextAttemptAt: string | null;
}

/** What the tests read of a row of `GET /v1/peer-servers`. */
export interface PeerServerRow {
  readonly id: string;
  readonly state: string;
  readonly enabled: boolean;
  readonly lastResort: boolean;
  readonly since: string;
  readonly targets: readonly { readonly failures: number }[];
  readonly cause: { readonly code: string; readonly text: string; readonly next: string } | null;
}

export interface LogLine {
  readonly event?: string;
  readonly level?: unknown;
  readonly registration?: string;
  readonly peerServer?: string;
  readonly state?: string;
  readonly bound?: boolean;
  readonly enabled?: boolean;
  readonly cause?: unknown;
  readonly [field: string]: unknown;
}

/** How a program is started: the command and what stands before its own arguments. */
export type Launcher = (args: readonly string[]) => {
  readonly command: string;
  readonly args: readonly string[];
};

const direct: Launcher = (args) => ({ command: BIN, args });

export class Trunkd {
  readonly directory: string;
  readonly #remove: () => void;
  readonly #httpPort: number;
  readonly #running: Running;
  #parsed: LogLine[] = [];

  private constructor(own: { path: string; remove(): void }, httpPort: number, running: Running) {
    this.directory = own.path;
    this.#remove = () => own.remove();
    this.#httpPort = httpPort;
    this.#running = running;
  }

  /** Starts it and waits for the log line `ready`. `files` lie beside the config, by name. */
  static async start(
    config: Config,
    options: {
      readonly files?: Readonly<Record<string, string>>;
      readonly launcher?: Launcher;
      readonly env?: Readonly<Record<string, string>>;
      /** Called now and then until it is ready. */
      readonly whileStarting?: (pid: number) => Promise<void>;
    } = {},
  ): Promise<Trunkd> {
    const own = ownDirectory('daemon');
    const httpPort = await freePort();
    writeConfig(own.path, httpPort, config, options.files);
    const launcher = options.launcher ?? direct;
    const running = new Running({
      ...launcher(['run', '--config', join(own.path, 'trunkd.yaml')]),
      cwd: '/',
      env: options.env ?? {},
    });
    const trunkd = new Trunkd(own, httpPort, running);
    const isReady = async (): Promise<boolean> => {
      await options.whileStarting?.(running.pid);
      return trunkd.lines('ready').length > 0;
    };
    await running.until(isReady, 60_000).catch(async (error: unknown) => {
      running.killTree();
      own.remove();
      throw error;
    });
    return trunkd;
  }

  get pid(): number {
    return this.#running.pid;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#httpPort}`;
  }

  /** Everything that it wrote, for a look for what must not be there. */
  get output(): string {
    return [...this.#running.stdout, ...this.#running.stderr].join('\n');
  }

  /** The log lines of one event so far (or all). */
  lines(event?: string): readonly LogLine[] {
    const { stdout } = this.#running;
    for (let at = this.#parsed.length; at < stdout.length; at += 1)
      this.#parsed.push(parseLine(stdout[at] ?? ''));
    return event === undefined ? this.#parsed : this.#parsed.filter((one) => one.event === event);
  }

  /**
   * The log lines of one event, once they are what the test waits for. The log comes by a pipe of its own: what an
   * answer over HTTP or SIP lets one expect may be read a little later than the answer.
   */
  async told(
    event: string,
    isThere: (lines: readonly LogLine[]) => boolean = ({ length }) => length > 0,
  ): Promise<readonly LogLine[]> {
    const what = () => `${event} is told, not only ${JSON.stringify(this.lines(event))}`;
    await eventually(() => isThere(this.lines(event)), { what });
    return this.lines(event);
  }

  async get(path: string): Promise<unknown> {
    const answer = await fetch(`${this.url}${path}`);
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`);
    return await answer.json();
  }

  /** Every item of a list, over all its pages. */
  async list<Row>(path: string): Promise<readonly Row[]> {
    const rows: Row[] = [];
    let cursor = '';
    for (;;) {
      const query = `limit=1000${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
      const page = (await this.get(`${path}?${query}`)) as {
        readonly items: readonly Row[];
        readonly next: string | null;
      };
      rows.push(...page.items);
      if (page.next === null) return rows;
      cursor = page.next;
    }
  }

  registrations(): Promise<readonly RegistrationRow[]> {
    return this.list<RegistrationRow>('/v1/registrations');
  }

  async registration(id: string): Promise<RegistrationRow> {
    return (await this.get(`/v1/registrations/${encodeURIComponent(id)}`)) as RegistrationRow;
  }

  async peerServer(id: string): Promise<PeerServerRow> {
    return (await this.get(`/v1/peer-servers/${id}`)) as PeerServerRow;
  }

  /** Waits until every registration (of those named) is bound. */
  async allBound(count: number, timeoutMs = 60_000): Promise<void> {
    let bound = 0;
    await eventually(
      async () => {
        bound = (await this.registrations()).filter((row) => row.bound).length;
        return bound === count;
      },
      {
        timeoutMs,
        everyMs: 500,
        what: () => `${count} bound (now ${bound})\n${this.#running.tail()}`,
      },
    );
  }

  /** Writes the config anew and sends SIGHUP; waits for the line that tells how it went. */
  async reload(config: Config, files?: Readonly<Record<string, string>>): Promise<LogLine> {
    const before = this.#reloads().length;
    writeConfig(this.directory, this.#httpPort, config, files);
    this.#running.signal('SIGHUP');
    await this.#running.until(() => this.#reloads().length > before);
    const line = this.#reloads().at(-1);
    if (line === undefined) throw new Error('no line about the reload');
    return line;
  }

  #reloads(): readonly LogLine[] {
    return this.lines().filter((line) => RELOAD_EVENTS.has(line.event ?? ''));
  }

  signal(signal: NodeJS.Signals): void {
    this.#running.signal(signal);
  }

  /** SIGTERM; resolves to its exit status. */
  async stop(): Promise<string> {
    const end = await this.#running.stop('SIGTERM', 20_000);
    this.#remove();
    return end;
  }
}

/** Events of the log that tell how a reload ended. */
const RELOAD_EVENTS = new Set(['config.reloaded', 'config.reloadRefused']);

function writeConfig(
  directory: string,
  httpPort: number,
  config: Config,
  files: Readonly<Record<string, string>> = {},
): void {
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(directory, name), content);
  const http = { bind: `127.0.0.1:${httpPort}`, ...(config['http'] ?? {}) };
  const whole = { version: 1, ...config, http };
  // JSON is YAML.
  writeFileSync(join(directory, 'trunkd.yaml'), JSON.stringify(whole, undefined, 2));
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { event: 'unreadable', line };
  }
}
