import { type Command, InvalidArgumentError } from 'commander';
import type { CliIo } from '../io.ts';

interface DemoFlags {
  readonly for?: number;
  readonly outage: number;
  readonly every: number;
}

/** The failing server is silent for 25 of 60 seconds. */
const OUTAGE_SEC = 25;
const EVERY_SEC = 60;

/** `trunkd demo`. */
export function addDemo(program: Command, io: CliIo, done: (status: number) => void): void {
  program
    .command('demo')
    .description('a provider on loopback and a real trunkd beside it, to look at')
    .option('--for <seconds>', 'end by itself after that time', seconds)
    .option('--outage <seconds>', 'how long the failing server is silent', seconds, OUTAGE_SEC)
    .option('--every <seconds>', 'from one outage to the next', seconds, EVERY_SEC)
    .action(async (flags: DemoFlags, command: Command) => {
      if (flags.every <= flags.outage) {
        command.error('error: --every has to be longer than --outage');
      }
      done(await run(flags, io));
    });
}

async function run({ for: durationSec, outage, every }: DemoFlags, io: CliIo): Promise<number> {
  const { runDemo } = await import('./demo.ts');
  // Whatever runs this command can run trunkd: bin/trunkd, or node with the sources.
  const [, program = ''] = process.argv;
  return await runDemo({
    durationSec,
    outageSec: outage,
    everySec: every,
    output: process.stdout,
    isColoured: io.isColoured,
    program,
  });
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && value <= LONGEST_SEC) return value;
  throw new InvalidArgumentError('It has to be a number of seconds, above 0.');
}

/** A week; a Node timer holds no more than 24 days. */
const LONGEST_SEC = 604_800;
