/** What `npm start` shows, from outside: the demo as a program, judged by what it prints and leaves. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually, Running } from '../support/processes.ts';
import { BIN } from '../support/trunkd.ts';

const REGISTRATIONS = 6;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

/** What stands behind a label of the introduction, once it is printed. */
async function printed(demo: Running, pattern: RegExp): Promise<string> {
  let found: string | undefined;
  await demo.until(() => {
    found = demo.stdout.map((line) => pattern.exec(line)?.[1]).find((one) => one !== undefined);
    return found !== undefined;
  }, 60_000);
  return found ?? '';
}

describe('trunkd demo', () => {
  it('registers everything, and shows the failing server disabled and enabled again', async () => {
    const args = ['demo', '--for', '40', '--outage', '14', '--every', '24'];
    const demo = new Running({ command: BIN, args, cwd: '/' });
    const config = await printed(demo, /its config +(\S+)/);
    const daemon = Number(await printed(demo, /kill -HUP (\d+)/));
    expect(existsSync(config)).toBe(true);
    expect(await demo.ended(90_000)).toBe('0');

    const registered = demo.stdout.flatMap(
      (line) => /registration (\S+): registered for 20 s/.exec(line)?.[1] ?? [],
    );
    expect(new Set(registered).size, demo.tail()).toBe(REGISTRATIONS);
    const valencia = demo.stdout.flatMap(
      (line) => /peer server acme\/valencia: (enabled|disabled) \((\w+)\)/.exec(line)?.[0] ?? [],
    );
    const down = valencia.indexOf('peer server acme/valencia: disabled (down)');
    expect(down, demo.tail()).toBeGreaterThanOrEqual(0);
    expect(valencia.slice(down)).toContain('peer server acme/valencia: enabled (up)');
    const disturbed = demo.stdout.filter((line) => /acme\/(madrid|seville): disabled/.test(line));
    expect(disturbed).toEqual([]);
    // The grants of 20 s ran out twice in that time: only refreshes keep all of them bound.
    expect(demo.stdout.at(-1)).toMatch(/ 6 of 6 registrations bound \(\d\d refreshes\)/);

    expect(isAlive(daemon)).toBe(false);
    expect(existsSync(dirname(config))).toBe(false);
  });

  it('stops at once when it is interrupted, and leaves nothing behind', async () => {
    const demo = new Running({ command: BIN, args: ['demo'], cwd: '/' });
    const config = await printed(demo, /its config +(\S+)/);
    const daemon = Number(await printed(demo, /kill -HUP (\d+)/));
    // Node would open its debugger to everybody on this machine, and say so.
    demo.signal('SIGUSR1');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    demo.signal('SIGINT');
    expect(await demo.ended(20_000)).toBe('0');
    expect(demo.stderr).toEqual([]);
    await eventually(() => !isAlive(daemon), { what: () => 'trunkd is gone' });
    expect(existsSync(dirname(config))).toBe(false);
  });
});
