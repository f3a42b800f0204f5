/** sipp as a peer server: answers OPTIONS as a scenario says, on a port of its own. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, ownDirectory, Running } from './processes.ts';

export type Scenario = 'options-200' | 'options-401' | 'options-503' | 'options-silent';

/** sipp over UDP at that port of the loopback, up and running; it is killed, not asked to end. */
export async function sippServer(
  scenario: string,
  port: number,
  more: readonly string[],
  cwd: string,
  host = '127.0.0.1',
): Promise<Running> {
  const running = new Running({
    command: 'sipp',
    args: [
      ...['-sf', scenario, '-i', host, '-p', String(port), '-t', 'u1'],
      // -nd: what is unexpected ends no call; a call that is over is forgotten at once.
      ...['-nd', '-deadcall_wait', '0', '-nostdin', ...more],
    ],
    cwd,
  });
  // It says nothing when it is ready, but ends at once when it is not.
  await sleep(500);
  await running.until(() => true);
  return running;
}

export class Sipp {
  readonly port: number;
  readonly #scenario: Scenario;
  readonly #lostPercent: number;
  readonly #own = ownDirectory('sipp');
  #running: Running | undefined;

  private constructor(scenario: Scenario, port: number, lostPercent: number) {
    this.#scenario = scenario;
    this.port = port;
    this.#lostPercent = lostPercent;
  }

  static async start(scenario: Scenario, lostPercent = 0): Promise<Sipp> {
    const sipp = new Sipp(scenario, await freePort(), lostPercent);
    await sipp.startAgain();
    return sipp;
  }

  async startAgain(): Promise<void> {
    const source = join(import.meta.dirname, '../interop/sipp', `${this.#scenario}.xml`);
    const file = join(this.#own.path, 'scenario.xml');
    writeFileSync(file, readFileSync(source, 'utf8').replaceAll('LOST', `${this.#lostPercent}`));
    this.#running = await sippServer(file, this.port, [], this.#own.path);
  }

  async kill(): Promise<void> {
    await this.#running?.stop('SIGKILL');
    this.#running = undefined;
  }

  async stop(): Promise<void> {
    await this.kill();
    this.#own.remove();
  }
}
