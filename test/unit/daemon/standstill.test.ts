import { expect, it } from 'vitest';
import { resume } from '../../../src/daemon/standstill.ts';

function told(standstillMs: number): string[] {
  const calls: string[] = [];
  resume(
    {
      lookups: { aged: (ms) => calls.push(`lookups ${ms}`) },
      keeper: { stoodStill: (ms) => calls.push(`keeper ${ms}`) },
      prober: { stoodStill: (ms) => calls.push(`prober ${ms}`) },
      stack: { flowKeeper: { stoodStill: () => calls.push('flows') } },
      transport: { closeAll: ({ code, blame }) => calls.push(`${code} ${blame}`) },
    },
    standstillMs,
  );
  return calls;
}

it('everybody is told; connections are made anew where they may be forgotten', () => {
  expect(told(6_000)).toEqual(['lookups 6000', 'keeper 6000', 'prober 6000']);
  expect(told(30_000)).toEqual([
    ...['lookups 30000', 'keeper 30000', 'prober 30000'],
    ...['flows', 'process.stoodStill local'],
  ]);
});
