/** What people wrote is held against the tree: links, files, scripts, keys, packages, the import table. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { MAY_IMPORT } from '../support/import-fence.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const pages = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
].sort();

const packageJson = JSON.parse(read('package.json')) as Readonly<
  Record<string, Readonly<Record<string, string>> | undefined>
>;

/** `Many at once: now what?` -> `many-at-once-now-what`, as the hosting platforms make anchors. */
function anchorOf(heading: string): string {
  const kept = heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '');
  return kept.replaceAll(' ', '-');
}

const anchorsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

/** Text without its fenced blocks. */
const proseOf = (page: string): string => read(page).replaceAll(/^```[\s\S]*?^```$/gm, '');

/** What is set as code: in backticks, or in a fenced block. */
const codeOf = (page: string): string =>
  [...read(page).matchAll(/^```[\s\S]*?^```$|`[^`\n]+`/gm)].join('\n');

/** The fenced blocks of one language. */
const blocksOf = (page: string, language: string): string[] =>
  [...read(page).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, name, text = '']) =>
    name === language ? [text] : [],
  );

describe('links', () => {
  it('sees the pages', () => {
    for (const page of ['README.md', 'docs/architecture.md', 'docs/decisions/0001-pure-core.md'])
      expect(pages).toContain(page);
  });

  it.each(pages)('of %s lead somewhere', (page) => {
    const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => to);
    const broken = links.filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path));
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

describe('files that are named', () => {
  const FILE = /`((?:src|test|tools|docs|config|systemd|bench|bin|ops)\/[\w./-]+)`/g;

  it.each(pages)('in %s exist', (page) => {
    const named = [...proseOf(page).matchAll(FILE)].map(([, file = '']) => file);
    expect(named.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  it('the RFC map names many', () => {
    const named = [...proseOf('docs/rfc-map.md').matchAll(FILE)];
    expect(named.length).toBeGreaterThan(60);
  });
});

describe('decisions', () => {
  it('give a reason for every package', () => {
    const page = proseOf('docs/decisions/0004-dependencies.md');
    const packages = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) =>
      Object.keys(packageJson[kind] ?? {}),
    );
    expect(packages.length).toBeGreaterThan(10);
    // In the first column of a table: a package that was left out may be named elsewhere.
    const reasoned = [...page.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = '']) => cell).join(' ');
    expect(packages.filter((name) => !reasoned.includes(`\`${name}\``))).toEqual([]);
  });

  it('say context, choice and consequences, on one screen each', () => {
    for (const page of pages.filter((name) => name.startsWith('docs/decisions/'))) {
      const text = read(page);
      for (const part of ['Context', 'Choice', 'Consequences'])
        expect(text, page).toContain(`\n## ${part}\n`);
      expect(text.split('\n').length, page).toBeLessThan(80);
    }
  });
});

describe('commands', () => {
  it.each(pages)('of npm in %s are scripts of package.json', (page) => {
    const own = new Set(['ci', 'install', ...Object.keys(packageJson['scripts'] ?? {})]);
    const named = [...codeOf(page).matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)].map(
      ([, script = '']) => script,
    );
    expect(named.filter((script) => !own.has(script))).toEqual([]);
  });
});

describe('the import table of architecture.md', () => {
  it('is the fence', () => {
    const rows = [...proseOf('docs/architecture.md').matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)];
    const table = Object.fromEntries(
      rows.flatMap(([, folder = '', cell = '']) => {
        if (!(folder in MAY_IMPORT)) return [];
        const names = [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
        return [[folder, names]];
      }),
    );
    expect(table).toEqual(MAY_IMPORT);
  });
});

describe('configurations', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'trunkd-prose-'));
    const [line = ''] = blocksOf('README.md', 'json');
    writeFileSync(join(directory, 'accounts.ndjson'), line);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const snippets = pages.flatMap((page) =>
    blocksOf(page, 'yaml').map((text, index) => [page, index + 1, text] as const),
  );

  it('are there', () => {
    expect(snippets.filter(([page]) => page === 'README.md').length).toBeGreaterThanOrEqual(2);
  });

  it.each(snippets)('of %s, number %i, pass check', async (_, index, text) => {
    const file = join(directory, `snippet-${index}.yaml`);
    writeFileSync(file, text);
    const result = await loadConfig(file, { mode: 'check', env: {} });
    expect(result.ok ? [] : result.problems).toEqual([]);
  });

  it('name every field of the table in the README', async () => {
    const table =
      read('README.md').split('### Coming from IvozProvider')[1]?.split('\n## ')[0] ?? '';
    const keys = [...table.matchAll(/^\|[^|]+\|(.+)\|$/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([\w.]+)`/g)].map(([, key = '']) => key),
    );
    expect(keys.length).toBeGreaterThan(20);
    const reference = read('docs/configuration.md');
    const unknown = keys.filter((key) => !reference.includes(key.split('.').at(-1) ?? key));
    expect(unknown).toEqual([]);
  });
});
