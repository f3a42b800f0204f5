/** The main file and what it includes, as one tree, with the place of everything in it. */
import { globSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isMap, Merger } from './merge-sources.ts';
import type { PathStep, ProblemList } from './problem.ts';
import type { YamlAnswer } from './read-yaml.ts';
import { SourceMap } from './source-map.ts';

/** Parses one file; the loader gives a worker thread. */
export type ParseFile = (path: string) => Promise<YamlAnswer>;

/** What was read; `root` is a tree of plain values that no schema has seen. */
export interface Sources {
  readonly root: unknown;
  readonly files: readonly string[];
  readonly map: SourceMap;
  /** False when a file could not be read or parsed; its problems are told already. */
  readonly isWhole: boolean;
}

/** Reads everything; problems of syntax go into the list. */
export async function readSources(
  path: string,
  parse: ParseFile,
  problems: ProblemList,
): Promise<Sources> {
  const map = new SourceMap();
  const files = [path];
  const readFile = async (file: string): Promise<{ readonly value: unknown } | undefined> => {
    const answer = await parse(resolve(file));
    const start = { file, line: 1, column: 1 };
    if (answer.kind === 'unreadable') {
      problems.add({ ...start, ...answer.at }, { path: [], text: `the file ${answer.reason}` });
      return undefined;
    }
    for (const { line, column, path: steps, text } of answer.parsed.problems) {
      problems.add({ file, line, column }, { path: steps, text });
    }
    map.add(file, answer.parsed);
    return answer.parsed.problems.length === 0 ? { value: answer.parsed.value ?? {} } : undefined;
  };
  const main = await readFile(path);
  if (main === undefined) return { root: undefined, files, map, isWhole: false };
  const parts: unknown[] = [main.value];
  let isWhole = true;
  for (const file of includedFiles(path, main.value, map, problems)) {
    files.push(file);
    const part = await readFile(file);
    if (part === undefined) isWhole = false;
    else parts.push(part.value);
  }
  const root = parts.length === 1 ? main.value : new Merger(map, problems).merge(parts);
  return { root, files, map, isWhole };
}

/** The files behind `include`; its type is the schema's business. */
function includedFiles(
  path: string,
  root: unknown,
  map: SourceMap,
  problems: ProblemList,
): readonly string[] {
  const include = isMap(root) ? root['include'] : undefined;
  const patterns: readonly unknown[] = Array.isArray(include) ? include : [include];
  const found = new Set<string>();
  for (const [index, pattern] of patterns.entries()) {
    const files = filesOf(pattern, dirname(path));
    for (const file of files ?? []) found.add(file);
    if (files !== undefined) continue;
    const steps: PathStep[] = Array.isArray(include) ? ['include', index] : ['include'];
    const place = map.place(root, steps, false) ?? { file: path, line: 1, column: 1 };
    problems.add(place, { path: steps, text: 'there is no such file' });
  }
  const others = [...found].filter((file) => resolve(file) !== resolve(path));
  return others.slice(0, MAX_INCLUDED);
}

/** The files that a pattern stands for; undefined where it is no pattern and there is no file. */
function filesOf(pattern: unknown, directory: string): readonly string[] | undefined {
  if (typeof pattern !== 'string' || pattern === '' || pattern.length > 4096) return [];
  if (pattern.includes('\0')) return [];
  const names = globSync(pattern, { cwd: resolve(directory) }).toSorted();
  if (names.length === 0 && !/[*?[{]/.test(pattern)) return undefined;
  return names.map((name) => (name.startsWith('/') ? name : join(directory, name)));
}

const MAX_INCLUDED = 10_000;
