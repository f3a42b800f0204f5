import { describe, expect, it } from 'vitest';
import { EntropyRandom } from '../../../src/net/random.ts';

describe('chance', () => {
  it('gives as many hexadecimal digits as asked for, never the same twice', () => {
    const random = new EntropyRandom();
    const seen = new Set<string>();
    for (let round = 0; round < 2_000; round += 1) {
      for (const digits of [8, 15, 24, 32]) {
        const text = random.hex(digits);
        expect(text).toMatch(/^[0-9a-f]+$/);
        expect(text).toHaveLength(digits);
        if (digits >= 15) seen.add(text);
      }
    }
    expect(seen.size).toBe(6_000);
  });

  it('refuses more than its pool holds instead of repeating itself', () => {
    const random = new EntropyRandom();
    expect(random.hex(8_192)).toHaveLength(8_192);
    expect(() => random.hex(8_193)).toThrow(RangeError);
  });

  it('draws fractions from [0, 1)', () => {
    const random = new EntropyRandom();
    const drawn = Array.from({ length: 1_000 }, () => random.fraction());
    expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(new Set(drawn).size).toBeGreaterThan(900);
  });
});
