/**
 * The main thread's side of yaml-worker.ts. Works from the sources (Node strips the types) as from
 * the build.
 */
import { Worker } from 'node:worker_threads';
import type { YamlAnswer } from './read-yaml.ts';

/** Memory that parsing may take; beyond it the file is refused and the daemon goes on. */
const MAX_HEAP_MB = 3072;

/** One thread, for as many files as one load reads; whoever makes it stops it. */
export class YamlThread {
  readonly #worker: Worker;

  constructor() {
    const script = import.meta.url.endsWith('.ts') ? './yaml-worker.ts' : './yaml-worker.js';
    this.#worker = new Worker(new URL(script, import.meta.url), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
  }

  /** Parses one file. Never rejects: a thread that dies of the file is an answer, too. One at a time. */
  parse(path: string): Promise<YamlAnswer> {
    const worker = this.#worker;
    return new Promise((resolve) => {
      const finish = (answer: YamlAnswer) => {
        worker.off('message', finish);
        worker.off('error', fail);
        worker.off('exit', end);
        resolve(answer);
      };
      const fail = (error: unknown) => finish({ kind: 'unreadable', reason: whyThreadDied(error) });
      const end = () => finish({ kind: 'unreadable', reason: 'could not be parsed' });
      worker.on('message', finish);
      worker.on('error', fail);
      worker.on('exit', end);
      worker.postMessage(path);
    });
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

function whyThreadDied(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? 'is too large for YAML; put registrations into a file of registrationsFrom'
    : 'could not be parsed';
}
