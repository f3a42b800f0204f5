/** `trunkd run`: the daemon, in the foreground. */
import { runDaemon } from '../daemon/daemon.ts';
import type { CliIo } from './io.ts';
import { readVersion } from './version.ts';

export function runRun(configPath: string, io: CliIo): Promise<number> {
  return runDaemon({ configPath, env: io.env, version: readVersion() });
}
