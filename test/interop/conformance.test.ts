/** The conformance run: every case and every duty, and the table of docs/conformance.md that comes out of it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { conformanceRun, type Verdict } from '../support/conformance/run.ts';
import { conformancePage } from '../support/conformance/table.ts';

let verdicts: readonly Verdict[];

beforeAll(async () => {
  verdicts = await conformanceRun();
}, 180_000);

describe('conformance', () => {
  it('every case passes over every transport', () => {
    const failed = verdicts.filter(({ flaws }) => flaws.length > 0);
    const told = failed.map(
      ({ id, protocol, flaws }) => `${id} ${protocol}: ${flaws.slice(0, 5).join('; ')}`,
    );
    expect(told).toEqual([]);
  });

  it('gives the table of docs/conformance.md', async () => {
    await expect(conformancePage(verdicts)).toMatchFileSnapshot('../../docs/conformance.md');
  });
});
