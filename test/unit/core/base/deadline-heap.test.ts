import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineHeap } from '../../../../src/core/base/deadline-heap.ts';

/** What comes out, first to last. */
function drained(heap: DeadlineHeap<number>): number[] {
  const items: number[] = [];
  for (let item = heap.first; item !== undefined; item = heap.first) {
    items.push(item);
    heap.removeFirst();
  }
  return items;
}

function aHeapOf(deadlines: readonly number[]): DeadlineHeap<number> {
  const heap = new DeadlineHeap<number>();
  for (const [index, deadline] of deadlines.entries()) heap.add(index, deadline, index + 1);
  return heap;
}

/** The indices of `deadlines`, by deadline and then as they stand. */
function inOrder(deadlines: readonly number[]): number[] {
  return [...deadlines.keys()].sort(
    (a, b) => (deadlines[a] as number) - (deadlines[b] as number) || a - b,
  );
}

const someDeadlines = fc.array(fc.nat(50), { maxLength: 300 });

describe('the heap of deadlines', () => {
  it('gives what was added by deadline, then by order', () => {
    fc.assert(
      fc.property(someDeadlines, (deadlines) => {
        expect(drained(aHeapOf(deadlines))).toEqual(inOrder(deadlines));
      }),
    );
  });

  it('is still a heap when some were thrown out', () => {
    const many = fc.array(fc.nat(10_000), { minLength: 50, maxLength: 300 });
    fc.assert(
      fc.property(many, fc.func(fc.boolean()), (deadlines, isWanted) => {
        const heap = aHeapOf(deadlines);
        heap.keep((item, order) => item === order - 1 && isWanted(item));
        const kept = inOrder(deadlines).filter((item) => isWanted(item));
        expect(heap.size).toBe(kept.length);
        expect(drained(heap)).toEqual(kept);
      }),
    );
  });

  it('keeps the order of what gets new numbers', () => {
    fc.assert(
      fc.property(someDeadlines, (deadlines) => {
        const heap = aHeapOf(deadlines);
        let given = 0;
        heap.renumber((item, order) => {
          expect(item).toBe(order - 1);
          if (item % 3 === 0) return undefined;
          given += 1;
          return given;
        });
        expect(heap.firstOrder).toBe(given === 0 ? heap.firstOrder : 1);
        expect(drained(heap)).toEqual(inOrder(deadlines).filter((item) => item % 3 !== 0));
      }),
    );
  });
});
