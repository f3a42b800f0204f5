/** dnsmasq as the name server of a zone in test/vectors/dns; its query log tells what it was asked. */

import { Resolver } from 'node:dns/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, freePort, ownDirectory, Running } from './processes.ts';

const MARKS = 'marks.test';
const ZONE = join(import.meta.dirname, '../vectors/dns/dnsmasq.conf');

export class Dnsmasq {
  readonly port: number;
  readonly #own = ownDirectory('dnsmasq');
  readonly #past: Running[] = [];
  readonly #more: readonly string[];
  #marks = 0;

  private constructor(port: number, more: readonly string[]) {
    this.port = port;
    this.#more = more;
  }

  /** `more`: lines of configuration besides the zone. */
  static async start(more: readonly string[] = []): Promise<Dnsmasq> {
    const dnsmasq = new Dnsmasq(await freePort(), more);
    await dnsmasq.startAgain();
    return dnsmasq;
  }

  get server(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** `more` replaces the lines that it was started with. */
  async startAgain(more: readonly string[] = this.#more): Promise<void> {
    const file = join(this.#own.path, 'dnsmasq.conf');
    const zone = readFileSync(ZONE, 'utf8').replace('port=PORT', `port=${this.port}`);
    writeFileSync(file, `${zone}${more.map((line) => `${line}\n`).join('')}`);
    const running = new Running({ command: 'dnsmasq', args: ['--keep-in-foreground', '-C', file] });
    this.#past.push(running);
    await running.until(() => running.stderr.some((line) => line.includes('cleared cache')));
  }

  /** Every query since the first start, as `NAPTR d1.test`. */
  queries(): readonly string[] {
    return this.#past.flatMap(({ stderr }) =>
      stderr.flatMap((line) => {
        const [, type, name] = /query\[(\w+)\] (\S+) from/.exec(line) ?? [];
        return type === undefined || name?.endsWith(MARKS) === true ? [] : [`${type} ${name}`];
      }),
    );
  }

  /** The same, with all that it was asked until now: its log comes by a pipe, later than its answers. */
  async allQueries(): Promise<readonly string[]> {
    this.#marks += 1;
    const name = `mark-${this.#marks}.${MARKS}`;
    const resolver = new Resolver();
    resolver.setServers([this.server]);
    // There is no such name: only that it was asked for matters.
    await resolver.resolve4(name).catch(() => undefined);
    await eventually(() =>
      this.#past.some(({ stderr }) => stderr.some((line) => line.includes(name))),
    );
    return this.queries();
  }

  async kill(): Promise<void> {
    await this.#past.at(-1)?.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.kill();
    this.#own.remove();
  }
}
