/**
 * The house rules that no linter knows: who may import whom (design of the layers, docs/architecture.md),
 * where the process may end, how long a file may be. Proved against planted violations below.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderOf, importsOf, MAY_IMPORT, violationsOf } from '../support/import-fence.ts';

const ROOT = join(import.meta.dirname, '../..');

function typescriptIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => join(folder, name))
    .sort();
}

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const source = typescriptIn('src');
const everything = ['src', 'test', 'tools', 'bench'].flatMap(typescriptIn);

describe('import fence', () => {
  it('sees the source, each folder of it, and its imports', () => {
    expect(source.length).toBeGreaterThan(25);
    const seen = new Set(source.map(folderOf));
    expect([...seen].filter((folder) => !(folder in MAY_IMPORT))).toEqual([]);
    for (const folder of ['core/base', 'core/sip', 'core/registration', 'core/health', 'config'])
      expect(seen).toContain(folder);
    for (const folder of ['net', 'observe', 'http', 'daemon', 'cli', '.'])
      expect(seen).toContain(folder);
    const imports = source.flatMap((file) => importsOf(read(file)));
    expect(imports.length).toBeGreaterThan(source.length);
  });

  it('holds in every file', () => {
    expect(source.flatMap((file) => violationsOf(file, read(file)))).toEqual([]);
  });
});

describe('import fence, planted violations', () => {
  let planted: string;
  beforeAll(() => {
    planted = mkdtempSync(join(tmpdir(), 'trunkd-fence-'));
  });
  afterAll(() => rmSync(planted, { recursive: true }));

  /** Writes the file as a tree would hold it, and judges what was read back. */
  function judge(file: string, text: string): readonly string[] {
    const path = join(planted, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return violationsOf(file, readFileSync(path, 'utf8'));
  }

  const BASE = 'src/core/base/ring.ts';
  const SIP = 'src/core/sip/message/message.ts';
  it.each([
    ['a value', BASE, "import { parse } from '../sip/message/parse.ts';"],
    ['a type', BASE, "import type { Flow } from '../sip/transport/ports.ts';"],
    ['an inline type', BASE, "import { type Flow } from '../sip/transport/ports.ts';"],
    ['a bare import', BASE, "import '../sip/message/parse.ts';"],
    ['a bare package', SIP, "import 'pino';"],
    ['several lines', SIP, "import {\n  a,\n  b,\n} from '../../registration/keeper.ts';"],
    [
      'a comment between',
      SIP,
      "import {\n  a, // it's; (odd)\n  b,\n} from '../../health/prober.ts';",
    ],
    ['a re-export', SIP, "export { a } from '../../health/prober.ts';"],
    ['a re-export of all', SIP, "export * from '../../health/prober.ts';"],
    ['a namespace', SIP, "import * as fs from 'node:fs';"],
    ['a default', SIP, "import pino from 'pino';"],
    ['a dynamic import', SIP, "const a = await import('../../../net/udp.ts');"],
    ['a dynamic import, spread out', SIP, "const a = await import(\n  'node:net'\n);"],
    ['a computed import', SIP, 'const a = await import(name);'],
    ['an imported type in place', SIP, "let a: import('node:net').Socket;"],
    ['require', 'src/net/udp.ts', "const a = require('x');"],
    ['a node module in the core', SIP, "import { createHash } from 'node:crypto';"],
    [
      'health from registration',
      'src/core/registration/keeper.ts',
      "import type { V } from '../health/verdict.ts';",
    ],
    [
      'an edge from the core',
      'src/core/health/prober.ts',
      "import { udp } from '../../net/udp.ts';",
    ],
    ['sockets from config', 'src/config/load.ts', "import { connect } from 'node:net';"],
    [
      'the keeper from http',
      'src/http/app.ts',
      "import { k } from '../core/registration/keeper.ts';",
    ],
    [
      'a keeper value where types may go',
      'src/observe/log.ts',
      "import { k } from '../core/registration/keeper.ts';",
    ],
    ['the daemon from an edge', 'src/net/udp.ts', "import { run } from '../daemon/run.ts';"],
    ['an unknown package', 'src/net/udp.ts', "import x from 'lodash';"],
    ['a folder that nobody planned', 'src/utils/x.ts', "import { a } from '../core/base/ring.ts';"],
    ['out of the source', 'src/cli/main.ts', "import { a } from '../../test/support/x.ts';"],
  ])('%s', (_, file, text) => {
    expect(judge(file, `/** Head. */\n${text}\n`)).toHaveLength(1);
  });

  it('lets through what is allowed', () => {
    const text = [
      "import { assert } from '../../base/assert.ts';",
      "import type { Flow } from '../transport/ports.ts';",
      "export type { Fault } from '../../base/fault.ts';",
      "const cause = 'no answer from the far side';",
      '/** Not an import from "elsewhere". */',
    ].join('\n');
    expect(judge(SIP, text)).toEqual([]);
    const types = "import type { RegistrationEvent } from '../core/registration/events.ts';";
    expect(judge('src/observe/log.ts', types)).toEqual([]);
  });
});

describe('house rules', () => {
  /** A rule is a pattern, and the files that may hold it. */
  const rules: readonly (readonly [name: string, pattern: RegExp, may: readonly string[]])[] = [
    ['only main.ts ends the process', /\bprocess\.(?:exit|abort|reallyExit)\b/, ['src/main.ts']],
    ['no certificate goes unchecked', /rejectUnauthorized['"]?\s*:\s*false/, []],
    ['no look-up on the thread pool', /\bdns\.lookup\b|\blookup\b[^;]*from 'node:dns/, []],
    ['no code from text', /\beval\s*\(|\bnew\s+Function\s*\(/, []],
    ['no silenced checker', /@ts-(?:ignore|nocheck|expect-error)/, []],
    ['no swallowed error', /catch\s*(?:\([^)]*\))?\s*\{\s*\}/, []],
  ];
  /** Without the lines of comments, which may name what the code must not do. */
  const code = (file: string): string =>
    read(file).replaceAll(/^\s*(?:\/?\*|\/\/(?! @ts)).*$/gm, '');

  it.each(rules)('%s', (_, pattern, may) => {
    const offenders = source.filter((file) => !may.includes(file) && pattern.test(code(file)));
    expect(offenders).toEqual([]);
  });

  it.each([
    ['process.exit(1);', 0],
    ['const o = { rejectUnauthorized: false };', 1],
    ["dns.lookup('a', done);", 2],
    ["import { lookup } from 'node:dns';", 2],
    ["eval('1');", 3],
    ['// @ts-ignore', 4],
    ['try { a(); } catch {}', 5],
  ])('sees %s', (text, index) => {
    expect(rules[index]?.[1].test(text)).toBe(true);
  });

  it('every file is short enough to be read', () => {
    const lines = everything.map(
      (file) => [file, read(file).trimEnd().split('\n').length] as const,
    );
    expect(lines.filter(([, count]) => count > 400)).toEqual([]);
  });
});
