/** Who may ask: token, Host, Origin, rate. */
import { describe, expect, it } from 'vitest';
import { expectProblem, get, post } from '../../support/http-asking.ts';
import { aServer } from '../../support/observers.ts';

describe('who may ask', () => {
  const headers = { authorization: 'Bearer open-sesame' };

  it('everything but livez and readyz needs the token', async () => {
    const rig = await aServer({ token: 'open-sesame' });
    for (const url of ['/v1/registrations', '/metrics', '/openapi.json', '/v1/nothing']) {
      const answer = await get(rig, url);
      expectProblem(answer, 'unauthorized');
      expect(answer.headers['www-authenticate']).toContain('Bearer');
    }
    expectProblem(await post(rig, '/v1/commands', { command: 'reload' }), 'unauthorized');
    expect((await get(rig, '/livez')).status).toBe(200);
    expect((await get(rig, '/readyz?verbose')).status).toBe(200);
    expect((await get(rig, '/v1/registrations', headers)).status).toBe(200);
    expectProblem(
      await get(rig, '/v1/registrations', { authorization: 'Bearer wrong' }),
      'unauthorized',
    );
    expectProblem(
      await get(rig, '/v1/registrations', { authorization: 'Basic open-sesame' }),
      'unauthorized',
    );
  });

  it.each([
    ['127.0.0.1:9077', 200],
    ['[::1]:9077', 200],
    ['localhost', 200],
    ['LOCALHOST:9077', 200],
    ['trunk.example:9077', 200],
    ['evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['localhost.evil.example:9077', 421],
  ])('Host %s -> %i', async (host, status) => {
    expect((await get(await aServer(), '/v1/registrations', { host })).status).toBe(status);
  });

  it('a name of the site is fine for who has the token: a page cannot have it', async () => {
    const rig = await aServer({ token: 'open-sesame' });
    const answer = await get(rig, '/v1/registrations', { host: 'noc.example', ...headers });
    expect(answer.status).toBe(200);
  });

  it.each([
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ origin: 'http://127.0.0.1' }, 200],
    [{ 'sec-fetch-site': 'same-origin' }, 200],
  ])('%o -> %i', async (extra, status) => {
    const answer = await get(await aServer(), '/v1/registrations', extra as Record<string, string>);
    expect(answer.status).toBe(status);
  });

  it('past the rate it is 429 with Retry-After', async () => {
    const rig = await aServer();
    const answers = [];
    for (let n = 0; n < 1_001; n += 1) answers.push(await get(rig, '/v1/registrations?limit=1'));
    const [last] = answers.slice(-1);
    if (last === undefined) throw new Error('no answer');
    expect(answers.slice(0, -1).every(({ status }) => status === 200)).toBe(true);
    expectProblem(last, 'tooManyRequests');
    expect(last.headers['retry-after']).toBe('1');
  });
});
