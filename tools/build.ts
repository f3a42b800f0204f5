/**
 * Compiles src/ into dist/. The new tree is made beside the old one and takes its place at the end, so
 * that a build that fails, or is cut short, leaves a program that works.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const fresh = join(root, `dist.${process.pid}`);
const old = join(root, `dist.old.${process.pid}`);
const target = join(root, 'dist');

try {
  process.exitCode = compile();
  if (process.exitCode === 0) {
    copyAssets();
    renameOver();
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
  rmSync(old, { recursive: true, force: true });
}

function compile(): number {
  const tsc = join(root, 'node_modules/.bin/tsc');
  const args = ['-p', join(root, 'tools/tsconfig.build.json'), '--outDir', fresh];
  const { status, error } = spawnSync(tsc, args, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  return status ?? 1;
}

/** Whatever lies beside the source and is no source: pages, tables. */
function copyAssets(): void {
  const src = join(root, 'src');
  for (const file of globSync('**/*.{json,html,css,js,svg,yaml,ndjson}', { cwd: src })) {
    if (!file.endsWith('tsconfig.json')) cpSync(join(src, file), join(fresh, file));
  }
}

function renameOver(): void {
  try {
    renameSync(target, old);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  renameSync(fresh, target);
}
