/** What is pulled: health words, and the list of a dispatcher with its ETag. */
import { describe, expect, it } from 'vitest';
import { aPeerServer, FakeHealthBook } from '../../support/fake-books.ts';
import { expectProblem, get } from '../../support/http-asking.ts';
import { aServer } from '../../support/observers.ts';

describe('health', () => {
  it('is 200 while calls may go there, else 503', async () => {
    const peers = new FakeHealthBook([
      aPeerServer('acme/up'),
      aPeerServer('acme/mute', { lastResort: true, rank: 1 }),
      aPeerServer('acme/down', { enabled: false, rank: 2, state: 'down' }),
      aPeerServer('gone/down', { enabled: false, rank: 2, state: 'down' }),
      aPeerServer('tried/down', { enabled: false, lastResort: true, rank: 1, state: 'down' }),
    ]);
    const rig = await aServer({ peers });
    const health = async (path: string) => {
      const { status, body } = await get(rig, `/v1/${path}/health`);
      return [status, body.offered, body.lastResort];
    };
    expect(await health('peer-servers/acme/up')).toEqual([200, true, false]);
    expect(await health('peer-servers/acme/mute')).toEqual([200, true, true]);
    expect(await health('peer-servers/acme/down')).toEqual([503, false, false]);
    expect(await health('peering-contracts/acme')).toEqual([200, true, false]);
    expect(await health('peering-contracts/gone')).toEqual([503, false, false]);
    expect(await health('peering-contracts/tried')).toEqual([200, true, true]);
    expectProblem(await get(rig, '/v1/peer-servers/acme/nobody/health'), 'notFound');
    expectProblem(await get(rig, '/v1/peering-contracts/nobody/health'), 'notFound');
  });
});

describe('the list of a dispatcher', () => {
  const ask = async (rig: Awaited<ReturnType<typeof aServer>>, query = '', headers = {}) => {
    const url = `/v1/dispatcher.list${query}`;
    return await rig.app.inject({ method: 'GET', url, headers: { host: 'localhost', ...headers } });
  };

  it('comes as text with an ETag, and not again to who has it', async () => {
    let text = '1 sip:192.0.2.1:5060 0 0 duid=a\n';
    const asked: unknown[] = [];
    const lists = {
      dispatcherList: (contracts: unknown) => {
        asked.push(contracts);
        return text;
      },
    };
    const peers = new FakeHealthBook([aPeerServer('acme/a'), aPeerServer('other/b')]);
    const rig = await aServer({ lists, peers });
    const first = await ask(rig, '?contracts=acme,other');
    expect([first.statusCode, first.body]).toEqual([200, text]);
    expect(first.headers['content-type']).toBe('text/plain; charset=utf-8');
    const etag = String(first.headers.etag);
    const again = await ask(rig, '', { 'if-none-match': `"x", W/${etag}` });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    text = text.replace(' 0 0 ', ' 1 0 ');
    const other = await ask(rig, '', { 'if-none-match': etag });
    expect([other.statusCode, other.body]).toEqual([200, text]);
    expect(asked).toEqual([['acme', 'other'], 'all', 'all']);
  });

  it('is not there for a contract that is not', async () => {
    const lists = { dispatcherList: () => '1 sip:192.0.2.1:5060 0 0 duid=a\n' };
    const rig = await aServer({ lists });
    for (const contracts of ['bogus', 'acme,bogus', 'acme,'])
      expectProblem(await get(rig, `/v1/dispatcher.list?contracts=${contracts}`), 'notFound');
    expect((await ask(rig, '?contracts=acme')).statusCode).toBe(200);
  });

  it('is never empty: 503 tells to keep the old one', async () => {
    const rig = await aServer();
    const answer = await get(rig, '/v1/dispatcher.list');
    expectProblem(answer, 'unavailable');
    expect(answer.headers['retry-after']).toBe('5');
  });
});
