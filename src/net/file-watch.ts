/** A small file of the system that may change at any time: looked at when it is needed, read when it is another. */
import { readFileSync, statSync } from 'node:fs';

export class FileWatch {
  readonly #path: string;
  readonly #maxOctets: number;
  #version: string | undefined;

  constructor(path: string, maxOctets: number) {
    this.#path = path;
    this.#maxOctets = maxOctets;
  }

  /**
   * The text, when it is another than at the last call; undefined: it is the same. What is not there, is no
   * file, is too large or cannot be read just now counts as empty.
   */
  changed(): string | undefined {
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    const version = stat === undefined ? '' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
    if (version === this.#version) return undefined;
    this.#version = version;
    const isReadable = stat?.isFile() === true && stat.size <= this.#maxOctets;
    return isReadable ? textOf(this.#path) : '';
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
