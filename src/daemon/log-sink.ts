/**
 * Standard output for log lines. Lines are gathered and written once per turn of the event loop, off
 * the loop's thread: a reader that is slow, or a full disk, never stops SIP, and the log goes on when
 * the disk has room again. What does not fit into the backlog is counted and left out.
 */
import { write } from 'node:fs';
import type { LogSink } from '../observe/log.ts';

/** Characters that may wait for a slow reader. */
const MAX_BACKLOG = 16 * 1024 * 1024;
/** Written at once; a larger piece would only be held longer. */
const MAX_CHUNK = 1024 * 1024;
/** Pause when the descriptor is non-blocking and full. */
const RETRY_MS = 20;
/** Pause when the disk is full or fails. */
const DISK_RETRY_MS = 1_000;

/** The reader has gone, or there was none: these do not pass. All else (ENOSPC, EIO ...) may. */
const FINAL_ERRORS = new Set(['EPIPE', 'EBADF', 'ECONNRESET']);

type Write = (
  fd: number,
  buffer: Buffer,
  offset: number,
  length: number,
  position: null,
  done: (error: NodeJS.ErrnoException | null, written: number) => void,
) => void;

export class OutputSink implements LogSink {
  readonly #fd: number;
  readonly #write: Write;
  readonly #maxBacklog: number;
  #backlog: string[] = [];
  #backlogLength = 0;
  #inFlight: Buffer | undefined;
  #offset = 0;
  #isScheduled = false;
  #isBroken = false;
  #linesDropped = 0;
  #untold = 0;
  #idle: (() => void)[] = [];
  /** Told, once the reader has caught up, how many lines were left out. */
  onCaughtUp: ((linesDropped: number) => void) | undefined;

  constructor(fd: number, options: { readonly write?: Write; readonly maxBacklog?: number } = {}) {
    this.#fd = fd;
    this.#write = options.write ?? write;
    this.#maxBacklog = options.maxBacklog ?? MAX_BACKLOG;
  }

  /** Lines left out since the start. */
  get linesDropped(): number {
    return this.#linesDropped;
  }

  write(line: string): void {
    if (this.#isBroken || this.#backlogLength + line.length > this.#maxBacklog) {
      this.#linesDropped += 1;
      this.#untold += 1;
      return;
    }
    this.#backlog.push(line);
    this.#backlogLength += line.length;
    if (this.#isScheduled || this.#inFlight !== undefined) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#next();
    });
  }

  /** Ends when everything is written, or after `timeoutMs` when the reader does not take it. */
  flush(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isIdle) {
        resolve();
        return;
      }
      const timer = setTimeout(resolve, timeoutMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  get #isIdle(): boolean {
    return this.#isBroken || (this.#inFlight === undefined && this.#backlog.length === 0);
  }

  /** Starts to write what has gathered, unless something is being written. */
  #next(): void {
    if (this.#inFlight !== undefined) return;
    if (this.#isIdle) {
      this.#caughtUp();
      return;
    }
    let count = 0;
    let length = 0;
    while (count < this.#backlog.length && length < MAX_CHUNK) {
      length += this.#backlog[count]?.length ?? 0;
      count += 1;
    }
    const lines = count === this.#backlog.length ? this.#backlog : this.#backlog.slice(0, count);
    this.#backlog = count === this.#backlog.length ? [] : this.#backlog.slice(count);
    this.#backlogLength -= length;
    this.#inFlight = Buffer.from(lines.join(''), 'utf8');
    this.#offset = 0;
    this.#push();
  }

  #push(): void {
    const buffer = this.#inFlight;
    if (buffer === undefined) return;
    const left = buffer.length - this.#offset;
    this.#write(this.#fd, buffer, this.#offset, left, null, (error, written) => {
      if (error === null) this.#written(buffer, written);
      else if (error.code === 'EAGAIN') setTimeout(() => this.#push(), RETRY_MS);
      else if (FINAL_ERRORS.has(error.code ?? '')) this.#break();
      else setTimeout(() => this.#push(), DISK_RETRY_MS).unref();
    });
  }

  #written(buffer: Buffer, written: number): void {
    this.#offset += written;
    if (this.#offset < buffer.length) {
      this.#push();
      return;
    }
    this.#inFlight = undefined;
    this.#next();
  }

  #caughtUp(): void {
    const untold = this.#untold;
    this.#untold = 0;
    if (untold > 0) this.onCaughtUp?.(untold);
    for (const tell of this.#idle.splice(0)) tell();
  }

  /** Nobody reads any more (EPIPE): the daemon goes on without a log rather than not at all. */
  #break(): void {
    this.#isBroken = true;
    this.#linesDropped += this.#backlog.length;
    this.#backlog = [];
    this.#backlogLength = 0;
    this.#inFlight = undefined;
    for (const tell of this.#idle.splice(0)) tell();
  }
}
