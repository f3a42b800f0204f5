import { expect, it } from 'vitest';
import { type ContactTableSpec, contactTable } from '../../../src/consumers/contact-table.ts';
import { VerdictLab } from '../../support/consumer-lab.ts';

const SPEC: ContactTableSpec = {
  name: 'contacts',
  contracts: ['acme'],
  mode: 'apply',
  table: 'trunkd',
  rpc: 'http://127.0.0.1/RPC',
};

function aTable() {
  const held = new Map<string, string>();
  const rpc = async (method: string, params: readonly unknown[] | object): Promise<unknown> => {
    const [, key, value] = params as readonly string[];
    if (method === 'htable.sets') held.set(key ?? '', value ?? '');
    if (method === 'htable.delete') held.delete(key ?? '');
    return [...held].map(([name, one], entry) => ({
      ...{ entry, size: 1 },
      slot: [{ name, value: one, type: 'str' }],
    }));
  };
  return { held, rpc };
}

it('maps every Contact user to its registration, and nothing else', async () => {
  const lab = new VerdictLab();
  const { held, rpc } = aTable();
  held.set('stale', 'x').set('34911', 'wrong');
  lab.registrations = [
    { id: 'main', ddi: '34911', contract: 'acme' },
    { id: 'second', ddi: '34912', contract: 'acme' },
    { id: 'other', ddi: '34913', contract: 'beta' },
  ];
  const consumer = contactTable(SPEC, lab.ports, rpc);
  consumer.start();
  await lab.pass(500);
  expect(Object.fromEntries(held)).toEqual({ 34911: 'main', 34912: 'second' });
  expect(consumer.state).toBe('inSync');
  held.clear();
  await lab.pass(21_000);
  expect(held.size).toBe(2);
  lab.registrations = [{ id: 'main', ddi: '34919', contract: 'acme' }];
  consumer.changed();
  await lab.pass(500);
  expect(Object.fromEntries(held)).toEqual({ 34919: 'main' });
  await consumer.stop();
});

it('takes thousands in pieces', async () => {
  const lab = new VerdictLab();
  const { held, rpc } = aTable();
  lab.registrations = Array.from({ length: 1_000 }, (_, n) => ({
    ...{ id: `r${n}`, ddi: `${n}`, contract: 'acme' },
  }));
  const consumer = contactTable(SPEC, lab.ports, rpc);
  consumer.start();
  await lab.pass(100);
  expect(held.size).toBeLessThan(1_000);
  for (let turn = 0; turn < 30; turn += 1) await lab.pass(500);
  expect(held.size).toBe(1_000);
  expect(consumer.state).toBe('inSync');
  await consumer.stop();
});
