/** argv -> cli. The only file that ends the process. */
import { runCli } from './cli/program.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has seen enough: `trunkd status | head`.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const status = await runCli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  isColoured: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
});
// A pipe takes what it can at once; the rest would be lost with the process.
await Promise.all([process.stdout, process.stderr].map(written));
process.exit(status);

function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
