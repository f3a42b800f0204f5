/** One reload at a time, and one more for all who asked meanwhile. */
import { describe, expect, it } from 'vitest';
import { ReloadQueue } from '../../../src/daemon/reload-queue.ts';

/** A reload whose ends are in the hands of the test. */
function aQueue() {
  const started: boolean[] = [];
  const ends: PromiseWithResolvers<string>[] = [];
  const queue = new ReloadQueue<string>((isForced) => {
    started.push(isForced);
    const end = Promise.withResolvers<string>();
    ends.push(end);
    return end.promise;
  });
  return { queue, started, end: (index: number) => ends[index] as PromiseWithResolvers<string> };
}

describe('reload queue', () => {
  it('starts at once when idle, and hands the report on', async () => {
    const { queue, started, end } = aQueue();
    const report = queue.ask(false);
    expect(started).toEqual([false]);
    end(0).resolve('done');
    expect(await report).toBe('done');
  });

  it('three that ask while one runs get one more, together', async () => {
    const { queue, started, end } = aQueue();
    const first = queue.ask(false);
    const later = [queue.ask(false), queue.ask(true), queue.ask(false)];
    expect(started).toHaveLength(1);
    end(0).resolve('one');
    expect(await first).toBe('one');
    // The one who forces speaks for all who wait.
    expect(started).toEqual([false, true]);
    end(1).resolve('two');
    expect(await Promise.all(later)).toEqual(['two', 'two', 'two']);
    expect(started).toHaveLength(2);
  });

  it('goes on after one that failed', async () => {
    const { queue, started, end } = aQueue();
    const first = queue.ask(false);
    const second = queue.ask(false);
    end(0).reject(new Error('broken'));
    await expect(first).rejects.toThrow('broken');
    end(1).resolve('fine');
    expect(await second).toBe('fine');
    const third = queue.ask(false);
    expect(started).toHaveLength(3);
    end(2).resolve('idle again');
    expect(await third).toBe('idle again');
  });
});
