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
import { ConsumerFault } from './causes.ts';
import type { Files } from './ports.ts';

/** Its text; undefined when there is none that can be read. */
async function readText(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    // A pipe would have us wait for who writes into it, and a device has no end.
    if (!found.isFile() || found.size > MAX_READ) return undefined;
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
    await rm(fresh, { force: true }).catch(() => {
      // What keeps it from being written may keep it from being removed: that was the first fault.
    });
    throw unwritable(path, error);
  }
}

/** Its directory is made where there is none, for others to read. */
async function openIn(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'w');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    const directory = dirname(path);
    await makeDirectory(directory);
    await chmod(directory, 0o755);
    return await open(path, 'w');
  }
}

/**
 * With all above it that are missing, each tried twice at most. Not `recursive` of Node: under /proc, where a
 * directory cannot be made and is never there, that tries for ever.
 */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return;
    const above = dirname(path);
    if (code !== 'ENOENT' || above === path) throw error;
    await makeDirectory(above);
    await mkdir(path).catch((again: unknown) => {
      // Somebody else made it meanwhile.
      if (codeOf(again) !== 'EEXIST') throw again;
    });
  }
}

async function append(path: string, text: string): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  try {
    if (size + text.length > MAX_APPENDED) throw new Error(`holds ${size} octets already`);
    await appendFile(path, text, { mode: 0o640 });
  } catch (error) {
    throw unwritable(path, error);
  }
}

function unwritable(path: string, error: unknown): ConsumerFault {
  const why = error instanceof Error ? error.message : String(error);
  return new ConsumerFault('consumer.fileUnwritable', `${path} cannot be written: ${why}`);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** A dead letter file that nobody empties must not fill the disk. */
const MAX_APPENDED = 16 * 1024 * 1024;
/** More than any list of ours. */
const MAX_READ = 64 * 1024 * 1024;

export const atomicFiles: Files = { read: readText, write: writeAtomically, append };
