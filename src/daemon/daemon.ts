/**
 * The daemon as a process: its output, its signals, its end. What it does in between is service.ts.
 *
 *   load -> start -> `ready` -> (reloads) -> SIGTERM: stop -> 0
 *     |       +-- a port is taken -> 71          a bug anywhere -> 1
 *     +-- the configuration has errors -> 78
 */

import { loadInThread } from '../config/config-thread.ts';
import type { DaemonSpec } from '../config/daemon-spec.ts';
import { formatProblem } from '../config/problem.ts';
import { BindError } from '../net/bind-error.ts';
import { monotonicClock } from '../net/clock.ts';
import { DaemonLog } from '../observe/log.ts';
import { WallClock } from '../observe/wall-clock.ts';
import { EXIT } from './exit-codes.ts';
import { isJournal } from './journal.ts';
import { OutputSink } from './log-sink.ts';
import { logWarnings } from './reload.ts';
import { Service } from './service.ts';
import { listenToSignals } from './signals.ts';

export interface DaemonOptions {
  readonly configPath: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
}

const STDOUT = 1;
const FLUSH_MS = 1_000;

/** Runs until it is told to stop; resolves to the exit status (exit-codes.ts). Never rejects. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const sink = new OutputSink(STDOUT);
  const wallClock = new WallClock(monotonicClock);
  const log = new DaemonLog({
    level: 'info',
    sink,
    wallClock,
    isJournal: isJournal(STDOUT, options.env['JOURNAL_STREAM']),
  });
  sink.onCaughtUp = (lines) => log.write('warn', 'log.dropped', { lines });
  const failed = Promise.withResolvers<number>();
  const fail = (error: unknown): void => {
    logBug(log, 'top', error);
    failed.resolve(EXIT.failure.code);
  };
  process.on('uncaughtException', fail);
  const run = new Run(options, { sink, wallClock, log });
  run.start().then(failed.resolve, fail);
  const status = await failed.promise;
  await sink.flush(FLUSH_MS);
  process.off('uncaughtException', fail);
  return status;
}

interface Output {
  readonly sink: OutputSink;
  readonly wallClock: WallClock;
  readonly log: DaemonLog;
}

/** One run, from the configuration to the stop. */
class Run {
  readonly #options: DaemonOptions;
  readonly #output: Output;
  readonly #stop = Promise.withResolvers<void>();
  readonly #stopAtOnce = Promise.withResolvers<void>();
  #service: Service | undefined;
  /** A SIGHUP came before there was anything to reload: the files may have been read too early. */
  #isReloadWanted = false;

  constructor(options: DaemonOptions, output: Output) {
    this.#options = options;
    this.#output = output;
  }

  /** Resolves to the exit status. */
  async start(): Promise<number> {
    const forgetSignals = this.#listen();
    try {
      return await Promise.race([this.#loadAndServe(), this.#stopAtOnce.promise.then(() => OK)]);
    } finally {
      forgetSignals();
    }
  }

  async #loadAndServe(): Promise<number> {
    const { configPath, env, version } = this.#options;
    const { log } = this.#output;
    const userAgent = `trunkd/${version}`;
    const loaded = await loadInThread(configPath, { mode: 'run', env, userAgent });
    if (!loaded.ok) {
      for (const one of loaded.problems) {
        log.write('error', 'config.problem', { problem: formatProblem(one) });
      }
      return EXIT.config.code;
    }
    logWarnings(loaded, log);
    return await this.#serve(loaded.spec);
  }

  async #serve(spec: DaemonSpec): Promise<number> {
    const { log } = this.#output;
    log.setLevel(spec.log.level);
    if (spec.stateDirectory !== undefined) {
      log.write('info', 'state.notYet', { directory: spec.stateDirectory });
    }
    const service = new Service(spec, {
      ...this.#options,
      ...this.#output,
      onBug: (where, error) => logBug(log, where, error),
    });
    try {
      await service.start();
    } catch (error) {
      // The world is at fault where the system names an error (EADDRINUSE) or a socket or its
      // certificate cannot be used; all else is a bug.
      if (!isSystemError(error)) throw error;
      log.write('error', 'start.failed', { text: error.message });
      return EXIT.osError.code;
    }
    this.#service = service;
    if (this.#isReloadWanted) this.#reload();
    await this.#stop.promise;
    this.#service = undefined;
    await service.stop();
    return OK;
  }

  #listen(): () => void {
    const { log } = this.#output;
    return listenToSignals(process, {
      stop: (signal) => {
        log.write('info', 'signal.received', { signal });
        this.#stop.resolve();
        // While it still starts there is nothing to be stopped in order.
        if (this.#service === undefined) this.#stopAtOnce.resolve();
      },
      stopAtOnce: () => this.#stopAtOnce.resolve(),
      reload: () => {
        log.write('info', 'signal.received', { signal: 'SIGHUP' });
        this.#reload();
      },
    });
  }

  #reload(): void {
    this.#isReloadWanted = this.#service === undefined;
    this.#service?.reload(false, 'SIGHUP').catch((error: unknown) => {
      logBug(this.#output.log, 'reload', error);
    });
  }
}

const OK = EXIT.ok.code;

function isSystemError(error: unknown): error is Error {
  if (error instanceof AggregateError) return error.errors.every(isSystemError);
  if (error instanceof BindError) return true;
  return error instanceof Error && 'code' in error && /^E[A-Z]+$/.test(String(error.code));
}

function logBug(log: DaemonLog, where: string, error: unknown): void {
  const { message = String(error), stack } = error instanceof Error ? error : {};
  log.write('error', 'bug.caught', { where, text: message, stack });
}
