/** What systemd is told, and how lines look in its journal: a real datagram socket, no systemd. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DgramSocket } from 'node-unix-socket';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import { SourceDaemon } from '../support/source-daemon.ts';

let files: SourceDaemon;
beforeEach(() => {
  files = new SourceDaemon();
  files.write({ http: { bind: '127.0.0.1:0' } });
});
afterEach(() => files.cleanUp());

describe('sd_notify', () => {
  it('says READY, WATCHDOG, RELOADING with its time, and STOPPING', async () => {
    const told: string[] = [];
    const path = join(files.directory, 'notify');
    const socket = new DgramSocket();
    socket.on('data', (octets: Buffer) => told.push(octets.toString('utf8')));
    socket.bind(path);
    const daemon = await files.run({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '600000' });
    await eventually(() => told.includes('WATCHDOG=1'));
    await daemon.reload();
    await eventually(() => told.filter((message) => message.startsWith('READY=1')).length === 2);
    expect(await daemon.running.stop()).toBe('0');
    await eventually(() => told.some((message) => message.startsWith('STOPPING=1')));
    socket.close();
    const words = told.filter((message) => message !== 'WATCHDOG=1');
    expect(words[0]).toMatch(
      /^READY=1\nSTATUS=0 of 0 registrations registered; 0 of 0 peer servers enabled$/,
    );
    expect(words[1]).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
    expect(words[2]).toMatch(/^READY=1/);
    expect(words.at(-1)).toMatch(/^STOPPING=1/);
    expect(daemon.lines('notify.limited')).toEqual([]);
  });

  it('no watchdog for another process', async () => {
    const told: string[] = [];
    const path = join(files.directory, 'notify');
    const socket = new DgramSocket();
    socket.on('data', (octets: Buffer) => told.push(octets.toString('utf8')));
    socket.bind(path);
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '300000', WATCHDOG_PID: '1' };
    const daemon = await files.run(env);
    await daemon.reload();
    await daemon.running.stop();
    await eventually(() => told.some((message) => message.startsWith('STOPPING=1')));
    socket.close();
    expect(told).not.toContain('WATCHDOG=1');
  });
});

describe('the journal', () => {
  it.each([
    ['its own stream', (own: string) => own, /^<[46]>\{/],
    ["another process's", () => '1:2', /^\{/],
  ])('lines to %s', async (_, stream, start) => {
    const path = files.writeText('out', '');
    const { dev, ino } = statSync(path, { bigint: true });
    const fd = openSync(path, 'a');
    const main = join(import.meta.dirname, '../../src/main.ts');
    const child = spawn(process.execPath, [main, 'run', '--config', files.config], {
      stdio: ['ignore', fd, 'inherit'],
      env: { ...process.env, JOURNAL_STREAM: stream(`${dev}:${ino}`), NOTIFY_SOCKET: '' },
    });
    closeSync(fd);
    const ended = once(child, 'exit');
    await eventually(() => readFileSync(path, 'utf8').includes('"event":"ready"'));
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) {
      expect(line).toMatch(start);
    }
  });
});
