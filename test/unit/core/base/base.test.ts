import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { EventHub } from '../../../../src/core/base/event-hub.ts';
import { after, instant } from '../../../../src/core/base/instant.ts';
import { Ring } from '../../../../src/core/base/ring.ts';
import { Secret } from '../../../../src/core/base/secret.ts';
import { TokenBucket } from '../../../../src/core/base/token-bucket.ts';
import { smallestBurst } from '../../../support/rate-limit.ts';
import { SeededRandom } from '../../../support/seeded-random.ts';

describe('Secret', () => {
  const secret = new Secret('hunter2');

  it.each([
    ['template', `${secret}`],
    ['JSON', JSON.stringify({ secret })],
    ['inspect', inspect({ secret }, { showHidden: true, depth: 9 })],
    ['concatenation', `x${String(secret)}`],
    ['spread', JSON.stringify({ ...secret })],
  ])('does not show in %s', (_way, text) => {
    expect(text).not.toContain('hunter2');
  });

  it('is revealed and compared on purpose', () => {
    expect(secret.reveal()).toBe('hunter2');
    expect(secret.equals(new Secret('hunter2'))).toBe(true);
    expect(secret.equals(new Secret('hunter3'))).toBe(false);
  });
});

describe('TokenBucket', () => {
  it.each([
    [6, 3, 20],
    [300, 300, 5],
    [0.5, 1, 60],
  ])(
    'never gives more than rate x t + burst in any window (%s/s, burst %s)',
    (rate, burst, sec) => {
      const random = new SeededRandom(7);
      let now = instant(0);
      const bucket = new TokenBucket(rate, burst, now);
      const taken: number[] = [];
      while (now < sec * 1000) {
        if (bucket.take(now)) taken.push(now);
        else now = after(now, random.fraction() * 400);
      }
      expect(smallestBurst(taken, rate)).toBeLessThanOrEqual(burst + 1e-6);
      expect(taken.length).toBeGreaterThan(rate * sec * 0.6);
    },
  );

  it('says when the next token comes, and has it then', () => {
    const bucket = new TokenBucket(2, 1, instant(0));
    expect(bucket.take(instant(0))).toBe(true);
    expect(bucket.take(instant(10))).toBe(false);
    const ready = bucket.readyAt(instant(10));
    expect(ready).toBeCloseTo(500, 6);
    expect(bucket.take(ready)).toBe(true);
  });

  it('has no limit at rate 0', () => {
    const bucket = new TokenBucket(0, 1, instant(0));
    for (let i = 0; i < 1000; i += 1) expect(bucket.take(instant(0))).toBe(true);
  });
});

describe('TokenBucket after a month', () => {
  it('has its token when it said so', () => {
    // A clock of a month counts in steps of half a microsecond: a hair of a token may get lost.
    const start = instant(2_216_409_731.54);
    for (let rate = 0.5; rate < 300; rate *= 1.01) {
      const bucket = new TokenBucket(rate, 1, start);
      let now = start;
      for (let turn = 0; turn < 20; turn += 1) {
        now = bucket.readyAt(now);
        expect(bucket.take(now), `turn ${turn} at ${rate} a second`).toBe(true);
      }
    }
  });
});

describe('Ring', () => {
  it('keeps the last items, oldest first', () => {
    const ring = new Ring<number>(3);
    for (const item of [1, 2, 3, 4, 5]) ring.push(item);
    expect(ring.toArray()).toEqual([3, 4, 5]);
    expect(ring.size).toBe(3);
  });
});

describe('EventHub', () => {
  it('reaches everybody although one subscriber throws', () => {
    const errors: unknown[] = [];
    const hub = new EventHub<number>((error) => errors.push(error));
    const got: number[] = [];
    hub.subscribe(() => {
      throw new Error('subscriber');
    });
    const end = hub.subscribe((event) => got.push(event));
    hub.publish(1);
    end();
    hub.publish(2);
    expect(got).toEqual([1]);
    expect(errors).toHaveLength(2);
  });
});
