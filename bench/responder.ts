/** The other side of a benchmark: sipresp.c, a registrar and peer servers fast enough to stay out of the way. */
import { spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort, Running } from '../test/support/processes.ts';

/** The part of its books that the rows read. */
export interface Stats {
  readonly register: number;
  readonly reg_401: number;
  readonly reg_retrans: number;
  readonly bad_digest: number;
  readonly accounts_ok: number;
  readonly registered_now: number;
  readonly lapses: number;
  readonly refreshes: number;
  readonly first_register: number;
  readonly t_expect: number;
  readonly options: number;
  readonly options_retrans: number;
  readonly peers_seen: number;
  readonly peak_100ms: number;
  readonly peak_1s: number;
}

export class Responder {
  readonly port: number;
  readonly #control: number;
  readonly #socket: Socket = createSocket('udp4');
  readonly #running: Running;

  private constructor(port: number, control: number, running: Running) {
    this.port = port;
    this.#control = control;
    this.#running = running;
  }

  static async start(...options: readonly string[]): Promise<Responder> {
    const [port, control] = [await freePort(), await freePort()];
    // One socket on every loopback address: thousands of peers that each have their own.
    const everywhere = ['--udp', `0.0.0.0:${port}`, '--tcp', `0.0.0.0:${port}`];
    const args = [...everywhere, '--ctl', `127.0.0.1:${control}`, '--realm', 'bench', ...options];
    const running = new Running({ command: build(), args });
    const responder = new Responder(port, control, running);
    await running.until(async () => (await responder.stats()).register === 0);
    return responder;
  }

  async stats(): Promise<Stats> {
    return (await this.tell('stats')) as Stats;
  }

  /** One command of its control port; see the head of sipresp.c. */
  async tell(command: string): Promise<unknown> {
    let answer: unknown;
    await eventually(
      async () => {
        answer = await this.#ask(command);
        return answer !== undefined;
      },
      { what: () => `an answer to ${command}` },
    );
    return answer;
  }

  #ask(command: string): Promise<unknown> {
    return new Promise((resolve) => {
      const late = setTimeout(() => done(undefined), 2000);
      const done = (message: Buffer | undefined): void => {
        clearTimeout(late);
        this.#socket.off('message', done);
        resolve(message === undefined ? undefined : JSON.parse(message.toString()));
      };
      this.#socket.on('message', done);
      this.#socket.send(command, this.#control, '127.0.0.1');
    });
  }

  async stop(): Promise<void> {
    this.#socket.close();
    await this.#running.stop();
  }
}

/** Compiles it when it is older than its source. */
function build(): string {
  const source = join(import.meta.dirname, 'sipresp.c');
  const binary = join(tmpdir(), 'trunkd-sipresp');
  const built = statSync(binary, { throwIfNoEntry: false });
  if (built === undefined || built.mtimeMs < statSync(source).mtimeMs) {
    const { status } = spawnSync('gcc', ['-O2', '-w', '-o', binary, source], { stdio: 'inherit' });
    if (status !== 0) throw new Error('sipresp.c does not compile');
  }
  return binary;
}
