/** `npm ci` is the first step of everybody: what it needs of package.json and package-lock.json. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Entry {
  readonly version?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly os?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [kind: string]: unknown;
}

const ROOT = join(import.meta.dirname, '../..');
const read = (name: string): unknown => JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
const { packages } = read('package-lock.json') as {
  packages: Readonly<Record<string, Entry>>;
};
const manifest = read('package.json') as Readonly<Record<string, Readonly<Record<string, string>>>>;
const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies'] as const;

describe('the lockfile', () => {
  it('says the same as package.json, in exact versions', () => {
    for (const kind of KINDS) {
      expect(packages['']?.[kind]).toEqual(manifest[kind]);
      for (const version of Object.values(manifest[kind] ?? {}))
        expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });

  it('has an entry for every optional package, as npm ci demands (npm run lockfile)', () => {
    const wanted = Object.values(packages).flatMap((one) =>
      Object.keys(one.optionalDependencies ?? {}),
    );
    expect(wanted.length).toBeGreaterThan(20);
    expect(wanted.filter((name) => !(`node_modules/${name}` in packages))).toEqual([]);
  });

  it('pins the content of everything that Linux on x64 or arm64 installs', () => {
    const loose = Object.entries(packages).filter(([path, entry]) => {
      const isOurs = entry.os === undefined || entry.os.includes('linux');
      return path !== '' && isOurs && entry.integrity === undefined;
    });
    const names = loose.map(([path]) => path);
    // Not on every mirror, and for machines that we do not test: see tools/lockfile.ts.
    expect(
      names.filter((name) => !/musl|linux-arm-|arm64-gnu|ppc64|riscv|s390x/.test(name)),
    ).toEqual([]);
  });

  it('runs no install script of a package that production needs', () => {
    const scripts = Object.entries(packages).filter(
      ([, entry]) => entry.hasInstallScript === true && entry.dev !== true,
    );
    expect(scripts).toEqual([]);
  });
});
