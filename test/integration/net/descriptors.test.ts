import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { soon } from '../../support/edge.ts';
import { freePort } from '../../support/processes.ts';
import { type RawConnection, rawConnect } from '../../support/raw-peer.ts';

const PROGRAM = join(import.meta.dirname, '../../support/edge-with-few-descriptors.ts');
const LIMIT = 64;

it('without descriptors left everything fails as our own fault, and heals', async () => {
  const port = await freePort();
  const child = spawn(
    'sh',
    ['-c', `ulimit -n ${LIMIT}; exec "$0" "$@"`, process.execPath, PROGRAM, `${port}`],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const lines: unknown[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
  const ask = async (): Promise<unknown> => {
    const count = lines.length;
    child.stdin.write('\n');
    await soon(() => lines.length > count, 'an answer');
    return lines.at(-1);
  };
  const clients: RawConnection[] = [];
  try {
    await soon(() => lines.length === 1, 'the start');
    expect(await ask()).toMatchObject({ tcp: 'open', udp: 'open' });
    for (let i = 0; i < LIMIT; i += 1) clients.push(await rawConnect(port));
    // What it cannot accept it closes, instead of leaving it to wait.
    await soon(() => clients.some(({ isClosed }) => isClosed), 'a connection that finds no room');
    const ours = { code: 'transport.local', blame: 'local' };
    expect(await ask()).toMatchObject({ tcp: ours });
    for (const { socket } of clients) socket.destroy();
    await soon(() => clients.every(({ isClosed }) => isClosed), 'all to be closed');
    await expect.poll(ask, { timeout: 10_000 }).toMatchObject({ tcp: 'open', udp: 'open' });
  } finally {
    for (const { socket } of clients) socket.destroy();
    const exited = once(child, 'exit');
    child.stdin.end();
    expect(await exited).toEqual([0, null]);
  }
});
