/** Files that others read at any moment: they see the old one or the new one, whole, also after a crash. */
import {
  appendFile,
  chmod,
  type FileHandle,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Files } from './ports.ts';

/** Its text; undefined when there is none that can be read. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // Not there, or not for us: the next write tells.
    return undefined;
  }
}

/** Rejects when the file cannot be written; nothing is left behind then. */
async function writeAtomically(path: string, text: string): Promise<void> {
  const fresh = `${path}.${process.pid}.new`;
  try {
    const file = await openIn(fresh);
    try {
      await file.writeFile(text);
      // A proxy runs as somebody else, and reads it, whatever our umask is.
      await file.chmod(0o644);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

/** Its directory is made where there is none, for others to read. */
async function openIn(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'w');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    const directory = dirname(path);
    await mkdir(directory, { recursive: true });
    await chmod(directory, 0o755);
    return await open(path, 'w');
  }
}

async function append(path: string, text: string): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size + text.length > MAX_APPENDED) throw new Error(`holds ${size} octets already`);
  await appendFile(path, text, { mode: 0o640 });
}

/** A dead letter file that nobody empties must not fill the disk. */
const MAX_APPENDED = 16 * 1024 * 1024;

export const atomicFiles: Files = { read: readText, write: writeAtomically, append };
