/** Orders over peer servers, by injection. */
import { describe, expect, it } from 'vitest';
import { post } from '../../support/http-asking.ts';
import { aServer } from '../../support/observers.ts';

describe('an order', () => {
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
