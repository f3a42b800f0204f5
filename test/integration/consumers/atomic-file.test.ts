/** Files on a real disk, and where none can be. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { atomicFiles } from '../../../src/consumers/atomic-file.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trunkd-files-'));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

it('are written whole, into directories that are made', async () => {
  const path = join(directory, 'a/b/c/list');
  await Promise.all([
    atomicFiles.write(path, 'one\n'),
    atomicFiles.write(join(directory, 'a/b/x'), ''),
  ]);
  await atomicFiles.write(path, 'two\n');
  expect(await readFile(path, 'utf8')).toBe('two\n');
  expect(await readdir(join(directory, 'a/b/c'))).toEqual(['list']);
});

it('are refused at once where no directory can be made', async () => {
  await writeFile(join(directory, 'file'), '');
  for (const path of [
    '/proc/nowhere/deep/list',
    '/proc/self/x/list',
    join(directory, 'file/x/list'),
  ]) {
    await expect(atomicFiles.write(path, 'text')).rejects.toMatchObject({
      code: 'consumer.fileUnwritable',
      message: expect.stringContaining(`${path} cannot be written: E`),
    });
  }
});

it('are refused where a directory stands in the place', async () => {
  await expect(atomicFiles.write(join(directory, 'a'), 'text')).rejects.toMatchObject({
    code: 'consumer.fileUnwritable',
  });
  expect((await readdir(directory)).filter((name) => name.endsWith('.new'))).toEqual([]);
});

it('are not waited for when they are pipes, and not read for ever when they are devices', async () => {
  const pipe = join(directory, 'pipe');
  execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', pipe]);
  expect(await atomicFiles.read(pipe)).toBeUndefined();
  expect(await atomicFiles.read('/dev/zero')).toBeUndefined();
  expect(await atomicFiles.read(join(directory, 'nothing'))).toBeUndefined();
});
