/**
 * argv -> cli. The only file that ends the process. It imports late, since the program takes some
 * tenths of a second to load, and a signal in that time must not end a daemon in another way than it does
 * later (the unit's reload, or a stop right after the start).
 */
import { type CliIo, OUTPUT_FAILED } from './cli/io.ts';
import { plainRunConfig } from './cli/plain-run.ts';

const args = process.argv.slice(2);
const config = plainRunConfig(args);
const isDaemon = args[0] === 'run';
let isLoading = isDaemon;
if (isLoading) {
  const stopEarly = () => {
    if (isLoading) process.exit(0);
  };
  process.on('SIGTERM', stopEarly);
  process.on('SIGINT', stopEarly);
  // What is loaded is the newest configuration anyway.
  process.on('SIGHUP', () => {});
}
const { runCommand } = await load();
// A signal that came meanwhile is delivered in the next turn of the loop.
await new Promise((resolve) => setImmediate(resolve));
isLoading = false;

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The log has a writer of its own, which copes with it (daemon/log-sink.ts).
  if (isDaemon) return;
  // The reader has seen enough: `trunkd status | head`.
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`trunkd: standard output cannot be written: ${error.message}\n`);
  process.exit(OUTPUT_FAILED);
});
// There is nobody left to tell.
process.stderr.on('error', () => {});

const status = await runCommand({
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  isColoured: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
});
// A pipe takes what it can at once; the rest would be lost with the process.
await Promise.all([process.stdout, process.stderr].map(written));
process.exit(status);

/** A daemon needs nothing of the other commands. */
async function load(): Promise<{ readonly runCommand: (io: CliIo) => Promise<number> }> {
  if (isLoading) {
    const { runRun } = await import('./cli/run.ts');
    if (config !== undefined) return { runCommand: (io) => runRun(config, io) };
  }
  const { runCli } = await import('./cli/program.ts');
  return { runCommand: (io) => runCli(args, io) };
}

function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
