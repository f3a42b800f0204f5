/** The daemon from its source, as a process: configuration in; log lines, HTTP and exit status out. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownDirectory, Running } from './processes.ts';

/** The program as it stands in the source. */
export const MAIN: string = join(import.meta.dirname, '../../src/main.ts');

/** A test's own directory with a configuration file in it, and the commands that use it. */
export class SourceDaemon {
  readonly directory: string;
  readonly config: string;
  readonly #remove: () => void;
  readonly #started: Running[] = [];

  constructor() {
    const own = ownDirectory('e2e');
    this.directory = own.path;
    this.config = join(own.path, 'trunkd.yaml');
    this.#remove = () => own.remove();
  }

  /** JSON is YAML; each key on a line of its own, so that problems have lines. */
  write(config: object): void {
    writeFileSync(this.config, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  }

  writeText(name: string, text: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** A command with `--config`, from another directory than that of the file. */
  start(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    isConfigNamed = true,
  ): Running {
    const config = isConfigNamed ? ['--config', this.config] : [];
    const running = new Running({
      command: process.execPath,
      args: [MAIN, ...args, ...config],
      cwd: '/',
      env: { NOTIFY_SOCKET: '', JOURNAL_STREAM: '', ...env },
    });
    this.#started.push(running);
    return running;
  }

  /** The daemon, waited for until `ready`. */
  async run(env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
    const running = this.start(['run'], env);
    const daemon = new Daemon(running);
    await running.until(() => daemon.lines('ready').length > 0);
    return daemon;
  }

  /** A command run to its end. */
  async command(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    isConfigNamed = true,
  ): Promise<{ status: string; out: string; err: string }> {
    const running = this.start(args, env, isConfigNamed);
    const status = await running.ended();
    return { status, out: running.stdout.join('\n'), err: running.stderr.join('\n') };
  }

  /** Everything that any of the commands wrote. */
  get output(): string {
    return this.#started.flatMap(({ stdout, stderr }) => [...stdout, ...stderr]).join('\n');
  }

  cleanUp(): void {
    for (const running of this.#started) running.killTree();
    this.#remove();
  }
}

export type Line = Readonly<Record<string, unknown>>;

export class Daemon {
  readonly running: Running;

  constructor(running: Running) {
    this.running = running;
  }

  lines(event: string): readonly Line[] {
    return this.running.stdout
      .map((line): Line => JSON.parse(line.replace(/^<\d>/, '')))
      .filter((line) => line['event'] === event);
  }

  get url(): string {
    return String(this.lines('ready')[0]?.['http']);
  }

  /** Sends SIGHUP and waits for the line that says how it went. */
  async reload(): Promise<Line> {
    const ends = () => [...this.lines('config.reloaded'), ...this.lines('config.reloadRefused')];
    const before = ends().length;
    this.running.signal('SIGHUP');
    await this.running.until(() => ends().length > before);
    return this.running.stdout
      .map((line): Line => JSON.parse(line))
      .findLast(({ event }) => String(event).startsWith('config.reload')) as Line;
  }
}
