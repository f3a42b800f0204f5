import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { parseOnTheSpot, problemsOf } from '../../support/config/load-text.ts';

const VECTORS = fileURLToPath(new URL('../../vectors/', import.meta.url));

function vectorsIn(folder: string): readonly string[] {
  return readdirSync(`${VECTORS}${folder}`).filter((name) => name.endsWith('.yaml'));
}

function load(folder: string, name: string) {
  const path = `${VECTORS}${folder}/${name}`;
  return loadConfig(path, { mode: 'run', env: {}, parseFile: parseOnTheSpot });
}

describe('bad configurations: exactly the problems that the file names', () => {
  test.each(vectorsIn('config-bad'))('%s', async (name) => {
    const text = readFileSync(`${VECTORS}config-bad/${name}`, 'utf8');
    const expected = [...text.matchAll(/^# problem: (.*)$/gm)].map((match) => match[1]);
    expect(expected.length).toBeGreaterThan(0);

    const problems = problemsOf(await load('config-bad', name));

    const short = problems.map((problem) =>
      problem.replaceAll(`${VECTORS}config-bad/`, '').replace(new RegExp(`^${name}:`), ''),
    );
    expect(short).toEqual(expected);
  });
});

describe('good configurations load', () => {
  test.each(vectorsIn('config-good'))('%s', async (name) => {
    expect(problemsOf(await load('config-good', name))).toEqual([]);
  });
});
