/**
 * Loads a configuration in a thread of its own, for a daemon: the loop of the main thread goes on, and what
 * loading needs (zod, yaml, all that checks and explains) takes no memory from then on. The result is that of
 * load.ts. Works from the sources (Node strips the types) as from the build.
 */
import { Worker } from 'node:worker_threads';
import { Arrival, type Head, type Part } from './handover.ts';
import type { LoadOptions, LoadResult } from './load.ts';

/** What a thread is made with. */
export interface WorkerOrder {
  readonly path: string;
  readonly options: ThreadOptions;
}

type ThreadOptions = Omit<LoadOptions, 'parseFile' | 'inspectTls'>;

/** Memory that loading may take; beyond it the configuration is refused and the daemon goes on. */
const MAX_HEAP_MB = 3072;

/** Never throws for what stands in a file. Rejects for a bug. */
export async function loadInThread(path: string, options: ThreadOptions): Promise<LoadResult> {
  const script = import.meta.url.endsWith('.ts') ? './config-worker.ts' : './config-worker.js';
  const workerData: WorkerOrder = { path, options };
  const worker = new Worker(new URL(script, import.meta.url), {
    execArgv: [],
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  try {
    return await receive(worker);
  } catch (error) {
    if (isOutOfMemory(error)) return tooLarge(path);
    throw error;
  } finally {
    await worker.terminate();
  }
}

async function receive(worker: Worker): Promise<LoadResult> {
  const head = (await ask(worker)) as Head;
  if (head.kind === 'failed') return head.result;
  const arrival = new Arrival(head);
  for (;;) {
    const part = (await ask(worker)) as Part;
    arrival.take(part);
    if (part.isLast) return arrival.whole();
  }
}

/** The next message. Rejects when the thread ends instead. */
function ask(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      worker.off('message', answered);
      worker.off('error', failed);
      worker.off('exit', ended);
      settle();
    };
    const answered = (message: unknown): void => finish(() => resolve(message));
    const failed = (error: unknown): void => finish(() => reject(error));
    const ended = (): void => finish(() => reject(new Error('the loading thread ended too early')));
    worker.on('message', answered);
    worker.on('error', failed);
    worker.on('exit', ended);
    worker.postMessage('next');
  });
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}

function tooLarge(file: string): LoadResult {
  const text = 'the file is too large for YAML; put registrations into a file of registrationsFrom';
  const problems = [{ file, line: 1, column: 1, path: '', text }];
  const facts = { files: [file], bulkFiles: [], slices: 1 };
  return { ok: false, problems, warnings: [], facts };
}
