/** The `trunkd run` beside the provider: a process of its own, ended whatever becomes of the demo. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

export class DaemonProcess {
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly #ended: Promise<void>;
  readonly #killAtExit: () => void;
  #end: string | undefined;

  /** `program`: the built main.js, as this very process runs it. */
  constructor(program: string, configFile: string, logFile: string) {
    const log = openSync(logFile, 'a');
    const args = ['run', '--config', configFile];
    this.#logFile = logFile;
    this.#child = spawn(process.execPath, [...process.execArgv, program, ...args], {
      stdio: ['ignore', log, log],
      // Priorities are for a journal; what we read back is plain lines.
      env: { ...process.env, JOURNAL_STREAM: '', NOTIFY_SOCKET: '' },
    });
    closeSync(log);
    this.#ended = new Promise((resolve) => {
      const finish = (end: string): void => {
        this.#end ??= end;
        resolve();
      };
      this.#child.once('error', (error) => finish(error.message));
      this.#child.once('exit', (code, signal) => finish(signal ?? `exit status ${code}`));
    });
    this.#killAtExit = () => this.#child.kill('SIGKILL');
    process.once('exit', this.#killAtExit);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** How it ended; undefined while it runs. */
  get end(): string | undefined {
    return this.#end;
  }

  /** The last lines that it wrote, for when it ended by itself. */
  tail(lines = 10): string {
    return readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  /** SIGTERM, and after a while SIGKILL; resolves once it is gone. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(force);
    process.removeListener('exit', this.#killAtExit);
  }
}

/** trunkd promises to stop within seconds. */
const STOP_TIMEOUT_MS = 10_000;
