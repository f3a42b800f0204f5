/** A table of Contacts on virtual time, at a Kamailio that cannot show a large one. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ContactTableSpec, contactTable } from '../../../src/consumers/contact-table.ts';
import { RpcError } from '../../../src/consumers/json-rpc.ts';
import type { Consumer, ContactOwner } from '../../../src/consumers/ports.ts';
import { VerdictLab } from '../../support/consumer-lab.ts';

const SPEC: ContactTableSpec = {
  name: 'contacts',
  contracts: ['acme'],
  mode: 'apply',
  table: 'trunkd',
  rpc: 'http://127.0.0.1/RPC',
};

class FakeTable {
  readonly held = new Map<string, string>();
  readonly calls = new Map<string, number>();
  upSince = 'Monday';

  count(method: string): number {
    return this.calls.get(method) ?? 0;
  }

  readonly rpc = async (method: string, params: readonly unknown[] | object): Promise<unknown> => {
    this.calls.set(method, this.count(method) + 1);
    const [, key = '', value = ''] = params as readonly string[];
    switch (method) {
      case 'core.uptime':
        return { up_since: this.upSince };
      case 'htable.stats':
        return [
          { name: 'other', all: 3 },
          { name: 'trunkd', all: this.held.size },
        ];
      case 'htable.dump':
        return this.#dump();
      case 'htable.get': {
        const found = this.held.get(key);
        if (found === undefined) throw new RpcError(method, 500, "Key name doesn't exist");
        return { item: { name: key, value: found } };
      }
      case 'htable.sets':
        this.held.set(key, value);
        return '';
      case 'htable.delete':
        if (!this.held.delete(key)) throw new RpcError(method, 404, 'Key not found');
        return '';
      default:
        throw new RpcError(method, 500, 'Method Not Found');
    }
  };

  /** A Kamailio 5.6 with 100,000 entries closes the connection. */
  #dump(): unknown {
    if (this.held.size > 10_000) throw new Error('socket hang up');
    return [...this.held].map(([name, value], entry) => ({
      ...{ entry, size: 1 },
      slot: [{ name, value, type: 'str' }],
    }));
  }
}

let lab: VerdictLab;
let table: FakeTable;
let consumer: Consumer;
/** How often all registrations were walked through. */
let walks: number;

beforeEach(() => {
  lab = new VerdictLab();
  table = new FakeTable();
  walks = 0;
});

afterEach(() => consumer.stop());

async function start(spec: Partial<ContactTableSpec> = {}): Promise<void> {
  const registrations = () => {
    walks += 1;
    return lab.registrations;
  };
  consumer = contactTable({ ...SPEC, ...spec }, { ...lab.ports, registrations }, table.rpc);
  consumer.start();
  await lab.pass(500);
}

function many(count: number): ContactOwner[] {
  return Array.from({ length: count }, (_, n) => ({
    ...{ id: `r${n}`, ddi: `${n}`, contract: 'acme' },
  }));
}

describe('a small table', () => {
  it('maps every Contact user to its registration, and nothing else', async () => {
    const { held } = table;
    held.set('stale', 'x').set('34911', 'wrong');
    lab.registrations = [
      { id: 'main', ddi: '34911', contract: 'acme' },
      { id: 'second', ddi: '34912', contract: 'acme' },
      { id: 'other', ddi: '34913', contract: 'beta' },
    ];
    await start();
    expect(Object.fromEntries(held)).toEqual({ 34911: 'main', 34912: 'second' });
    expect(consumer.state).toBe('inSync');
    held.clear();
    await lab.pass(21_000);
    expect(held.size).toBe(2);
    held.set('34912', 'wrong');
    await lab.pass(21_000);
    expect(held.get('34912')).toBe('second');
    lab.registrations = [{ id: 'main', ddi: '34919', contract: 'acme' }];
    consumer.changed();
    await lab.pass(500);
    expect(Object.fromEntries(held)).toEqual({ 34919: 'main' });
  });

  it('is left alone by verdicts, and its registrations are not walked through for a pass', async () => {
    lab.registrations = many(10);
    await start();
    const asked = table.count('core.uptime');
    for (let n = 0; n < 20; n += 1) consumer.changed('acme');
    await lab.pass(1_000);
    expect(table.count('core.uptime')).toBe(asked);
    await lab.pass(100_000);
    expect(table.count('core.uptime')).toBeGreaterThan(asked);
    expect(walks).toBe(1);
  });

  it('is only looked at in mode observe', async () => {
    lab.registrations = many(10);
    await start({ mode: 'observe' });
    expect(consumer.status).toMatchObject({ cause: { code: 'consumer.observed' }, drift: 10 });
    for (const { ddi, id } of many(10)) table.held.set(ddi, id);
    await lab.pass(21_000);
    expect([consumer.state, table.count('htable.sets')]).toEqual(['inSync', 0]);
  });
});

describe('a large table', () => {
  const SIZE = 20_000;

  async function filled(): Promise<void> {
    lab.registrations = many(SIZE);
    await start();
    for (let turn = 0; turn < 100 && consumer.state !== 'inSync'; turn += 1) await lab.pass(500);
    expect([consumer.state, table.held.size]).toEqual(['inSync', SIZE]);
    table.calls.clear();
  }

  it('is filled in pieces, and shown by nobody: some entries of it are looked at', async () => {
    await filled();
    await lab.pass(100_000);
    expect(consumer.state).toBe('inSync');
    expect(walks).toBe(1);
    expect([table.count('htable.dump'), table.count('htable.sets')]).toEqual([0, 0]);
    expect(table.count('htable.get')).toBeLessThanOrEqual(300);
  });

  it('gets the differences after a reload', async () => {
    await filled();
    lab.registrations = [
      ...many(SIZE).slice(10),
      ...many(5).map((one) => ({ ...one, id: `${one.id}-other` })),
      { id: 'new', ddi: '34911', contract: 'acme' },
    ];
    consumer.changed();
    await lab.pass(1_000);
    const { held } = table;
    expect([held.size, held.get('34911'), held.get('0'), held.get('7')]).toEqual([
      ...[SIZE - 4, 'new', 'r0-other', undefined],
    ]);
    expect([table.count('htable.sets'), table.count('htable.delete')]).toEqual([6, 5]);
    expect(consumer.state).toBe('inSync');
  });

  it('is filled again after a restart, and when entries are gone or others', async () => {
    await filled();
    const { held } = table;
    table.upSince = 'Tuesday';
    held.clear();
    for (let turn = 0; turn < 200 && held.size < SIZE; turn += 1) await lab.pass(500);
    expect(held.size).toBe(SIZE);
    await lab.pass(300_000);
    held.delete('77');
    await lab.pass(20_500);
    for (let turn = 0; turn < 100 && consumer.state !== 'inSync'; turn += 1) await lab.pass(500);
    expect(held.get('77')).toBe('r77');
  });

  it('keeps what is too much in it, and says so', async () => {
    await filled();
    table.held.set('strange', 'x');
    await lab.pass(20_500);
    expect(consumer.status).toMatchObject({
      ...{ state: 'drifting', drift: 1 },
      cause: { code: 'consumer.strangers' },
    });
    expect(table.count('htable.sets')).toBe(0);
  });
});
