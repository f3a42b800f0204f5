/** The import fence of docs/architecture.md as a table, and a reader of import statements for it. */
import { dirname, join, normalize } from 'node:path';

/**
 * Folder -> what it may import besides itself. `type:` in front: with `import type` only.
 * `node:*` is any module of Node. What is missing here is forbidden.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'core/base': [],
  'core/sip': ['core/base'],
  'core/registration': ['core/base', 'core/sip'],
  'core/health': ['core/base', 'core/sip'],
  'core/routing': ['core/base', 'core/sip', 'type:core/health'],
  config: [
    'core/base',
    'core/sip',
    'type:core/registration',
    'type:core/health',
    'node:fs',
    'node:fs/promises',
    'node:path',
    'node:worker_threads',
    'yaml',
    'zod',
  ],
  net: ['core/base', 'core/sip', 'node:*', 'dns-packet'],
  state: ['core/base', 'core/sip', 'node:*'],
  observe: [
    'core/base',
    'type:core/sip',
    'type:core/registration',
    'type:core/health',
    'node:fs',
    'pino',
    'prom-client',
  ],
  consumers: ['core/base', 'core/routing', 'type:core/registration', 'type:core/health', 'node:*'],
  http: [
    'core/base',
    'observe',
    'fastify',
    '@fastify/swagger',
    'fastify-type-provider-zod',
    'zod',
    'node:crypto',
    'node:http',
  ],
  daemon: [
    'core/base',
    'core/sip',
    'core/registration',
    'core/health',
    'core/routing',
    'config',
    'net',
    'state',
    'observe',
    'consumers',
    'http',
    'node:*',
    'node-unix-socket',
  ],
  cli: ['core/base', 'core/sip', 'config', 'daemon', 'net', 'node:*', 'commander'],
  '.': ['cli', 'node:*'],
};

/** `src/core/sip/header/via.ts` -> `core/sip`; `src/net/udp.ts` -> `net`; `src/main.ts` -> `.` */
export function folderOf(path: string): string {
  const [top, first = '.', second = '.'] = dirname(normalize(path)).split('/');
  if (top !== 'src') return `outside (${path})`;
  return first === 'core' ? `core/${second}` : first;
}

export interface Import {
  /** Undefined: computed while running, which nobody can check. */
  readonly specifier: string | undefined;
  readonly isTypeOnly: boolean;
}

/** Every import, export-from, dynamic import, import type and require of a formatted source file. */
export function importsOf(text: string): Import[] {
  const found: Import[] = [];
  for (const match of text.matchAll(STATIC)) {
    const specifier = match[1] ?? match[2];
    found.push({ specifier, isTypeOnly: isTypeStatement(text, match.index, match[0]) });
  }
  for (const match of text.matchAll(DYNAMIC))
    found.push({ specifier: match[2], isTypeOnly: false });
  for (const _ of text.matchAll(REQUIRE)) found.push({ specifier: undefined, isTypeOnly: false });
  return found;
}

/** The line that names the module may be the last of several; the word `type` stands in the first. */
function isTypeStatement(text: string, at: number, line: string): boolean {
  const isFirst = /^\s*(?:import|export)\b/.test(line);
  const before = text.slice(0, at);
  const first = Math.max(before.lastIndexOf('\nimport '), before.lastIndexOf('\nexport '));
  return /^\s*(?:import|export)\s+type\b/.test(isFirst ? line : text.slice(first));
}

/** What a file imports and must not, in words; `file` counts from the root of the project. */
export function violationsOf(file: string, text: string): readonly string[] {
  const from = folderOf(file);
  const allowed = [from, ...(MAY_IMPORT[from] ?? [])];
  const isPlanned = from in MAY_IMPORT;
  return importsOf(`\n${text}`)
    .filter((one) => !isPlanned || !isAllowed(one, allowed, file))
    .map(({ specifier = 'something computed' }) => `${file} (${from}) imports ${specifier}`);
}

function isAllowed(one: Import, allowed: readonly string[], file: string): boolean {
  const { specifier } = one;
  if (specifier === undefined) return false;
  const isRelative = specifier.startsWith('.');
  const to = isRelative ? folderOf(join(dirname(file), specifier)) : specifier;
  if (allowed.includes(to)) return true;
  if (one.isTypeOnly && allowed.includes(`type:${to}`)) return true;
  return to.startsWith('node:') && allowed.includes('node:*');
}

/** `import 'x'`, or the line of an import or export statement that ends `from 'x'`, as the formatter leaves it. */
const STATIC =
  /^[ \t]*(?:import\s*['"]([^'"\n]+)['"]|(?:import\b|export\b|\}|(?=from\b)).*?\bfrom\s*['"]([^'"\n]+)['"][ \t]*;?[ \t]*(?:with\b.*|\/[/*].*)?$)/gm;
const DYNAMIC = /\bimport\s*\(\s*(?:(['"])([^'"\n]*)\1)?/g;
const REQUIRE = /\brequire\s*\(|\bcreateRequire\b/g;
