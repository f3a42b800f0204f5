/**
 * The thread that loads a configuration: the parser of YAML and the schema live and die with it. Each message
 * asks for the next of what was loaded; see handover.ts.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerOrder } from './config-thread.ts';
import { Handover } from './handover.ts';
import { loadConfig } from './load.ts';
import { readYaml } from './read-yaml.ts';

const { path, options } = workerData as WorkerOrder;
const parseFile = (file: string) => Promise.resolve(readYaml(file));
const handover = new Handover(await loadConfig(path, { ...options, parseFile }));
let isFirst = true;
parentPort?.on('message', () => {
  parentPort?.postMessage(isFirst ? handover.head : handover.next());
  isFirst = false;
});
