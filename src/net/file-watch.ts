/** A small file of the system that may change at any time: looked at when it is needed, read when it is another. */
import { readFileSync, type Stats, statSync } from 'node:fs';

export class FileWatch {
  readonly #path: string;
  readonly #maxOctets: number;
  #version: string | undefined;
  #wasRead = false;

  constructor(path: string, maxOctets: number) {
    this.#path = path;
    this.#maxOctets = maxOctets;
  }

  /**
   * The text, when it is another than at the last call; undefined: it is the same. What is not there, is no
   * file, or is too large counts as empty. What cannot be read just now (no descriptor left, no leave) counts
   * as unchanged, and as empty as long as nothing has been read; it is tried again at the next call.
   */
  changed(): string | undefined {
    const stat = statOf(this.#path);
    const version = stat === undefined ? '' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
    if (version === this.#version) return undefined;
    const isReadable = stat?.isFile() === true && stat.size <= this.#maxOctets;
    const text = isReadable ? textOf(this.#path) : '';
    if (text === undefined) return this.#wasRead ? undefined : '';
    this.#version = version;
    this.#wasRead = true;
    return text;
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // A directory on its way that may not be entered, a circle of links: as good as not there.
    return undefined;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
