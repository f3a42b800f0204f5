/**
 * `npm run fuzz`: a million hostile inputs to parser, framer, transactions, relay and registrations, and what
 * name and STUN servers may answer; some minutes on one core.
 *
 *   npm run fuzz -- --count 5000000       more of them
 *   npm run fuzz -- --from 1000000        others
 *   npm run fuzz -- --input 4711          one again, by the number that a failed run printed
 */
import { parseArgs } from 'node:util';
import { kindOf, runInputs } from '../test/support/fuzz/inputs.ts';

const { values } = parseArgs({
  options: { from: { type: 'string' }, count: { type: 'string' }, input: { type: 'string' } },
});
const only = numberOf('input', values.input);
const from = only ?? numberOf('from', values.from) ?? 0;
const count = only === undefined ? (numberOf('count', values.count) ?? 1_000_000) : 1;

console.log(
  `inputs ${from} to ${from + count - 1}${only === undefined ? '' : ` (${kindOf(only)})`}`,
);
const started = Date.now();
const { ends, slowestMs } = runInputs(from, count, (done) => {
  if (done % 100_000 === 0) console.log(`${done} after ${seconds()} s`);
});
for (const [end, times] of [...ends].sort(([a], [b]) => a.localeCompare(b))) {
  console.log(`${String(times).padStart(8)} ${end}`);
}
console.log(
  `${count} inputs in ${seconds()} s, the slowest took ${slowestMs.toFixed(1)} ms: all is well`,
);

function seconds(): number {
  return Math.round((Date.now() - started) / 1_000);
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,12}$/.test(text)) throw new Error(`--${name} takes a number, not ${text}`);
  return Number(text);
}
