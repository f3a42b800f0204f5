/** `trunkd check`: every problem and warning of a configuration; exit status 0 or 78. */
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { EXIT } from '../daemon/exit-codes.ts';
import { whyUnusable } from '../net/local-socket.ts';
import type { CliIo } from './io.ts';

export async function runCheck(path: string, io: CliIo): Promise<number> {
  const loaded = await loadConfig(path, { mode: 'check', env: io.env, inspectTls: whyUnusable });
  for (const warning of loaded.warnings) io.out(`${formatProblem(warning)} [warning]\n`);
  if (!loaded.ok) {
    for (const problem of loaded.problems) io.out(`${formatProblem(problem)}\n`);
    return EXIT.config.code;
  }
  const { contracts, registrations } = loaded.spec;
  const servers = contracts.reduce((count, { peerServers }) => count + peerServers.length, 0);
  io.out(
    `${path}: fine: ${counted(contracts.length, 'peering contract')}, ${counted(servers, 'peer server')}, ${counted(registrations.length, 'registration')}\n`,
  );
  return EXIT.ok.code;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
