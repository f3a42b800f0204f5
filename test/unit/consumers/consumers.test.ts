/** All consumers over the reloads of a daemon. */
import { afterEach, expect, it } from 'vitest';
import { type ConsumerSpec, Consumers } from '../../../src/consumers/consumers.ts';
import { fault } from '../../../src/core/base/fault.ts';
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
  const at = lab.time.now();
  expect([...consumers.statuses().values()]).toMatchObject([
    { name: 'one', type: 'snapshotFile', mode: 'apply', state: 'inSync', drift: 0 },
    { name: 'two', state: 'inSync', cause: undefined },
  ]);
  const one = consumers.statuses().get('one');
  expect(one?.lastPassAt).toBeLessThanOrEqual(at);
  expect(one?.nextAttemptAt).toBeGreaterThan(at);

  lab.files.clear();
  consumers.apply(
    [file('one', '/one'), file('two', '/elsewhere'), file('three', '/three')],
    isSame,
  );
  await lab.pass(300);
  expect([...lab.files.keys()].sort()).toEqual(['/elsewhere', '/one', '/three']);

  lab.files.clear();
  const verdict = { epoch: 7, sequence: 4, contract: 'acme', peerServer: 'acme/a' } as const;
  consumers.receive({ type: 'verdict.changed', at: lab.time.now(), ...verdict, isRemoved: false });
  await lab.pass(300);
  expect(lab.files.size).toBe(3);

  // A freeze is no verdict of any contract, and stands in every file.
  lab.files.clear();
  const cause = fault('ownFault.noCarrier', 'local');
  lab.freeze = { since: lab.time.now(), until: undefined, cause, isOrdered: false };
  const frozen = { isFrozen: true, cause, until: undefined } as const;
  consumers.receive({ type: 'verdicts.frozen', at: lab.time.now(), ...frozen });
  await lab.pass(300);
  expect(JSON.parse(lab.files.get('/one') ?? '')).toMatchObject({
    networkSuspect: true,
    frozen: { until: null, ordered: false, cause: { code: 'ownFault.noCarrier' } },
  });

  lab.files.clear();
  consumers.apply([], isSame);
  await lab.pass(30_000);
  expect([lab.files.size, consumers.statuses().size]).toEqual([0, 0]);
});
