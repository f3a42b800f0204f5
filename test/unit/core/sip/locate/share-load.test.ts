import { describe, expect, it } from 'vitest';
import { drawOrder } from '../../../../../src/core/sip/locate/share-load.ts';
import type { Standing, Target } from '../../../../../src/core/sip/locate/target.ts';
import { SeededRandom } from '../../../../support/seeded-random.ts';

function aTarget(host: number, standing?: Standing): Target {
  const place = standing === undefined ? {} : { standing };
  return { protocol: 'udp', address: `192.0.2.${host}`, port: 5060, family: 4, ...place };
}

/** How often each host came first in `runs` draws. */
function firsts(targets: readonly Target[], runs: number): Record<string, number> {
  const random = new SeededRandom(2_782);
  const counts: Record<string, number> = {};
  for (let run = 0; run < runs; run += 1) {
    const order = drawOrder(targets, random);
    expect(new Set(order)).toEqual(new Set(targets));
    const last = order[0]?.address.split('.').at(-1) ?? '';
    counts[last] = (counts[last] ?? 0) + 1;
  }
  return counts;
}

describe('the order of targets', () => {
  it('RFC 2782: weights 0, 10 and 90 share 1,000 draws accordingly', () => {
    const targets = [0, 10, 90].map((weight, i) => aTarget(i + 1, { rank: 0, weight }));
    const { 1: none = 0, 2: tenth = 0, 3: most = 0 } = firsts(targets, 1_000);
    expect(none).toBeLessThan(35);
    expect(tenth).toBeGreaterThan(60);
    expect(tenth).toBeLessThan(145);
    expect(most).toBeGreaterThan(850);
  });

  it('the second of 10, 20 and 70 is drawn by weight, too', () => {
    const targets = [10, 20, 70].map((weight, i) => aTarget(i + 1, { rank: 0, weight }));
    const random = new SeededRandom(7);
    let seconds = 0;
    let runs = 0;
    while (runs < 1_000) {
      const order = drawOrder(targets, random);
      if (order[0]?.address !== '192.0.2.3') continue;
      runs += 1;
      if (order[1]?.address === '192.0.2.2') seconds += 1;
    }
    // 20 of the 30 that are left.
    expect(seconds).toBeGreaterThan(590);
    expect(seconds).toBeLessThan(740);
  });

  it('without weights all have the same chance', () => {
    const targets = [1, 2, 3, 4].map((host) => aTarget(host, { rank: 0, weight: 0 }));
    for (const count of Object.values(firsts(targets, 1_000))) {
      expect(count).toBeGreaterThan(180);
      expect(count).toBeLessThan(320);
    }
  });

  it('ranks stay as they are, and addresses of one server together', () => {
    const [first, second, third] = [
      { rank: 0, weight: 50 },
      { rank: 0, weight: 50 },
      { rank: 1, weight: 100 },
    ] as const;
    const targets = [
      aTarget(1, first),
      aTarget(2, first),
      aTarget(3, second),
      aTarget(4, second),
      aTarget(5, third),
    ];
    const random = new SeededRandom(1);
    const seen = new Set<string>();
    for (let run = 0; run < 100; run += 1) {
      seen.add(
        drawOrder(targets, random)
          .map(({ address }) => address.at(-1))
          .join(''),
      );
    }
    expect([...seen].sort()).toEqual(['12345', '34125']);
  });

  it('what has no choice is the same array, without chance', () => {
    const noChance = {
      fraction: () => {
        throw new Error('nothing to draw');
      },
      hex: () => '',
    };
    const alone = { rank: 0, weight: 0 };
    for (const targets of [
      [aTarget(1)],
      [aTarget(1), aTarget(2)],
      [aTarget(1, alone), aTarget(2, alone)],
      [aTarget(1, alone), aTarget(2, { rank: 1, weight: 5 })],
    ]) {
      expect(drawOrder(targets, noChance)).toBe(targets);
    }
  });
});
