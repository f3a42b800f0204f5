/** All consumers over the reloads of a daemon. */
import { afterEach, expect, it } from 'vitest';
import { type ConsumerSpec, Consumers } from '../../../src/consumers/consumers.ts';
import { aServer, VerdictLab } from '../../support/consumer-lab.ts';

const lab = new VerdictLab();
const consumers = new Consumers(lab.ports);

afterEach(() => consumers.stop());

function file(name: string, path: string): ConsumerSpec {
  return { type: 'snapshotFile', name, contracts: 'all', mode: 'apply', path };
}

const isSame = (a: ConsumerSpec, b: ConsumerSpec) => JSON.stringify(a) === JSON.stringify(b);

it('start, stop and go on as the configuration says, and hear of verdicts', async () => {
  lab.hold('acme', [aServer('a', [1])]);
  consumers.apply([file('one', '/one'), file('two', '/two')], isSame);
  await lab.pass(300);
  expect([...lab.files.keys()]).toEqual(['/one', '/two']);
  expect([...consumers.states()]).toEqual([
    ['one', 'inSync'],
    ['two', 'inSync'],
  ]);

  lab.files.clear();
  consumers.apply(
    [file('one', '/one'), file('two', '/elsewhere'), file('three', '/three')],
    isSame,
  );
  await lab.pass(300);
  expect([...lab.files.keys()].sort()).toEqual(['/elsewhere', '/one', '/three']);

  lab.files.clear();
  const verdict = { epoch: 7, sequence: 4, contract: 'acme', peerServer: 'acme/a' } as const;
  const at = lab.time.now();
  consumers.receive({ type: 'verdict.changed', at, ...verdict, isRemoved: false });
  await lab.pass(300);
  expect(lab.files.size).toBe(3);

  lab.files.clear();
  consumers.apply([], isSame);
  await lab.pass(30_000);
  expect([lab.files.size, consumers.states().size]).toEqual([0, 0]);
});
