/** The thread that reads and parses YAML files for a command, so that it can say which one is too large. */
import { parentPort } from 'node:worker_threads';
import { readYaml } from './read-yaml.ts';

parentPort?.on('message', (path: string) => parentPort?.postMessage(readYaml(path)));
