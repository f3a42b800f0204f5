/** The duties of test/interop/duties.json, and the verdict on each: all that it names has to pass, everywhere. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Duty {
  readonly id: string;
  readonly text: string;
  /** Where it stands. */
  readonly source: string;
  /** How it is shown, in words; what trunkd chose where the rule leaves it a choice. */
  readonly how: string;
  /** Cases of the run: ids of quirks, `sipp/...`, `kamailio/...`, `uas/...`, `wire/...`. */
  readonly cases: readonly string[];
  /** Files of tests, below test/. */
  readonly tests: readonly string[];
}

const FILE = join(import.meta.dirname, '../../interop/duties.json');

export const DUTIES: readonly Duty[] = (
  JSON.parse(readFileSync(FILE, 'utf8')) as { readonly duties: readonly Duty[] }
).duties;

/** `passes`: what became of each case that was run. */
export function verdictOn(one: Duty, passes: ReadonlyMap<string, boolean>): string {
  if (one.cases.length + one.tests.length === 0) return 'FAIL: nothing shows it';
  const unknown = one.cases.filter((id) => !passes.has(id));
  if (unknown.length > 0) return `FAIL: ${unknown.join(', ')} was not run`;
  const failed = one.cases.filter((id) => passes.get(id) === false);
  return failed.length === 0 ? 'pass' : `FAIL: ${failed.join(', ')}`;
}
