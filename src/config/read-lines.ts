import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { READ, whyUnreadable } from './secrets.ts';

/** A file that is read line by line, in chunks, from a slice of work to the next. */
export class LineReader {
  readonly #descriptor: number;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #rest: Buffer = Buffer.alloc(0);
  #isAtEnd = false;
  #lineNumber = 0;
  #failure: string | undefined;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** The reader, or why the file cannot be read. Whoever opens it closes it. */
  static open(path: string): LineReader | string {
    let descriptor: number;
    try {
      descriptor = openSync(path, READ);
    } catch (error) {
      return whyUnreadable(error);
    }
    const stat = fstatSync(descriptor);
    if (stat.isFile() && stat.size <= MAX_BYTES) return new LineReader(descriptor);
    closeSync(descriptor);
    return stat.isFile() ? 'is larger than 1 GiB' : 'is not a regular file';
  }

  /** Number of the line that `next` returned last, from 1. */
  get lineNumber(): number {
    return this.#lineNumber;
  }

  /** Why reading ended before the end of the file; undefined when it did not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** The next line without its end; undefined after the last. A byte order mark is left out. */
  next(): string | undefined {
    for (;;) {
      const end = this.#rest.indexOf(NEWLINE);
      if (end >= 0) {
        const line = this.#text(end);
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      if (this.#isAtEnd || this.#rest.length > MAX_LINE_BYTES) break;
      this.#fill();
    }
    if (this.#rest.length === 0) return undefined;
    const line = this.#text(this.#rest.length);
    this.#rest = this.#rest.subarray(this.#rest.length);
    return line;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #text(length: number): string {
    this.#lineNumber += 1;
    const isFirst = this.#lineNumber === 1;
    const hasMark = isFirst && this.#rest.subarray(0, 3).equals(BYTE_ORDER_MARK);
    return this.#rest.toString('utf8', hasMark ? 3 : 0, length);
  }

  #fill(): void {
    let count = 0;
    try {
      count = readSync(this.#descriptor, this.#chunk, 0, CHUNK_BYTES, null);
    } catch (error) {
      this.#failure = whyUnreadable(error);
    }
    this.#isAtEnd = count === 0;
    // A copy each time, so that a line never sees the next chunk.
    this.#rest = Buffer.concat([this.#rest, this.#chunk.subarray(0, count)]);
  }
}

const NEWLINE = 0x0a;
const CHUNK_BYTES = 65_536;
const MAX_BYTES = 1024 * 1024 * 1024;
/** A line that never ends is handed out in pieces of this size, and each is refused. */
const MAX_LINE_BYTES = 4 * CHUNK_BYTES;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
