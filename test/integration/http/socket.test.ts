/** The HTTP server over a real socket: limits that only a socket shows. */
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { HTTP_LIMITS } from '../../../src/http/limits.ts';
import { aRegistration, FakeRegistrationBook } from '../../support/fake-books.ts';
import { aServer, type RigOptions } from '../../support/observers.ts';

const open: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

async function listen(options: RigOptions = {}): Promise<{ port: number; app: FastifyInstance }> {
  const { app } = await aServer(options);
  open.push(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port, app };
}

/** Writes raw text, and gives all that comes back until the other side ends the connection. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

describe('over a socket', () => {
  it.each([
    ['not HTTP', 'REGISTER sip:x SIP/2.0\r\n\r\n', 400, 'badRequest'],
    [
      'a header as long as a book',
      `GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(HTTP_LIMITS.headerOctets)}\r\n\r\n`,
      431,
      'headersTooLarge',
    ],
    [
      'a body over the limit',
      `POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${HTTP_LIMITS.bodyOctets + 1}\r\n\r\n`,
      413,
      'bodyTooLarge',
    ],
    [
      'no JSON',
      'POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n{{{{',
      400,
      'badRequest',
    ],
    [
      'two lengths',
      'POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'badRequest',
    ],
  ])('%s', async (_, text, status, code) => {
    const { port } = await listen();
    const answer = await exchange(port, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.toLowerCase()).toContain('content-type: application/problem+json');
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))).toMatchObject({
      type: `urn:trunkd:problem:${code}`,
      status,
    });
  });

  it('has the limits of time and number set', async () => {
    const { app } = await listen();
    expect(app.server.headersTimeout).toBe(HTTP_LIMITS.headersTimeoutMs);
    expect(app.server.requestTimeout).toBe(HTTP_LIMITS.requestTimeoutMs);
    expect(app.server.maxConnections).toBe(HTTP_LIMITS.maxConnections);
  });

  it('closes at once, with an idle client connected', async () => {
    const { port, app } = await listen();
    const ended = exchange(port, '');
    await fetch(`http://127.0.0.1:${port}/livez`);
    await app.close();
    expect(await ended).toBe('');
  });

  it('20,000 rows are read page by page and searched while the loop lives', async () => {
    const rows = Array.from({ length: 20_000 }, (_, index) => aRegistration(`user${index}`));
    const { port } = await listen({ registrations: new FakeRegistrationBook(rows) });
    const seen = new Set<string>();
    let turns = 0;
    const beat = setInterval(() => {
      turns += 1;
    }, 1);
    let cursor: string | null = '';
    while (cursor !== null) {
      const more: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const reply = await fetch(`http://127.0.0.1:${port}/v1/registrations?limit=1000${more}`);
      const page = (await reply.json()) as { items: { id: string }[]; next: string | null };
      for (const { id } of page.items) seen.add(id);
      cursor = page.next;
    }
    expect(seen.size).toBe(20_000);
    const before = turns;
    const found = await fetch(`http://127.0.0.1:${port}/v1/registrations?state=rejected`);
    expect(await found.json()).toEqual({ items: [], next: null });
    clearInterval(beat);
    expect(turns).toBeGreaterThan(before);
  });

  it('metrics come whole, also when they are long', async () => {
    const rows = Array.from({ length: 3_000 }, (_, index) => aRegistration(`user${index}`));
    const registrations = new FakeRegistrationBook(rows);
    const { port } = await listen({ registrations, perRegistration: 2_500 });
    const reply = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(reply.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await reply.text();
    expect(text.match(/^trunkd_registration_bound\{/gm)).toHaveLength(2_500);
    expect(text).toContain('\ntrunkd_registration_series_omitted 500\n');
    expect(text.endsWith('\n')).toBe(true);
  });
});
