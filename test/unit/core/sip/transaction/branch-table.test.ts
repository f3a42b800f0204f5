/** The table of branches against two maps and a set, and at its edges. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BranchTable } from '../../../../../src/core/sip/transaction/branch-table.ts';

interface Item {
  readonly request: { readonly branch: string };
}

function anItem(branch: string): Item {
  return { request: { branch: `z9hG4bK${branch}` } };
}

type Step = { readonly kind: 'add' | 'linger' | 'remove' | 'find' | 'age'; readonly which: number };

const step = fc.record({
  kind: fc.constantFrom<Step['kind']>(
    'add',
    'add',
    'add',
    'linger',
    'linger',
    'remove',
    'find',
    'age',
  ),
  which: fc.nat(400),
});

/** What the table has to say, by plain maps and sets. */
class Model {
  readonly waiting = new Map<string, Item>();
  lingering = new Set<string>();
  older = new Set<string>();

  isFree(branch: string): boolean {
    return !this.waiting.has(branch) && !this.lingering.has(branch) && !this.older.has(branch);
  }

  take({ kind, which }: Step, table: BranchTable<Item>): void {
    const digits = which.toString(16);
    const branch = `z9hG4bK${digits}`;
    if (kind === 'age') this.#age(table);
    else if (kind === 'add' && this.isFree(branch)) this.#add(anItem(digits), table);
    const item = this.waiting.get(branch);
    if (item === undefined) return;
    if (kind === 'linger') {
      this.lingering.add(branch);
      table.linger(item);
    } else if (kind === 'remove') table.remove(item);
    if (kind === 'linger' || kind === 'remove') this.waiting.delete(branch);
  }

  #age(table: BranchTable<Item>): void {
    this.older = this.lingering;
    this.lingering = new Set();
    table.age();
  }

  #add(item: Item, table: BranchTable<Item>): void {
    this.waiting.set(item.request.branch, item);
    table.add(item);
  }
}

describe('the table of branches', () => {
  it('says what maps and sets would say, whatever comes and goes', () => {
    const run = (steps: readonly Step[]): void => {
      const table = new BranchTable<Item>();
      const model = new Model();
      for (const one of steps) {
        model.take(one, table);
        const branch = `z9hG4bK${one.which.toString(16)}`;
        expect(table.find(branch)).toBe(model.waiting.get(branch));
        expect(table.waiting).toBe(model.waiting.size);
        expect(table.lingering).toBe(model.lingering.size + model.older.size);
      }
      for (const [branch, item] of model.waiting) expect(table.find(branch)).toBe(item);
      for (const branch of [...model.lingering, ...model.older])
        expect(table.absorbs(branch)).toBe(true);
      expect(new Set(table.allWaiting())).toEqual(new Set(model.waiting.values()));
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 800 }), run), { numRuns: 60 });
  });

  it('compares without regard to case, as tokens are', () => {
    const table = new BranchTable<Item>();
    const item = anItem('0a1b2c3d');
    table.add(item);
    expect(table.find('z9hG4bK0A1B2C3D')).toBe(item);
    expect(table.find('Z9HG4BK0a1B2c3D')).toBe(item);
    expect(table.find('z9hG4bK0a1b2c3e')).toBeUndefined();
    expect(table.absorbs('z9hG4bK0a1b2c3d')).toBe(false);
    table.linger(item);
    expect(table.find('z9hG4bK0a1b2c3d')).toBeUndefined();
    expect(table.absorbs('z9hG4bK0A1B2C3D')).toBe(true);
  });

  it('finds nothing in what a stranger makes up, however long or short', () => {
    const table = new BranchTable<Item>();
    for (let index = 0; index < 100; index += 1) table.add(anItem(index.toString(16)));
    for (const text of ['', 'z', 'z9hG4bK', 'z9hG4bK\xff\x00', 'x'.repeat(60_000)]) {
      expect(table.find(text)).toBeUndefined();
      expect(table.absorbs(text)).toBe(false);
    }
  });

  it('grows and becomes small again, and forgets nobody over it', () => {
    const table = new BranchTable<Item>();
    const items = Array.from({ length: 20_000 }, (_, index) => anItem(`${index}`));
    for (const item of items) table.add(item);
    const [first, ...others] = items;
    for (const item of others) table.linger(item);
    table.age();
    expect(table.lingering).toBe(19_999);
    table.age();
    for (let round = 0; round < 10; round += 1) table.age();
    expect(table.lingering).toBe(0);
    expect(table.waiting).toBe(1);
    expect(table.find(first?.request.branch ?? '')).toBe(first);
  });

  it('does nothing twice', () => {
    const table = new BranchTable<Item>();
    const item = anItem('77');
    table.add(item);
    table.remove(item);
    table.remove(item);
    table.linger(item);
    expect([table.waiting, table.lingering]).toEqual([0, 0]);
  });
});
