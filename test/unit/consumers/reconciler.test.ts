import { expect, it } from 'vitest';
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
    told: (from, state, text) => told.push(`${from} ${state} ${text}`.trim()),
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
    throw new Error('connect ECONNREFUSED');
  });
  reconciler.start();
  for (let second = 0; second < 60; second += 1) {
    reconciler.changed();
    await lab.pass(1_000);
  }
  const gaps = startedAt.map((at, n) => Math.round((at - (startedAt[n - 1] ?? at)) / 1_000));
  expect(gaps.slice(1)).toEqual([1, 2, 4, 8, 16, 20]);
  expect(told).toEqual(['starting failing connect ECONNREFUSED']);
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
