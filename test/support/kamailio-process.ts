/** One Kamailio: its directory, its process and its RPC interface over HTTP. It may die, and be started again. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownDirectory, Running } from './processes.ts';

export interface KamailioSetup {
  /** For the directory. */
  readonly name: string;
  /** In test/interop/kamailio; copied as `kamailio.cfg`. */
  readonly config: string;
  readonly rpcPort: number;
  /** `-m` and `-M`. */
  readonly sharedMib: number;
  readonly privateMib: number;
}

const CONFIGS = join(import.meta.dirname, '../interop/kamailio');

export class KamailioProcess {
  readonly #setup: KamailioSetup;
  readonly #own: ReturnType<typeof ownDirectory>;
  readonly #past: Running[] = [];
  #running: Running | undefined;

  constructor(setup: KamailioSetup) {
    this.#setup = setup;
    this.#own = ownDirectory(setup.name);
    copyFileSync(join(CONFIGS, setup.config), this.path('kamailio.cfg'));
  }

  get directory(): string {
    return this.#own.path;
  }

  path(name: string): string {
    return join(this.#own.path, name);
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  /** Starts it (again), and waits until it answers. `values` go into the configuration; `defines` are those of `-A`. */
  async start(
    values: Readonly<Record<string, string | number>>,
    defines: readonly string[] = [],
  ): Promise<void> {
    const { directory } = this;
    const running = new Running({
      command: 'kamailio',
      args: [
        ...['-f', this.path('kamailio.cfg'), '-Y', directory, '-w', directory],
        ...['-P', this.path('pid'), '-m', String(this.#setup.sharedMib)],
        ...['-M', String(this.#setup.privateMib), '-DD', '-E'],
        ...Object.entries({ ...values, RUNDIR: directory }).map(
          ([name, value]) => `--substdef=!${name}!${value}!g`,
        ),
        ...defines.flatMap((define) => ['-A', define]),
      ],
    });
    this.#running = running;
    this.#past.push(running);
    await running.until(async () => (await this.rpc('core.uptime')) !== undefined);
  }

  /** All of its processes at once, without a word to anybody. */
  async kill(): Promise<void> {
    const main = this.#running;
    if (main === undefined) return;
    main.killTree();
    await main.ended();
    this.#running = undefined;
  }

  async stop(): Promise<void> {
    await this.#running?.stop('SIGTERM');
    this.#running = undefined;
    this.#own.remove();
  }

  /** One command of its RPC interface; the result as JSON. */
  async rpc(method: string, ...params: readonly unknown[]): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.#setup.rpcPort}/RPC`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const { result, error } = (await answer.json()) as { result?: unknown; error?: unknown };
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }

  /** Every line that it wrote, over all its starts. */
  log(): readonly string[] {
    return this.#past.flatMap((one) => [...one.stdout, ...one.stderr]);
  }
}
