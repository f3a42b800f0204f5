/** test/scenarios.json can be trusted: the cases that it cites are on the page, the tests in their files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const TEST = join(import.meta.dirname, '..');

interface Scenario {
  readonly number: number;
  readonly scenario: string;
  readonly cases: readonly string[];
  /** File and title. */
  readonly tests: readonly (readonly [string, string])[];
}

const { scenarios } = JSON.parse(readFileSync(join(TEST, 'scenarios.json'), 'utf8')) as {
  readonly scenarios: readonly Scenario[];
};
const page = readFileSync(join(TEST, '../docs/conformance.md'), 'utf8');

it.each(scenarios.map((one) => [one.number, one.scenario, one] as const))(
  '%i: %s',
  (_number, _scenario, { cases, tests }) => {
    expect(tests.length + cases.length).toBeGreaterThan(0);
    for (const id of cases)
      expect(page, id).toMatch(new RegExp(`^\\| ${id} \\|.*\\| pass \\|`, 'm'));
    for (const [file, title] of tests) {
      const code = readFileSync(join(TEST, file), 'utf8');
      expect(code.includes(`'${title}`) || code.includes(`"${title}`), `${file}: ${title}`).toBe(
        true,
      );
    }
  },
);

it('has every scenario that concerns registrations', () => {
  const ofOthers = [16, 17, 18, 19, 20, 23];
  const all = [...ofOthers, ...scenarios.map(({ number }) => number)].sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
});
