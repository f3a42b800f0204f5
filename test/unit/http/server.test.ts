/** The API by injection: every path of the contract, and every way to ask wrongly. */
import { describe, expect, it } from 'vitest';
import { contract, peerServer } from '../../../src/http/peer-shapes.ts';
import type { ProblemCode } from '../../../src/http/problem.ts';
import { certificate, registration } from '../../../src/http/schemas.ts';
import {
  aPeerServer,
  aRegistration,
  CANARY,
  FakeHealthBook,
  FakeRegistrationBook,
} from '../../support/fake-books.ts';
import { expectProblem, get, post } from '../../support/http-asking.ts';
import { aServer } from '../../support/observers.ts';

describe('certificates', () => {
  it('are shown in their shape, ours first, with what is left of them', async () => {
    const rig = await aServer();
    const { status, body } = await get(rig, '/v1/certificates');
    expect(status).toBe(200);
    for (const row of body.items) certificate.strict().parse(row);
    expect(body).toMatchObject({
      items: [
        { role: 'own', name: 'tls', notAfter: '2026-01-02T03:04:05.000Z', daysLeft: -1 },
        { role: 'peer', name: 'acme.example at 192.0.2.1:5061', daysLeft: 9 },
      ],
      next: null,
    });
    const peers = await get(rig, '/v1/certificates?role=peer&q=ACME');
    expect(peers.body.items).toHaveLength(1);
    expect((await get(rig, '/v1/certificates?q=nobody')).body.items).toEqual([]);
  });
});

describe('registrations', () => {
  it('shows the fields of the contract, in their shape', async () => {
    const rig = await aServer();
    const { status, body } = await get(rig, '/v1/registrations/alice');
    expect(status).toBe(200);
    registration.strict().parse(body);
    expect(body).toMatchObject({
      id: 'alice',
      contract: 'acme',
      aor: 'sip:alice@acme.example',
      contact: 'sip:ddi-alice@203.0.113.10:5060',
      state: 'registered',
      bound: true,
      since: '2026-01-02T03:04:06.000Z',
      cause: null,
      grantedExpires: 600,
      expiresAt: '2026-01-02T03:14:06.000Z',
      nextAttemptAt: '2026-01-02T03:12:25.000Z',
      target: 'udp:192.0.2.1:5060',
      lastResponse: { code: 200, reason: 'OK' },
      registrar: 'sip:192.0.2.1:5060;transport=udp',
      counters: { attempts: 1, requests: 2 },
    });
  });

  it('gives pages in order of ids that a cursor continues, also after its row has gone', async () => {
    const book = new FakeRegistrationBook(['d', 'b', 'a', 'c', 'e'].map((id) => aRegistration(id)));
    const rig = await aServer({ registrations: book });
    const first = (await get(rig, '/v1/registrations?limit=2')).body;
    expect(first.items.map((row: { id: string }) => row.id)).toEqual(['a', 'b']);
    book.rows.delete('b');
    const second = (await get(rig, `/v1/registrations?limit=2&cursor=${first.next}`)).body;
    expect(second.items.map((row: { id: string }) => row.id)).toEqual(['c', 'd']);
    const third = (await get(rig, `/v1/registrations?limit=2&cursor=${second.next}`)).body;
    expect(third.items.map((row: { id: string }) => row.id)).toEqual(['e']);
    expect(third.next).toBeNull();
  });

  it('says null, and not a cursor to nothing, when the last row fills the page', async () => {
    const rig = await aServer();
    const { body } = await get(rig, '/v1/registrations?limit=3');
    expect(body.items).toHaveLength(3);
    expect(body.next).toBeNull();
  });

  it.each([
    ['state=waiting', ['w']],
    ['bound=true', ['a', 'z']],
    ['bound=false', ['w']],
    ['contract=acme', ['a', 'w', 'z']],
    ['q=DDI-Z', ['z']],
    ['q=acme.example&bound=false', ['w']],
  ])('filters by %s', async (filter, ids) => {
    const registrations = new FakeRegistrationBook([
      aRegistration('a'),
      aRegistration('w', { state: 'waiting', bound: false }),
      aRegistration('z'),
    ]);
    const rig = await aServer({ registrations });
    const { body } = await get(rig, `/v1/registrations?${filter}`);
    expect(body.items.map((row: { id: string }) => row.id)).toEqual(ids);
  });

  it('takes ids with the signs that ids may have', async () => {
    const id = `${'u'.repeat(60)}+1@${'d'.repeat(60)}.example`;
    const rig = await aServer({ registrations: new FakeRegistrationBook([aRegistration(id)]) });
    for (const path of [id, encodeURIComponent(id)]) {
      expect((await get(rig, `/v1/registrations/${path}`)).body.id).toBe(id);
    }
  });
});

describe('peer servers and contracts', () => {
  it('shows the fields of the contract, in their shape', async () => {
    const rig = await aServer();
    const { body } = await get(rig, '/v1/peer-servers/acme/madrid');
    peerServer.strict().parse(body);
    expect(body).toMatchObject({
      id: 'acme/madrid',
      contract: 'acme',
      name: 'madrid',
      state: 'up',
      enabled: true,
      lastResort: false,
      admin: 'up',
      since: '2026-01-02T03:04:07.000Z',
      cause: null,
      rttMs: 12.3,
      priority: 1,
      auth: { username: 'acct1', realm: null },
      targets: [{ target: 'udp:192.0.2.1:5060', state: 'up', rttMs: 12.3 }],
    });
  });

  it('rolls up by contract', async () => {
    const peers = new FakeHealthBook([
      aPeerServer('acme/madrid'),
      aPeerServer('acme/paris', { state: 'down', enabled: false }),
    ]);
    const rig = await aServer({ peers });
    const { body } = await get(rig, '/v1/peering-contracts/acme');
    contract.strict().parse(body);
    expect(body).toMatchObject({
      name: 'acme',
      enabled: 'some',
      registrations: { registered: 3 },
      peerServers: [
        { id: 'acme/madrid', enabled: true },
        { id: 'acme/paris', enabled: false },
      ],
    });
    expect((await get(rig, '/v1/peering-contracts?enabled=all')).body.items).toEqual([]);
    const down = await get(rig, '/v1/peer-servers?enabled=false&state=down&contract=acme');
    expect(down.body.items).toMatchObject([{ id: 'acme/paris' }]);
  });
});

describe('bad input', () => {
  it.each<[string, ProblemCode]>([
    ['/v1/nothing', 'notFound'],
    ['/', 'notFound'],
    ['/v1/registrations/nobody', 'notFound'],
    ['/v1/peering-contracts/nobody', 'notFound'],
    ['/v1/peer-servers/acme/nobody', 'notFound'],
    ['/v1/peer-servers/acme', 'notFound'],
    ['/v1/registrations?limit=0', 'badParameter'],
    ['/v1/registrations?limit=1001', 'badParameter'],
    ['/v1/registrations?limit=ten', 'badParameter'],
    ['/v1/registrations?limit=1&limit=2', 'badParameter'],
    ['/v1/registrations?state=fine', 'badParameter'],
    ['/v1/registrations?bound=maybe', 'badParameter'],
    ['/v1/registrations?enabled=true', 'badParameter'],
    ['/v1/registrations?cursor=zzz', 'badParameter'],
    ['/v1/peer-servers?state=registered', 'badParameter'],
    ['/v1/peering-contracts?enabled=yes', 'badParameter'],
    [`/v1/registrations?q=${'x'.repeat(401)}`, 'badParameter'],
    ['/v1/registrations/%zz', 'badRequest'],
  ])('%s', async (url, code) => {
    expectProblem(await get(await aServer(), url), code);
  });

  it('names the parameter', async () => {
    const { body } = await get(await aServer(), '/v1/registrations?limit=0');
    const text = 'has to be a whole number from 1 to 1000';
    expect(body.errors).toEqual([{ parameter: 'limit', text }]);
  });

  it('a method that no path takes', async () => {
    const request = {
      method: 'PROPFIND',
      url: '/v1/registrations',
      headers: { host: '127.0.0.1' },
    };
    const reply = await (await aServer()).app.inject(request as never);
    expect(reply.statusCode).toBe(405);
    expect(reply.headers['allow']).toBe('GET, HEAD, POST');
    expect(reply.json().detail).toBe('No path takes PROPFIND.');
  });

  it.each(['DELETE', 'PUT', 'POST', 'PATCH', 'OPTIONS'] as const)(
    '%s on a list',
    async (method) => {
      const rig = await aServer();
      const reply = await rig.app.inject({
        method,
        url: '/v1/registrations',
        headers: { host: '127.0.0.1' },
      });
      expect(reply.statusCode).toBe(405);
      expect(reply.headers['allow']).toBe('GET, HEAD');
      expect(reply.json().type).toBe('urn:trunkd:problem:methodNotAllowed');
    },
  );

  it('a method that does not fit is told before the body is looked at', async () => {
    const rig = await aServer();
    const reply = await rig.app.inject({
      method: 'POST',
      url: '/v1/registrations/alice',
      payload: 'not json',
      headers: { host: '127.0.0.1', 'content-type': 'text/csv' },
    });
    expect(reply.statusCode).toBe(405);
  });

  it('a bug is a 500 without its text, and is reported', async () => {
    const registrations = new FakeRegistrationBook([]);
    registrations.snapshot = () => {
      throw new Error('inner detail');
    };
    const rig = await aServer({ registrations });
    const answer = await get(rig, '/v1/registrations/x');
    expectProblem(answer, 'internal');
    expect(JSON.stringify(answer.body)).not.toContain('inner detail');
    expect(rig.bugs).toHaveLength(1);
  });
});

describe('commands', () => {
  it('register, probe and reload reach the daemon', async () => {
    const rig = await aServer();
    expect(
      await post(rig, '/v1/registrations/alice/commands', { command: 'register' }),
    ).toMatchObject({ status: 202, body: { accepted: true } });
    expect(
      await post(rig, '/v1/peer-servers/acme/madrid/commands', { command: 'probe' }),
    ).toMatchObject({ status: 202 });
    expect(await post(rig, '/v1/commands', { command: 'reload', force: true })).toMatchObject({
      status: 200,
      body: { kind: 'applied', added: 1, removed: 3 },
    });
    expect(rig.commands.calls).toEqual([
      'register alice http 127.0.0.1',
      'probe acme/madrid http 127.0.0.1',
      'reload true http 127.0.0.1',
    ]);
  });

  it('off and on, with a reason and an end', async () => {
    const rig = await aServer();
    const url = '/v1/registrations/alice/commands';
    for (const command of ['off', 'drain', 'up', 'unregister', 'forget']) {
      expect((await post(rig, url, { command, reason: 'why', until: '2h' })).status).toBe(202);
    }
    const order = (command: string) => `${command} alice "why" 7200000 http 127.0.0.1`;
    const orders = ['off', 'drain', 'up', 'unregister'].map(order);
    expect(rig.commands.calls).toEqual([...orders, 'forget alice "why" http 127.0.0.1']);
    expectProblem(await post(rig, url, { command: 'off', until: 'tomorrow' }), 'badParameter');
    const reason = 'a\nb';
    expectProblem(await post(rig, url, { command: 'off', reason }), 'badParameter');
  });

  it('asks a registrar for its bindings', async () => {
    const rig = await aServer();
    const good = await post(rig, '/v1/registrations/alice/fetch-bindings', {});
    expect(good.body).toMatchObject({ items: [{ leg: 'alice', bindings: [{ isOurs: true }] }] });
    expectProblem(await post(rig, '/v1/registrations/bob/fetch-bindings', {}), 'notFound');
  });

  it('a refused or broken reload is a problem', async () => {
    const rig = await aServer();
    rig.commands.report = { kind: 'refused', reason: 'It would drop 90 of 100 registrations.' };
    expectProblem(await post(rig, '/v1/commands', { command: 'reload' }), 'conflict');
    rig.commands.report = { kind: 'invalid', problems: ['trunkd.yaml:3:5: unknown key'] };
    const invalid = await post(rig, '/v1/commands', { command: 'reload' });
    expectProblem(invalid, 'invalidConfig');
    expect(invalid.body.problems).toEqual(['trunkd.yaml:3:5: unknown key']);
    expect(invalid.body.detail).toBe('One problem.');
  });

  it('a command with nothing to do says so', async () => {
    const rig = await aServer();
    const url = '/v1/registrations/bob/commands';
    expectProblem(await post(rig, url, { command: 'register' }), 'conflict');
  });

  it.each<[string, object, ProblemCode]>([
    ['/v1/registrations/nobody/commands', { command: 'register' }, 'notFound'],
    ['/v1/peer-servers/acme/nobody/commands', { command: 'probe' }, 'notFound'],
    ['/v1/registrations/alice/commands', { command: 'dance' }, 'badParameter'],
    ['/v1/registrations/alice/commands', {}, 'badParameter'],
    ['/v1/commands', { command: 'reload', forse: true }, 'badParameter'],
    ['/v1/commands', { command: 'freeze', until: 'never' }, 'badParameter'],
    ['/v1/peer-servers/acme/nobody/commands', { command: 'drain', reason: 'x' }, 'notFound'],
    ['/v1/peering-contracts/nobody/commands', { command: 'off' }, 'notFound'],
    ['/v1/peering-contracts/acme/commands', { command: 'off', until: '0s' }, 'badParameter'],
    ['/v1/peer-servers/acme/madrid/commands', { command: 'off', until: '2020' }, 'badParameter'],
  ])('%s %o', async (url, body, code) => {
    const rig = await aServer();
    expectProblem(await post(rig, url, body), code);
    expect(rig.commands.calls.filter((call) => !call.includes('nobody'))).toEqual([]);
  });

  it('JSON only: a form of another site can send nothing', async () => {
    const rig = await aServer();
    const reply = await rig.app.inject({
      method: 'POST',
      url: '/v1/commands',
      payload: '{"command":"reload"}',
      headers: { host: '127.0.0.1', 'content-type': 'text/plain' },
    });
    expect(reply.statusCode).toBe(415);
    expect(reply.json().type).toBe('urn:trunkd:problem:unsupportedMediaType');
    expect(rig.commands.calls).toEqual([]);
  });
});

describe('pages for machines', () => {
  it('livez and readyz tell the truth', async () => {
    const rig = await aServer();
    expect(await get(rig, '/livez')).toMatchObject({ status: 200, body: { status: 'alive' } });
    expect(await get(rig, '/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
    rig.health.isAlive = false;
    rig.health.isReady = false;
    expect(await get(rig, '/livez')).toMatchObject({ status: 503, body: { status: 'stuck' } });
    expect(await get(rig, '/readyz')).toMatchObject({ status: 503, body: { status: 'not ready' } });
  });

  it('OpenAPI 3.1 describes every path', async () => {
    const { body } = await get(await aServer(), '/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    const { responses } = body.paths['/v1/registrations/{id}'].get;
    expect(Object.keys(responses['4XX'].content)).toEqual(['application/problem+json']);
    expect(Object.keys(body.paths).sort()).toEqual([
      '/livez',
      '/metrics',
      '/openapi.json',
      '/readyz',
      '/v1/certificates',
      '/v1/commands',
      '/v1/consumers',
      '/v1/consumers/{name}',
      '/v1/dispatcher.list',
      '/v1/peer-servers',
      '/v1/peer-servers/{contract}/{name}',
      '/v1/peer-servers/{contract}/{name}/commands',
      '/v1/peer-servers/{contract}/{name}/health',
      '/v1/peer-servers/{contract}/{name}/observations',
      '/v1/peering-contracts',
      '/v1/peering-contracts/{name}',
      '/v1/peering-contracts/{name}/commands',
      '/v1/peering-contracts/{name}/health',
      '/v1/proxies',
      '/v1/proxies/{name}',
      '/v1/proxies/{name}/commands',
      '/v1/registrations',
      '/v1/registrations/{id}',
      '/v1/registrations/{id}/commands',
      '/v1/registrations/{id}/fetch-bindings',
      '/v1/route',
      '/v1/verdicts',
    ]);
    const row = body.paths['/v1/registrations/{id}'].get.responses['200'];
    expect(row.content['application/json'].schema.properties.bound.type).toBe('boolean');
    const list = body.paths['/v1/registrations'].get.parameters;
    expect(list.map((one: { name: string }) => one.name).sort()).toEqual([
      'bound',
      'contract',
      'cursor',
      'limit',
      'q',
      'state',
    ]);
  });

  it('no answer holds a password', async () => {
    const rig = await aServer();
    for (const url of [
      '/v1/registrations',
      '/v1/registrations/alice',
      '/v1/peering-contracts',
      '/v1/peer-servers',
      '/v1/peer-servers/acme/madrid',
      '/v1/certificates',
      '/metrics',
      '/openapi.json',
    ]) {
      const { body } = await rig.app.inject({ method: 'GET', url, headers: { host: 'localhost' } });
      expect(body.length).toBeGreaterThan(10);
      expect(body).not.toContain(CANARY);
    }
  });
});
