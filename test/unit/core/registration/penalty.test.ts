import { describe, expect, it } from 'vitest';
import { instant } from '../../../../src/core/base/instant.ts';
import { Penalty } from '../../../../src/core/registration/penalty.ts';

const at = (sec: number) => instant(sec * 1000);

/** Seconds for which it is avoided from then on. */
function avoidedSec(penalty: Penalty, fromSec: number): number {
  let sec = fromSec;
  while (penalty.isAvoided(at(sec))) sec += 1;
  return sec - fromSec;
}

describe('the penalty of a target', () => {
  it('doubles from 30 s to 10 min, as long as nothing is answered', () => {
    const penalty = new Penalty();
    const spans: number[] = [];
    let now = 0;
    for (let turn = 0; turn < 7; turn += 1) {
      expect(penalty.failed(at(now), undefined)).toBe(true);
      spans.push(avoidedSec(penalty, now));
      now += spans.at(-1) ?? 0;
    }
    expect(spans).toEqual([30, 60, 120, 240, 480, 600, 600]);
  });

  it('is one for all who fail while it lasts', () => {
    const penalty = new Penalty();
    expect(penalty.failed(at(0), undefined)).toBe(true);
    expect(penalty.failed(at(1), undefined)).toBe(false);
    expect(penalty.failed(at(2), undefined)).toBe(false);
    expect(avoidedSec(penalty, 0)).toBeLessThanOrEqual(33);
  });

  it.each([
    [100, 100],
    [0, 1],
    [1e9, 3_600],
  ])('Retry-After %i counts as %i s', (retryAfterSec, sec) => {
    const penalty = new Penalty();
    penalty.failed(at(0), retryAfterSec);
    expect(avoidedSec(penalty, 0)).toBe(sec);
  });

  it('ends with an answer, and is forgotten after two good minutes', () => {
    const penalty = new Penalty();
    penalty.failed(at(0), undefined);
    penalty.answered(at(10));
    expect(penalty.isAvoided(at(10))).toBe(false);
    // Not yet: the next one is longer.
    penalty.failed(at(11), undefined);
    expect(avoidedSec(penalty, 11)).toBe(60);
    penalty.answered(at(80));
    penalty.answered(at(201));
    expect(penalty.isRemembered(at(201))).toBe(false);
    penalty.failed(at(300), undefined);
    expect(avoidedSec(penalty, 300)).toBe(30);
  });

  it('lets bindings return: one who finds out, the others after two good minutes', () => {
    const penalty = new Penalty();
    expect(penalty.letsReturn(at(0))).toBe(true);
    penalty.failed(at(0), undefined);
    expect(penalty.letsReturn(at(29))).toBe(false);
    expect(penalty.letsReturn(at(31))).toBe(true);
    expect(penalty.letsReturn(at(32))).toBe(false);
    penalty.answered(at(33));
    expect(penalty.letsReturn(at(34))).toBe(false);
    expect(penalty.letsReturn(at(152))).toBe(false);
    expect(penalty.letsReturn(at(153))).toBe(true);
  });

  it('a scout that never comes back does not close the way for ever', () => {
    const penalty = new Penalty();
    penalty.failed(at(0), undefined);
    expect(penalty.letsReturn(at(31))).toBe(true);
    expect(penalty.letsReturn(at(72))).toBe(true);
  });

  it('is not remembered for ever', () => {
    const penalty = new Penalty();
    penalty.failed(at(0), undefined);
    expect(penalty.isRemembered(at(3_600))).toBe(true);
    expect(penalty.isRemembered(at(3_700))).toBe(false);
  });
});
