/** One HTTP request to somebody who may be dead, slow, endless, or send us elsewhere. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { askHttp } from '../../../src/consumers/ask-http.ts';
import { atomicFiles } from '../../../src/consumers/atomic-file.ts';
import { jsonRpc, RpcError } from '../../../src/consumers/json-rpc.ts';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/RPC`;
}

it('posts, and gives status and text', async () => {
  const url = await serve(async (request, reply) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    reply.statusCode = 202;
    reply.end(
      `${request.method} ${request.headers['content-type']} ${request.headers['x-one']} ${pieces}`,
    );
  });
  const answer = await askHttp({ url, body: '{"a":1}', headers: { 'x-one': '1' } });
  expect(answer).toEqual({ status: 202, text: 'POST application/json 1 {"a":1}' });
});

it('follows nobody', async () => {
  let asked = 0;
  const url = await serve((_request, reply) => {
    asked += 1;
    reply.writeHead(307, { location: '/elsewhere' }).end();
  });
  expect((await askHttp({ url, body: '' })).status).toBe(307);
  expect(asked).toBe(1);
});

it.each<[string, RequestListener, RegExp]>([
  ['is silent', () => {}, /no answer within 300 ms/],
  ['never ends', (_request, reply) => reply.write('x'), /no answer within 300 ms|aborted/],
  ['hangs up', (request) => request.socket.destroy(), /hang up|ECONNRESET/],
  [
    'wants another protocol',
    ({ socket }) => socket.end('HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    /closed without an answer/,
  ],
  [
    'has no end',
    (_request, reply) => {
      const piece = 'x'.repeat(1024 * 1024);
      for (let n = 0; n < 20; n += 1) reply.write(piece);
      reply.end();
    },
    /too long|aborted/,
  ],
])('ends when the other side %s', async (_name, listener, text) => {
  const url = await serve(listener);
  const timeoutMs = _name === 'has no end' ? 10_000 : 300;
  await expect(askHttp({ url, body: '', timeoutMs })).rejects.toThrow(text);
});

it('ends when nobody is there', async () => {
  const url = await serve(() => {});
  server?.close();
  await once(server as Server, 'close');
  await expect(askHttp({ url, body: '' })).rejects.toThrow(/ECONNREFUSED/);
});

it('reads what a proxy answers to JSON-RPC, whatever it is', async () => {
  let text = '';
  const url = await serve((_request, reply) => reply.end(text));
  const rpc = jsonRpc(url);
  text = '{"jsonrpc":"2.0","result":{"x":1},"id":1}';
  expect(await rpc('a', [])).toEqual({ x: 1 });
  text = '{"jsonrpc":"2.0","error":{"code":500,"message":"Ongoing reload"},"id":1}';
  await expect(rpc('b', [])).rejects.toThrow(RpcError);
  for (text of ['', 'nonsense', '7', 'null', '<html>'])
    await expect(rpc('c', [])).rejects.toThrow(/no JSON/);
});

it('writes files whole, and leaves nothing behind when it cannot', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'trunkd-files-'));
  try {
    const path = join(directory, 'list');
    await atomicFiles.write(path, 'one');
    await atomicFiles.write(path, 'two');
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(await atomicFiles.read(path)).toBe('two');
    expect(await atomicFiles.read(join(directory, 'none'))).toBeUndefined();
    const before = process.umask(0o077);
    await atomicFiles
      .write(join(directory, 'export/list'), 'x')
      .finally(() => process.umask(before));
    expect(statSync(join(directory, 'export')).mode & 0o777).toBe(0o755);
    expect(statSync(join(directory, 'export/list')).mode & 0o777).toBe(0o644);
    await expect(atomicFiles.write(join(path, 'list'), 'x')).rejects.toThrow(/ENOTDIR/);
    await atomicFiles.append(join(directory, 'dead'), 'a\n');
    await atomicFiles.append(join(directory, 'dead'), 'b\n');
    expect(readFileSync(join(directory, 'dead'), 'utf8')).toBe('a\nb\n');
    await expect(
      atomicFiles.append(join(directory, 'dead'), 'x'.repeat(17 * 1024 * 1024)),
    ).rejects.toThrow(/octets already/);
    expect(readdirSync(directory).sort()).toEqual(['dead', 'export', 'list']);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

it('never shows a part of a list, nor none, to who reads while it is written', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'trunkd-files-'));
  try {
    const path = join(directory, 'list');
    const texts = ['a', 'b'].map((letter) => letter.repeat(4 * 1024 * 1024));
    await atomicFiles.write(path, texts[0] ?? '');
    let isOver = false;
    const writing = (async () => {
      for (let round = 0; round < 6; round += 1) {
        await atomicFiles.write(path, texts[(round + 1) % 2] ?? '');
      }
    })().finally(() => {
      isOver = true;
    });
    const seen: (string | undefined)[] = [];
    while (!isOver) {
      const text = await atomicFiles.read(path);
      seen.push(texts.find((one) => one === text)?.charAt(0));
    }
    await writing;
    expect(new Set(seen)).toEqual(new Set(['a', 'b']));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
