/** When so much fails at once that it is hardly the fault of the targets. */
import { describe, expect, it } from 'vitest';
import { isSuspicious, type Sighting } from '../../../../src/core/health/own-fault.ts';
import type { OwnFaultSpec } from '../../../../src/core/health/spec.ts';

const SPEC: OwnFaultSpec = {
  maxDownShare: 0.6,
  minTargets: 5,
  minContracts: 2,
  freezeMaxMs: 600_000,
};

describe('the suspicion', () => {
  const seen = (failed: number, answered: number, contracts = 2, addresses = 99): Sighting[] =>
    Array.from({ length: failed + answered }, (_, index) => ({
      address: `192.0.2.${index % addresses}`,
      contracts: [`c${index % contracts}`],
      hasFailed: index < failed,
    }));

  it.each([
    [seen(5, 0), true],
    [seen(4, 0), false],
    [seen(6, 4), false],
    [seen(7, 4), true],
    [seen(9, 0, 1), false],
    [seen(9, 0, 2, 4), false],
    [seen(90, 10), true],
    [[], false],
  ])('case %#', (sightings, expected) => {
    expect(isSuspicious(sightings, SPEC)).toBe(expected);
  });
});
