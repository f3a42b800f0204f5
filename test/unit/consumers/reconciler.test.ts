import { expect, it } from 'vitest';
import { ConsumerFault } from '../../../src/consumers/causes.ts';
import { type PassResult, Reconciler } from '../../../src/consumers/reconciler.ts';
import { VerdictLab } from '../../support/consumer-lab.ts';

function aReconciler(pass: () => Promise<PassResult>) {
  const lab = new VerdictLab();
  const told: string[] = [];
  const startedAt: number[] = [];
  const reconciler = new Reconciler({
    clock: lab.time,
    timers: lab.time.timers,
    pass: () => {
      startedAt.push(lab.time.elapsedMs);
      return pass();
    },
    told: (from, { state, cause }) => {
      told.push(`${from} ${state} ${cause?.code ?? ''} ${cause?.text ?? ''}`.trim());
    },
  });
  return { lab, told, startedAt, reconciler };
}

const IN_SYNC: PassResult = { state: 'inSync', text: '' };

it('looks every 20 s, soon after a change, and never twice at once', async () => {
  let end: () => void = () => {};
  const slow = () =>
    new Promise<PassResult>((resolve) => {
      end = () => resolve(IN_SYNC);
    });
  let pass = async () => IN_SYNC;
  const { lab, startedAt, reconciler } = aReconciler(() => pass());
  reconciler.start();
  await lab.pass(41_000);
  expect(startedAt).toHaveLength(3);
  reconciler.changed();
  reconciler.changed();
  await lab.pass(200);
  expect(startedAt).toHaveLength(4);
  pass = slow;
  reconciler.changed();
  await lab.pass(5_000);
  reconciler.changed();
  await lab.pass(5_000);
  expect(startedAt).toHaveLength(5);
  pass = async () => IN_SYNC;
  end();
  await lab.pass(200);
  expect(startedAt).toHaveLength(6);
  await reconciler.stop();
});

it('waits longer after each failure, whatever changes meanwhile', async () => {
  const { lab, told, startedAt, reconciler } = aReconciler(async () => {
    throw new ConsumerFault('consumer.unreachable', 'connect ECONNREFUSED');
  });
  reconciler.start();
  for (let second = 0; second < 60; second += 1) {
    reconciler.changed();
    await lab.pass(1_000);
  }
  const gaps = startedAt.map((at, n) => Math.round((at - (startedAt[n - 1] ?? at)) / 1_000));
  expect(gaps.slice(1)).toEqual([1, 2, 4, 8, 16, 20]);
  expect(told).toEqual(['starting failing consumer.unreachable Connect ECONNREFUSED.']);
  const { state, cause, nextAttemptAt, lastPassAt, drift } = reconciler.status;
  expect([state, cause?.code, drift]).toEqual(['failing', 'consumer.unreachable', 1]);
  expect(Number(nextAttemptAt) - Number(lastPassAt)).toBe(20_000);
  await reconciler.stop();
});

it('is not held up by a pass that does not end', async () => {
  const { lab, reconciler } = aReconciler(() => new Promise(() => {}));
  reconciler.start();
  await lab.pass(100);
  let isStopped = false;
  const stopping = reconciler.stop().then(() => {
    isStopped = true;
  });
  await lab.pass(900);
  expect(isStopped).toBe(false);
  await lab.pass(200);
  await stopping;
});

it('tells another cause of the same state, twice a minute at most', async () => {
  let pass = 0;
  const { lab, told, reconciler } = aReconciler(async () => {
    pass += 1;
    const text = `${pass} to be set`;
    return { state: 'drifting', text, drift: pass, againMs: 1_000 };
  });
  reconciler.start();
  await lab.pass(500);
  expect(told).toEqual(['starting drifting consumer.drifting 1 to be set.']);
  await lab.pass(20_000);
  expect(told).toHaveLength(1);
  expect(reconciler.status.drift).toBeGreaterThan(10);
  await lab.pass(590_000);
  expect(told.length).toBeGreaterThan(10);
  expect(told.length).toBeLessThanOrEqual(21);
  expect(told[1]).toMatch(/^drifting drifting consumer\.drifting \d+ to be set\.$/);
  await reconciler.stop();
});

it('tells a failure of another kind that comes after the first one', async () => {
  let fault = new ConsumerFault('consumer.unreachable', 'connect ECONNREFUSED');
  const { lab, told, reconciler } = aReconciler(async () => {
    throw fault;
  });
  reconciler.start();
  await lab.pass(40_000);
  fault = new ConsumerFault('consumer.badAnswer', 'dispatcher.list: no list in the answer');
  await lab.pass(120_000);
  expect(told).toEqual([
    'starting failing consumer.unreachable Connect ECONNREFUSED.',
    'failing failing consumer.badAnswer dispatcher.list: no list in the answer.',
  ]);
  await reconciler.stop();
});

it('does not tell what it waits for at the start, unless that lasts', async () => {
  const { lab, told, reconciler } = aReconciler(async () => ({
    ...{ state: 'starting', code: 'consumer.unresolved', text: '', againMs: 250 },
  }));
  reconciler.start();
  await lab.pass(10_000);
  expect(told).toEqual([]);
  expect(reconciler.status.cause?.code).toBe('consumer.unresolved');
  await lab.pass(30_000);
  expect(told).toHaveLength(1);
  await reconciler.stop();
});

it('says of a pass that hangs that it does, and begins no second one', async () => {
  let end: (result: PassResult) => void = () => {};
  const { lab, told, startedAt, reconciler } = aReconciler(
    () =>
      new Promise<PassResult>((resolve) => {
        end = resolve;
      }),
  );
  reconciler.start();
  await lab.pass(200_000);
  expect(told).toEqual([]);
  await lab.pass(200_000);
  expect([reconciler.state, reconciler.status.cause?.code]).toEqual(['failing', 'consumer.stuck']);
  expect(startedAt).toHaveLength(1);
  end(IN_SYNC);
  await lab.pass(100);
  expect(reconciler.state).toBe('inSync');
  await reconciler.stop();
});
