/** A freeze reaches who reads files and who takes webhooks, with its reason; GET /v1/consumers tells that it did. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, freePort } from '../support/processes.ts';
import { type Daemon, SourceDaemon } from '../support/source-daemon.ts';

type Message = Readonly<Record<string, unknown>>;

const messages: Message[] = [];
let files: SourceDaemon;
let hook: Server;
let daemon: Daemon;

beforeAll(async () => {
  hook = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    messages.push(JSON.parse(body));
    response.writeHead(204).end();
  });
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  const address = hook.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  files = new SourceDaemon();
  files.write({
    http: { bind: `127.0.0.1:${await freePort()}` },
    peeringContracts: [
      {
        name: 'acme',
        peerServers: [{ name: 'madrid', sipProxy: '127.0.0.1:9', probe: { mode: 'off' } }],
      },
    ],
    consumers: [
      { name: 'file', type: 'snapshotFile', path: 'out/snapshot.json' },
      { name: 'hook', type: 'webhook', url: `http://127.0.0.1:${port}/` },
    ],
  });
  daemon = await files.run();
});

afterAll(() => {
  files.cleanUp();
  hook.close();
});

function snapshot(): Message {
  return JSON.parse(readFileSync(join(files.directory, 'out/snapshot.json'), 'utf8'));
}

async function command(body: object): Promise<void> {
  const response = await fetch(`${daemon.url}/v1/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(202);
}

const frozen = () => messages.filter(({ type }) => type === 'verdicts.frozen');

it('at its beginning and its end, as another version of all verdicts', async () => {
  await eventually(() => daemon.lines('consumer.changed').length === 2);
  const { sequence: before } = snapshot();
  await command({ command: 'freeze', reason: 'a new router', until: '10m' });
  await eventually(() => frozen().length === 1);
  expect(frozen()[0]).toMatchObject({
    ...{ frozen: true, ordered: true, networkSuspect: false, until: expect.any(String) },
    cause: { code: 'ownFault.ordered', text: expect.stringContaining('a new router') },
  });
  await eventually(() => snapshot()['frozen'] !== null);
  const { frozen: told, sequence } = snapshot();
  expect(told).toMatchObject({ ordered: true, cause: { code: 'ownFault.ordered' } });
  expect(sequence).toBeGreaterThan(Number(before));
  await command({ command: 'thaw' });
  await eventually(() => frozen().length === 2);
  expect(frozen()[1]).toMatchObject({ frozen: false, until: null });
  await eventually(() => snapshot()['frozen'] === null);
  const consumers = await (await fetch(`${daemon.url}/v1/consumers`)).json();
  expect(consumers).toMatchObject({
    items: [
      { name: 'file', type: 'snapshotFile', state: 'inSync', drift: 0, cause: null },
      { name: 'hook', type: 'webhook', state: 'inSync', drift: 0, nextAttemptAt: null },
    ],
  });
});
