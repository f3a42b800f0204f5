/** Standard output: batches, a slow reader, a reader that has gone. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { OutputSink } from '../../../src/daemon/log-sink.ts';

type Done = (error: NodeJS.ErrnoException | null, written: number) => void;

/** A descriptor that takes what it is told to take, when it is told to. */
class FakeOutput {
  readonly chunks: string[] = [];
  #pending: { text: string; done: Done } | undefined;

  readonly write = (
    _fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    _position: null,
    done: Done,
  ): void => {
    this.#pending = { text: buffer.toString('utf8', offset, offset + length), done };
  };

  get isWaiting(): boolean {
    return this.#pending !== undefined;
  }

  /** The kernel takes `octets`, or all. */
  take(octets?: number): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) throw new Error('nothing is being written');
    const taken = pending.text.slice(0, octets);
    this.chunks.push(taken);
    pending.done(null, Buffer.byteLength(taken));
  }

  fail(code: string): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.done(Object.assign(new Error(code), { code }), 0);
  }
}

function aSink(maxBacklog?: number): { sink: OutputSink; output: FakeOutput } {
  const output = new FakeOutput();
  const { write } = output;
  const sink = new OutputSink(1, { write, ...(maxBacklog && { maxBacklog }) });
  return { sink, output };
}

describe('log sink', () => {
  it('writes the lines of one turn at once', async () => {
    const { sink, output } = aSink();
    for (const line of ['a\n', 'b\n', 'c\n']) sink.write(line);
    expect(output.isWaiting).toBe(false);
    await nextTurn();
    output.take();
    expect(output.chunks).toEqual(['a\nb\nc\n']);
  });

  it('gathers what comes while a write is under way, in order', async () => {
    const { sink, output } = aSink();
    sink.write('a\n');
    await nextTurn();
    sink.write('b\n');
    sink.write('c\n');
    await nextTurn();
    output.take();
    output.take();
    expect(output.chunks).toEqual(['a\n', 'b\nc\n']);
  });

  it('goes on where a short write ended', async () => {
    const { sink, output } = aSink();
    sink.write('abcdef\n');
    await nextTurn();
    output.take(2);
    output.take(3);
    output.take();
    expect(output.chunks.join('')).toBe('abcdef\n');
  });

  it('leaves lines out for a reader that is too slow, counts them, and tells later', async () => {
    const { sink, output } = aSink(10);
    const told: number[] = [];
    sink.onCaughtUp = (lines) => told.push(lines);
    sink.write('123456789\n');
    sink.write('too much\n');
    sink.write('too much\n');
    expect(sink.linesDropped).toBe(2);
    await nextTurn();
    expect(told).toEqual([]);
    output.take();
    expect(told).toEqual([2]);
    sink.write('fits\n');
    await nextTurn();
    output.take();
    expect(output.chunks.join('')).toBe('123456789\nfits\n');
    expect(told).toEqual([2]);
  });

  it('flush ends when all is out, and at once when there is nothing', async () => {
    const { sink, output } = aSink();
    await sink.flush(1_000);
    sink.write('a\n');
    let isFlushed = false;
    const flushed = sink.flush(60_000).then(() => {
      isFlushed = true;
    });
    await nextTurn();
    expect(isFlushed).toBe(false);
    output.take();
    await flushed;
    expect(isFlushed).toBe(true);
  });

  it('goes on when a full disk has room again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { sink, output } = aSink();
    sink.write('a\n');
    await nextTurn();
    output.fail('ENOSPC');
    sink.write('b\n');
    await nextTurn();
    expect(output.isWaiting).toBe(false);
    vi.advanceTimersByTime(1_000);
    output.fail('ENOSPC');
    vi.advanceTimersByTime(1_000);
    output.take();
    output.take();
    expect(output.chunks).toEqual(['a\n', 'b\n']);
    expect(sink.linesDropped).toBe(0);
  });

  it('a reader that has gone is no reason to stop, nor to wait', async () => {
    const { sink, output } = aSink();
    sink.write('a\n');
    await nextTurn();
    sink.write('b\n');
    const flushed = sink.flush(60_000);
    output.fail('EPIPE');
    await flushed;
    sink.write('c\n');
    expect(sink.linesDropped).toBe(2);
    expect(output.isWaiting).toBe(false);
  });
});
