/**
 * `npm run bench [ROW ...]`: measures the built daemon against sipresp.c and prints a table. CPU is that
 * of the whole process, logging and HTTP included. Takes some ten minutes; wall times of a busy
 * machine mean little, CPU seconds mean more.
 */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { ownNetwork } from '../tools/own-network.ts';
import { measureParsing } from './parse.ts';
import { measureRoutes } from './routes.ts';
import { type Figure, ROWS, type Row } from './rows.ts';

const rows: readonly Row[] = [
  { name: 'parse', measure: measureParsing },
  ...ROWS,
  { name: 'routes', measure: measureRoutes },
];
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !rows.some((row) => row.name === name));

if (unknown.length > 0) {
  console.log(
    `No such row: ${unknown.join(' ')}. There are: ${rows.map(({ name }) => name).join(' ')}`,
  );
  process.exitCode = 2;
} else if (process.env['TRUNKD_BENCH_INSIDE'] === undefined) {
  // The responder answers on every address: not on those of this machine, please.
  const [command = 'env', ...wrapper] = ownNetwork();
  const args = [...wrapper, process.execPath, import.meta.filename, ...wanted];
  const env = { ...process.env, TRUNKD_BENCH_INSIDE: '1' };
  process.exitCode = spawnSync(command, args, { stdio: 'inherit', env }).status ?? 1;
} else {
  await measureAll(rows.filter(({ name }) => wanted.length === 0 || wanted.includes(name)));
}

async function measureAll(chosen: readonly Row[]): Promise<void> {
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'CPU'}\n`);
  console.log('| row | figure | value | budget | goal | |\n|---|---|---|---|---|---|');
  for (const { name, measure } of chosen) {
    try {
      for (const figure of await measure()) console.log(line(name, figure));
    } catch (error) {
      console.log(`| ${name} | ${String(error).split('\n', 1)[0]} | | | | ERROR |`);
      process.exitCode = 1;
    }
  }
}

function line(row: string, { name, value, unit, budget, goal }: Figure): string {
  const within = (bound: number | undefined): boolean => bound !== undefined && value <= bound;
  const verdict = within(goal) ? 'goal' : within(budget) ? 'budget' : 'OVER';
  const judged = budget === undefined ? '' : verdict;
  return `| ${row} | ${name} | ${value} ${unit} | ${budget ?? ''} | ${goal ?? ''} | ${judged} |`;
}
