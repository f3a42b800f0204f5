/** Files that others read at any moment: they see the old one or the new one, whole, also after a crash. */
import { appendFile, open, readFile, rename, rm, stat } from 'node:fs/promises';
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
    const file = await open(fresh, 'w', 0o644);
    try {
      await file.writeFile(text);
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
