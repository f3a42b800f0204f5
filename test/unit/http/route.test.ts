/** `GET /v1/route` by injection, and what the roles of tokens allow. */
import { describe, expect, it } from 'vitest';
import type { RouteQuestion, RouteReply } from '../../../src/http/ports.ts';
import { expectProblem, get, post } from '../../support/http-asking.ts';
import { aServer } from '../../support/observers.ts';

class Recorded {
  readonly asked: (RouteQuestion & { readonly withCredentials: boolean })[] = [];
  reply: RouteReply = { kind: 'document', document: { routes: [] } };

  route(question: RouteQuestion, withCredentials: boolean): RouteReply {
    this.asked.push({ ...question, withCredentials });
    return this.reply;
  }
}

const TOKENS = [
  { role: 'read', token: 'reader' },
  { role: 'route', token: 'router' },
] as const;
const ASK = '/v1/route?contract=acme&to=1&from=2';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('a question for routes', () => {
  it('reaches the router, and its document comes back as it is', async () => {
    const routes = new Recorded();
    const rig = await aServer({ routes });
    const { status, body } = await get(
      rig,
      `${ASK}&key=k&domain=edge.example&realm=r&format=plain`,
    );
    expect([status, body]).toEqual([200, { routes: [] }]);
    await get(rig, '/v1/route?contract=acme&to=%2B34%3B%40&from=2');
    const question = { contract: 'acme', to: '1', from: '2', key: 'k', domain: 'edge.example' };
    expect(routes.asked).toEqual([
      { ...question, realm: 'r', format: 'plain', withCredentials: false },
      { contract: 'acme', to: '+34;@', from: '2', format: 'rtjson', withCredentials: false },
    ]);
  });

  it('is told what is wrong with it', async () => {
    const routes = new Recorded();
    const rig = await aServer({ routes });
    for (const url of [
      '/v1/route',
      '/v1/route?contract=acme&to=1',
      `${ASK}&x=1`,
      `${ASK}&format=x`,
    ])
      expectProblem(await get(rig, url), 'badParameter');
    expect(routes.asked).toEqual([]);
    const { body } = await get(rig, '/v1/route?contract=acme&to=');
    expect(body).toMatchObject({
      detail: 'to: is empty; from: is missing',
      errors: [
        { parameter: 'to', text: 'is empty' },
        { parameter: 'from', text: 'is missing' },
      ],
    });
    routes.reply = { kind: 'unknownContract' };
    expectProblem(await get(rig, ASK), 'notFound');
    routes.reply = { kind: 'badParameter', parameter: 'to', text: 'is hostile' };
    expect((await get(rig, ASK)).body).toMatchObject({ errors: [{ parameter: 'to' }] });
  });

  it('is counted apart from all other requests', async () => {
    const rig = await aServer({ routes: new Recorded() });
    for (let n = 0; n < 1_001; n += 1) await get(rig, '/v1/registrations?limit=1');
    expectProblem(await get(rig, '/v1/registrations?limit=1'), 'tooManyRequests');
    expect((await get(rig, ASK)).status).toBe(200);
  });
});

describe('a token with a role', () => {
  it('shows credentials to nobody but the role route', async () => {
    const routes = new Recorded();
    const rig = await aServer({ routes, token: 'owner', tokens: TOKENS });
    for (const token of ['owner', 'reader', 'router']) await get(rig, ASK, bearer(token));
    expect(routes.asked.map(({ withCredentials }) => withCredentials)).toEqual([
      false,
      false,
      true,
    ]);
    expectProblem(await get(rig, ASK), 'unauthorized');
    expectProblem(await get(rig, ASK, bearer('stranger')), 'unauthorized');
  });

  it('works without http.token on loopback, too', async () => {
    const routes = new Recorded();
    const rig = await aServer({ routes, tokens: TOKENS });
    await get(rig, ASK);
    await get(rig, ASK, bearer('stranger'));
    await get(rig, ASK, bearer('router'));
    expect(routes.asked.map(({ withCredentials }) => withCredentials)).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('commands nothing; route tells what a proxy has to tell', async () => {
    const rig = await aServer({ token: 'owner', tokens: TOKENS });
    const command = (url: string, token: string) =>
      post(rig, url, { command: 'probe' }, bearer(token));
    for (const token of ['reader', 'router'])
      expectProblem(await command('/v1/peer-servers/acme/madrid/commands', token), 'forbidden');
    expectProblem(await command('/v1/proxies/edge1/commands', 'reader'), 'forbidden');
    expect((await command('/v1/proxies/edge1/commands', 'router')).status).toBe(202);
    expect((await command('/v1/peer-servers/acme/madrid/commands', 'owner')).status).toBe(202);
  });
});
