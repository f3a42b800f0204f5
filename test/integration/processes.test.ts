/** That nothing which a test starts outlives the test run, even where that is killed without a word. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { eventually, ownDirectory, Running } from '../support/processes.ts';

const SUPPORT = join(import.meta.dirname, '../support');
const own = ownDirectory('processes');

afterEach(() => own.remove());

/** A test run of its own, as it were: it starts real servers, tells their pids, and waits. */
const STARTER = `
  import { Running } from ${JSON.stringify(join(SUPPORT, 'processes.ts'))};
  import { Sipp } from ${JSON.stringify(join(SUPPORT, 'sipp.ts'))};
  const sleeper = new Running({ command: 'sleep', args: ['600'] });
  await Sipp.start('options-200');
  console.log(sleeper.pid);
  setInterval(() => {}, 1_000);
`;

it('a killed test run leaves no program behind', async () => {
  const script = join(own.path, 'starter.mts');
  writeFileSync(script, STARTER);
  const starter = new Running({ command: process.execPath, args: [script] });
  await starter.until(() => starter.stdout.length > 0);
  const children = childrenOf(starter.pid);
  expect(children.length).toBeGreaterThanOrEqual(2);
  expect(children).toContain(Number(starter.stdout[0]));
  starter.signal('SIGKILL');
  await starter.ended();
  await eventually(() => children.every((pid) => !existsSync(`/proc/${pid}`)), {
    what: () => `${children} to end`,
  });
});

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').flatMap((one) => (one === '' ? [] : [Number(one)]));
}
