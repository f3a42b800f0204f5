import { describe, expect, it } from 'vitest';
import { forgetOldest, putNewest } from '../../../../src/core/base/bounded-map.ts';

describe('a bounded map', () => {
  it('forgets the oldest entry once there are too many', () => {
    const map = new Map<string, number>();
    for (const [index, key] of ['a', 'b', 'c', 'd'].entries()) putNewest(map, key, index, 3);
    expect([...map]).toEqual([
      ['b', 1],
      ['c', 2],
      ['d', 3],
    ]);
  });

  it('makes an entry that comes again the newest one, and forgets nobody for it', () => {
    const map = new Map([
      ['a', 1],
      ['b', 2],
    ]);
    putNewest(map, 'a', 3, 2);
    expect([...map]).toEqual([
      ['b', 2],
      ['a', 3],
    ]);
  });

  it('stays as it is while there is room', () => {
    const map = new Map([['a', 1]]);
    forgetOldest(map, 1);
    expect([...map]).toEqual([['a', 1]]);
  });
});
