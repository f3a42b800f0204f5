/** Loads configurations from texts, without files and without a thread. */
import { readFileSync } from 'node:fs';
import type { DaemonSpec } from '../../../src/config/daemon-spec.ts';
import { type LoadOptions, type LoadResult, loadConfig } from '../../../src/config/load.ts';
import { parseYaml } from '../../../src/config/parse-yaml.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import type { ParseFile } from '../../../src/config/sources.ts';

/** Parses on the spot what the loader otherwise gives to its thread. */
export const parseOnTheSpot: ParseFile = (path) =>
  Promise.resolve({ kind: 'parsed', parsed: parseYaml(readFileSync(path, 'utf8')) });

/** Loads the text as the file `trunkd.yaml`. */
export function loadText(text: string, options: Partial<LoadOptions> = {}): Promise<LoadResult> {
  const parseFile: ParseFile = () => Promise.resolve({ kind: 'parsed', parsed: parseYaml(text) });
  return loadConfig('trunkd.yaml', { mode: 'run', env: {}, parseFile, ...options });
}

/** The spec of a text that has no problems; otherwise an error that lists them. */
export async function specOf(
  text: string,
  options: Partial<LoadOptions> = {},
): Promise<DaemonSpec> {
  const result = await loadText(text, options);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.spec;
}

/** `line:column: text` of each problem; empty when there is none. */
export function problemsOf(result: LoadResult): readonly string[] {
  return result.ok ? [] : result.problems.map(formatProblem);
}
