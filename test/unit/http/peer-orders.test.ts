/** Orders over peer servers, by injection. */
import { describe, expect, it } from 'vitest';
import { expectProblem, get, post } from '../../support/http-asking.ts';
import { aServer } from '../../support/observers.ts';

describe('an order', () => {
  it('freezes and thaws', async () => {
    const rig = await aServer();
    expectProblem(await post(rig, '/v1/commands', { command: 'thaw' }), 'conflict');
    const freeze = { command: 'freeze', reason: 'new router', until: '10m' };
    expect((await post(rig, '/v1/commands', freeze)).status).toBe(202);
    expect((await post(rig, '/v1/commands', { command: 'thaw' })).status).toBe(202);
    expect(rig.commands.calls).toContain('freeze "new router" 600000 http 127.0.0.1');
  });

  it('what is frozen is told', async () => {
    const rig = await aServer();
    const { status, body } = await get(rig, '/v1/verdicts');
    expect([status, body]).toEqual([
      200,
      { epoch: 1, sequence: 1, networkSuspect: false, frozen: null, paused: null },
    ]);
  });

  it('of a peer server, and of all of a contract', async () => {
    const rig = await aServer();
    const drain = { command: 'drain', reason: 'why', until: '2h' };
    for (const url of ['/v1/peer-servers/acme/madrid', '/v1/peering-contracts/acme']) {
      expect((await post(rig, `${url}/commands`, drain)).status).toBe(202);
      expect((await post(rig, `${url}/commands`, { command: 'up' })).status).toBe(202);
    }
    expect(rig.commands.calls).toEqual([
      'drain acme/madrid "why" 7200000 http 127.0.0.1',
      'up acme/madrid "" undefined http 127.0.0.1',
      'drain acme "why" 7200000 http 127.0.0.1',
      'up acme "" undefined http 127.0.0.1',
    ]);
  });
});

describe('observations', () => {
  const url = '/v1/peer-servers/acme/madrid/observations';

  it('of calls are taken', async () => {
    const rig = await aServer();
    const failed = await post(rig, url, { code: 503, count: 12 });
    expect([failed.status, failed.body]).toEqual([202, { accepted: true, probing: true }]);
    expect((await post(rig, url, { code: 200 })).body).toEqual({ accepted: true, probing: false });
    expect(rig.commands.calls).toEqual([
      'observe acme/madrid 503 12 http 127.0.0.1',
      'observe acme/madrid 200 1 http 127.0.0.1',
    ]);
  });

  it.each([
    {},
    { code: 99 },
    { code: 700 },
    { code: '503' },
    { code: 503.5 },
    { code: 503, count: 0 },
    { code: 503, count: -1 },
    { code: 503, count: 1_000_001 },
    { code: 503, count: 1.5 },
    { code: 503, counts: 1 },
  ])('%o is a bad parameter', async (body) => {
    const rig = await aServer();
    expectProblem(await post(rig, url, body), 'badParameter');
    expect(rig.commands.calls).toEqual([]);
  });

  it('of a server that is not there are not found', async () => {
    const rig = await aServer();
    const nobody = '/v1/peer-servers/acme/nobody/observations';
    expectProblem(await post(rig, nobody, { code: 503 }), 'notFound');
  });
});
