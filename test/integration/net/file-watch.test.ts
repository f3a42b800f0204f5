/** Files of the system that cannot be read for a moment: what was read before still holds. */
import { renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileWatch } from '../../../src/net/file-watch.ts';
import { ownDirectory, run } from '../../support/processes.ts';

const WATCH = join(import.meta.dirname, '../../../src/net/file-watch.ts');
/** Runs with few descriptors, so that the file cannot be opened while all of them are in use. */
const WITHOUT_DESCRIPTORS = `
  import { closeSync, openSync } from 'node:fs';
  import { FileWatch } from ${JSON.stringify(WATCH)};
  const [, , path] = process.argv;
  const seen = [];
  const held = [];
  const exhaust = () => {
    try {
      for (;;) held.push(openSync('/dev/null'));
    } catch (error) {
      seen.push(error.code);
    }
  };
  const release = () => {
    for (const descriptor of held.splice(0)) closeSync(descriptor);
  };
  const early = new FileWatch(path, 100);
  const late = new FileWatch(path, 100);
  seen.push(late.changed());
  exhaust();
  seen.push(early.changed());
  release();
  seen.push(early.changed(), late.changed());
  console.log(JSON.stringify(seen));
`;

describe('a file that is watched', () => {
  let own: ReturnType<typeof ownDirectory>;
  let path: string;

  beforeEach(() => {
    own = ownDirectory('file-watch');
    path = join(own.path, 'file');
    writeFileSync(path, 'one');
  });

  afterEach(() => own.remove());

  /** In its place from one moment to the next, as administrators' tools do it. */
  function replacedBy(make: (fresh: string) => void): void {
    const fresh = join(own.path, 'fresh');
    make(fresh);
    renameSync(fresh, path);
  }

  it('is told once for each change', () => {
    const watch = new FileWatch(path, 3);
    expect([watch.changed(), watch.changed()]).toEqual(['one', undefined]);
    replacedBy((fresh) => writeFileSync(fresh, 'two'));
    expect([watch.changed(), watch.changed()]).toEqual(['two', undefined]);
    replacedBy((fresh) => writeFileSync(fresh, 'large'));
    expect([watch.changed(), watch.changed()]).toEqual(['', undefined]);
  });

  it('stands as it was while it cannot be read', () => {
    const watch = new FileWatch(path, 100);
    expect(watch.changed()).toBe('one');
    // A file for stat(2), and an error for whoever reads it from its begin.
    replacedBy((fresh) => symlinkSync('/proc/self/mem', fresh));
    expect([watch.changed(), watch.changed()]).toEqual([undefined, undefined]);
    replacedBy((fresh) => writeFileSync(fresh, 'two'));
    expect(watch.changed()).toBe('two');
  });

  it('is not there where the way to it is a circle', () => {
    const watch = new FileWatch(path, 100);
    expect(watch.changed()).toBe('one');
    replacedBy((fresh) => symlinkSync('file', fresh));
    expect(watch.changed()).toBe('');
  });

  it('is read as soon as there is a descriptor again', async () => {
    const script = join(own.path, 'script.mts');
    writeFileSync(script, WITHOUT_DESCRIPTORS);
    const limited = 'ulimit -n 60; exec "$0" "$@"';
    const seen = await run('sh', ['-c', limited, process.execPath, script, path]);
    expect(JSON.parse(seen)).toEqual(['one', 'EMFILE', '', 'one', null]);
  });
});
