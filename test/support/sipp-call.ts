/** sipp as one side of one call (test/interop/sipp/call): it ends by itself, with 0 when all went as it should. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, ownDirectory, Running } from './processes.ts';

export type CallScenario =
  | 'caller'
  | 'caller-hears'
  | 'caller-cancels'
  | 'callee'
  | 'callee-ends'
  | 'callee-rings';

/**
 * sipp binds several ports for media and one for control, although nobody uses them. All below those that the kernel
 * gives to others, and none twice.
 */
const FIRST_MEDIA_PORT = 22_000;
const FIRST_CONTROL_PORT = 21_000;
const MEDIA_PORTS = 10;
let calls = 0;

/** How long one call may take, on a busy machine. */
const LIMIT_SEC = 40;

export class SippCall {
  readonly #own = ownDirectory('sipp-call');
  readonly #running: Running;

  private constructor(
    scenario: CallScenario,
    args: readonly string[],
    own: number,
    protocol: 'udp' | 'tcp' = 'udp',
  ) {
    calls += 1;
    const [media, control] = [FIRST_MEDIA_PORT + MEDIA_PORTS * calls, FIRST_CONTROL_PORT + calls];
    this.#running = new Running({
      command: 'sipp',
      args: [
        ...['-sf', join(import.meta.dirname, '../interop/sipp/call', `${scenario}.xml`)],
        ...[
          '-i',
          '127.0.0.1',
          '-p',
          String(own),
          '-t',
          protocol === 'udp' ? 'u1' : 't1',
          '-m',
          '1',
          '-nostdin',
        ],
        ...['-mp', String(media), '-cp', String(control)],
        // A late copy, which a busy machine may bring at any step, is passed over; what is due still has to come.
        '-nd',
        ...['-timeout', `${LIMIT_SEC}s`, '-timeout_error', '-watchdog_interval', '0'],
        ...['-trace_msg', '-message_file', this.#path('messages')],
        ...['-trace_err', '-error_file', this.#path('errors'), ...args],
      ],
      cwd: this.#own.path,
    });
  }

  /** Waits for a call at that port. */
  static async listen(
    scenario: CallScenario,
    port: number,
    protocol: 'udp' | 'tcp' = 'udp',
  ): Promise<SippCall> {
    const call = new SippCall(scenario, [], port, protocol);
    // It says nothing when it is ready, but ends at once when it is not.
    await sleep(500);
    await call.#running.until(() => true);
    return call;
  }

  /** Calls a user by way of a server. */
  static async call(scenario: CallScenario, user: string, serverPort: number): Promise<SippCall> {
    return new SippCall(scenario, ['-s', user, `127.0.0.1:${serverPort}`], await freePort());
  }

  /** `0` when every message came and went; else its status and what it complained of. */
  async result(): Promise<string> {
    const end = await this.#running.ended((LIMIT_SEC + 10) * 1000);
    return end === '0' ? end : `${end}\n${this.#read('errors')}\n${this.messages}`;
  }

  /** Everything that it sent and received. */
  get messages(): string {
    return this.#read('messages');
  }

  /** Requests of that method as they came in. */
  received(method: string): readonly string[] {
    return this.messages
      .split(/^-{20,}.*$/m)
      .filter((one) => /message received/.test(one))
      .map((one) => one.slice(one.indexOf('\n\n') + 2).trimStart())
      .filter((one) => one.startsWith(`${method} `));
  }

  async stop(): Promise<void> {
    await this.#running.stop('SIGINT').catch(() => this.#running.killTree());
    this.#own.remove();
  }

  #path(name: string): string {
    return join(this.#own.path, name);
  }

  #read(name: string): string {
    try {
      return readFileSync(this.#path(name), 'latin1').replaceAll('\r\n', '\n');
    } catch {
      // Not written: it had nothing to say.
      return '';
    }
  }
}
