/**
 * `npm run lockfile` after a change of a dependency: refreshes package-lock.json, and completes it.
 * npm leaves an optional package out when the registry does not have it (some mirrors keep only a few
 * platforms), and then `npm ci` refuses the whole file. An entry that names version and platform is
 * enough: on every other platform nobody looks for the package.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Entry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

const FILE = join(import.meta.dirname, '../package-lock.json');
const PLATFORM =
  /(?<os>aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-(?<cpu>[a-z0-9]+)(?:-(?<abi>[a-z]+))?$/;

const install = ['install', '--package-lock-only', '--no-audit', '--no-fund'];
if (spawnSync('npm', install, { stdio: 'inherit' }).status !== 0) {
  process.exitCode = 1;
} else {
  const lock = JSON.parse(readFileSync(FILE, 'utf8')) as { packages: Record<string, Entry> };
  const missing = missingIn(lock.packages);
  const packages = Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  lock.packages = Object.fromEntries(packages);
  writeFileSync(FILE, `${JSON.stringify(lock, undefined, 2)}\n`);
  console.log(`Completed by ${Object.keys(missing).length} entries.`);
}

function missingIn(packages: Readonly<Record<string, Entry>>): Record<string, Entry> {
  const found: Record<string, Entry> = {};
  for (const entry of Object.values(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const path = `node_modules/${name}`;
      if (!(path in packages)) found[path] = platformEntry(name, version, entry.dev === true);
    }
  }
  return found;
}

function platformEntry(name: string, version: string, dev: boolean): Entry {
  const platform = PLATFORM.exec(name)?.groups;
  if (platform === undefined) throw new Error(`For which platform is ${name}?`);
  const { os, cpu, abi = '' } = platform;
  const libc = abi.includes('musl') ? 'musl' : 'glibc';
  return {
    version,
    cpu: [cpu],
    ...(dev && { dev }),
    ...(os === 'linux' && abi !== '' && { libc: [libc] }),
    optional: true,
    os: [os],
  };
}
