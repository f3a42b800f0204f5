import { describe, expect, it } from 'vitest';
import { drawByWeight, orderByKey, rotate } from '../../../../src/core/routing/order.ts';
import { SeededRandom } from '../../../support/seeded-random.ts';

const SERVERS = [
  { id: 'acme/a', weight: 60 },
  { id: 'acme/b', weight: 30 },
  { id: 'acme/c', weight: 10 },
];
const CALLS = 20_000;

function shares(first: (call: number) => string | undefined): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let call = 0; call < CALLS; call += 1) {
    const id = first(call) ?? 'none';
    counts[id] = (counts[id] ?? 0) + 100 / CALLS;
  }
  return counts;
}

describe('by weight', () => {
  it('gives each server its share of first places, and of those behind', () => {
    const random = new SeededRandom(5);
    const fraction = () => random.fraction();
    const first = shares(() => drawByWeight(SERVERS, fraction)[0]?.id);
    expect(first['acme/a']).toBeCloseTo(60, -0.4);
    expect(Math.abs((first['acme/b'] ?? 0) - 30)).toBeLessThan(1.5);
    expect(Math.abs((first['acme/c'] ?? 0) - 10)).toBeLessThan(1.5);
    const behindA = Array.from({ length: CALLS }, () => drawByWeight(SERVERS, fraction))
      .filter(([one]) => one?.id === 'acme/a')
      .map(([, two]) => two?.id);
    const share = behindA.filter((id) => id === 'acme/b').length / behindA.length;
    expect(Math.abs(share - 0.75)).toBeLessThan(0.02);
  });

  it('tries those without weight last', () => {
    const random = new SeededRandom(6);
    const servers = [{ id: 'zero', weight: 0 }, ...SERVERS];
    for (let call = 0; call < 500; call += 1) {
      expect(drawByWeight(servers, () => random.fraction()).at(-1)?.id).toBe('zero');
    }
    expect(drawByWeight(servers, () => 0)).toHaveLength(4);
  });
});

describe('by key', () => {
  it('gives the same order for the same key, and shares by weight over keys', () => {
    expect(orderByKey(SERVERS, 'x')).toEqual(orderByKey(SERVERS, 'x'));
    const first = shares((call) => orderByKey(SERVERS, `34${call}`)[0]?.id);
    expect(Math.abs((first['acme/a'] ?? 0) - 60)).toBeLessThan(1.5);
    expect(Math.abs((first['acme/c'] ?? 0) - 10)).toBeLessThan(1.5);
  });

  it('moves no other key when a server goes', () => {
    for (let call = 0; call < 500; call += 1) {
      const all = orderByKey(SERVERS, `${call}`).map(({ id }) => id);
      const less = orderByKey(SERVERS.slice(0, 2), `${call}`).map(({ id }) => id);
      expect(less).toEqual(all.filter((id) => id !== 'acme/c'));
    }
  });
});

it('in turn: each call begins one further', () => {
  const ids = [0, 1, 2, 3].map((turn) => rotate(SERVERS, turn).map(({ id }) => id.slice(-1)));
  expect(ids.map((one) => one.join(''))).toEqual(['abc', 'bca', 'cab', 'abc']);
});
