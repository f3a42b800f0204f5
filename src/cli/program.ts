/**
 * The command line: `trunkd COMMAND --config FILE`, from any working directory. Each command loads what it
 * needs when it runs: a daemon has no use for the rest, and would keep it in memory for good.
 */
import { Command, CommanderError, Option } from 'commander';
import { EXIT } from '../daemon/exit-codes.ts';
import { ApiError } from './api-client.ts';
import { addDemo } from './demo/command.ts';
import type { CliIo } from './io.ts';
import { DEFAULT_CONFIG } from './plain-run.ts';
import type { ClientOptions, OrderOptions } from './remote.ts';
import { addTry } from './try-command.ts';
import { readVersion } from './version.ts';

/** Runs one command line (without node and program name); resolves to the exit status. */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  let status: number = EXIT.ok.code;
  const program = buildProgram(io, (code) => {
    status = code;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    // Commander has written its message already; 0 is --help and --version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage.code;
    if (!(error instanceof ApiError)) throw error;
    io.err(`trunkd: ${error.message}\n`);
    return error.status;
  }
}

type Done = (status: number) => void;

function buildProgram(io: CliIo, done: Done): Command {
  const program = new Command('trunkd')
    .description('Keeps SIP registrations alive and watches peer servers.')
    .version(readVersion(), '--version', 'print the version')
    .helpOption('--help', 'print help')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .showHelpAfterError('(trunkd --help tells more)');
  addLocalCommands(program, io, done);
  addRemoteCommands(program, io, done);
  addTry(program, io, done);
  addDemo(program, io, done);
  return program;
}

function addLocalCommands(program: Command, io: CliIo, done: Done): void {
  program
    .command('run')
    .description('run in the foreground; JSON lines on standard output')
    .addOption(configOption())
    .action(async ({ config }: { config: string }) => {
      const { runRun } = await import('./run.ts');
      done(await runRun(config, io));
    });
  program
    .command('check')
    .description('check the configuration; every problem as file:line:column')
    .addOption(configOption())
    .action(async ({ config }: { config: string }) => {
      const { runCheck } = await import('./check.ts');
      done(await runCheck(config, io));
    });
}

const remote = () => import('./remote.ts');

function addRemoteCommands(program: Command, io: CliIo, done: Done): void {
  remoteCommand(program, 'status', 'what the running daemon sees')
    .option('--json', 'what the API gives, as JSON')
    .action(async (options: ClientOptions & { json?: boolean }) =>
      done(await (await remote()).runStatus(options, options.json === true, io)),
    );
  remoteCommand(program, 'reload', 'make the running daemon read its configuration again')
    .option('--force', 'even if it drops many registrations')
    .action(async (options: ClientOptions & { force?: boolean }) =>
      done(await (await remote()).runReload(options, options.force === true, io)),
    );
  remoteCommand(program, 'pause', 'send no REGISTER until resume; bindings are left as they are')
    .option('--reason <text>', 'why, for others')
    .option('--until <time>', 'until when: 30m, 2h, 1d, or an ISO 8601 time')
    .action(async (options: OrderOptions) =>
      done(await (await remote()).runPause(options, 'pause', io)),
    );
  remoteCommand(program, 'resume', 'all registrations go on after a pause').action(
    async (options: ClientOptions) => done(await (await remote()).runPause(options, 'resume', io)),
  );
  remoteCommand(program, 'register', 'register now')
    .argument('<id>', 'id of the registration')
    .action(async (id: string, options: ClientOptions) =>
      done(await (await remote()).runRegister(options, id, io)),
    );
  for (const [name, description, isOfPeers] of ORDERS) {
    const what = isOfPeers ? 'a registration, or contract/name of a peer server' : 'a registration';
    const command = remoteCommand(program, name, description)
      .argument('<id>', `id of ${what}`)
      .option('--reason <text>', 'why, for others')
      .option('--until <time>', 'until when: 30m, 2h, 1d, or an ISO 8601 time')
      .action(async (id: string, options: OrderOptions) =>
        done(await (await remote()).runOrder(options, name, id, io)),
      );
    if (isOfPeers)
      command.option('--contract', 'for all peer servers of the contract of that name');
  }
  remoteCommand(program, 'freeze', 'disable no peer server any more, until thaw')
    .option('--reason <text>', 'why, for others')
    .option('--until <time>', 'until when: 30m, 2h, 1d, or an ISO 8601 time')
    .action(async (options: OrderOptions) =>
      done(await (await remote()).runFreeze(options, 'freeze', io)),
    );
  remoteCommand(program, 'thaw', 'end a freeze of the verdicts, ordered or not').action(
    async (options: ClientOptions) => done(await (await remote()).runFreeze(options, 'thaw', io)),
  );
  remoteCommand(program, 'fetch-bindings', 'ask the registrar which bindings it holds')
    .argument('<id>', 'id of the registration')
    .option('--json', 'what the API gives, as JSON')
    .action(async (id: string, options: ClientOptions & { json?: boolean }) =>
      done(await (await remote()).runFetchBindings(options, id, options.json === true, io)),
    );
  remoteCommand(program, 'explain', 'why a peer server is enabled or not, and what would change it')
    .argument('<id>', 'contract/name')
    .action(async (id: string, options: ClientOptions) =>
      done(await (await remote()).runExplain(options, id, io)),
    );
  remoteCommand(program, 'probe', 'probe a peer server now')
    .argument('<id>', 'contract/name')
    .action(async (id: string, options: ClientOptions) =>
      done(await (await remote()).runProbe(options, id, io)),
    );
}

const ORDERS = [
  ['unregister', 'remove the binding, and stay off until register or up', false],
  ['drain', 'no new calls there, probed on, until up; of a registration: off', true],
  ['off', 'no calls and no probes there until up; of a registration: its binding is removed', true],
  ['up', 'what was drained or switched off is on again', true],
  ['forget', 'send nothing more and leave the binding as it is, until register or up', false],
] as const;

function remoteCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(configOption())
    .option('--url <url>', 'ask this API instead of http.bind of the configuration')
    .option('--token-file <file>', 'file with the token; default: http.token or $TRUNKD_TOKEN');
}

function configOption(): Option {
  return new Option('--config <file>', 'configuration file').default(DEFAULT_CONFIG);
}
