import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { loadConfig } from '../../../src/config/load.ts';
import { aboutOf } from '../../../src/config/schema/about.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { generateConfigDocs } from '../../../tools/generate-config-docs.ts';
import { parseOnTheSpot, problemsOf } from '../../support/config/load-text.ts';

const EXAMPLE = fileURLToPath(new URL('../../../config/example.yaml', import.meta.url));
const MINIMAL = fileURLToPath(new URL('../../../config/minimal.yaml', import.meta.url));

interface Key {
  readonly name: string;
  readonly about: ReturnType<typeof aboutOf>;
}

/** Every key of the schema, with what is said about it. */
function keysOf(schema: z.core.$ZodType, found: Key[] = []): Key[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'optional') return keysOf(def.innerType, found);
  if (def.type === 'array') return keysOf(def.element, found);
  if (def.type === 'record') return keysOf(def.valueType, found);
  if (def.type === 'union') {
    if (def.options.length < 3) for (const option of def.options) keysOf(option, found);
    return found;
  }
  if (def.type !== 'object') return found;
  for (const [name, child] of Object.entries(def.shape)) {
    found.push({ name, about: aboutOf(child) });
    keysOf(child, found);
  }
  return found;
}

describe('generated files', () => {
  test.each([...generateConfigDocs()])('%s is what the schema gives', (file, text) => {
    expect(existsSync(file), 'run: node tools/generate-config-docs.ts').toBe(true);
    expect(readFileSync(file, 'utf8') === text, 'run: node tools/generate-config-docs.ts').toBe(
      true,
    );
  });

  test('every key is described', () => {
    const bare = keysOf(configSchema).filter(({ about }) => (about.description ?? '') === '');
    expect(bare.map(({ name }) => name)).toEqual([]);
  });
});

describe('the examples', () => {
  test.each([EXAMPLE, MINIMAL])(
    '%s passes a check on a machine without its files',
    async (path) => {
      const result = await loadConfig(path, { mode: 'check', env: {}, parseFile: parseOnTheSpot });
      expect(problemsOf(result)).toEqual([]);
    },
  );

  test('example.yaml shows every key', () => {
    const text = readFileSync(EXAMPLE, 'utf8');
    for (const { name } of keysOf(configSchema)) {
      expect(new RegExp(`\\b${name}\\b`).test(text), name).toBe(true);
    }
  });
});
