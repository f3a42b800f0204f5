/** What may be asked before trunkd is ready, and while it stops. */
import { expect, it } from 'vitest';
import type { RoutePort } from '../../../src/http/ports.ts';
import { expectProblem, get, post } from '../../support/http-asking.ts';
import { aServer } from '../../support/observers.ts';

it('calls are steered and commands taken only while it is ready; what is known can be read', async () => {
  const routes: RoutePort = { route: () => ({ kind: 'document', document: { routes: [] } }) };
  const rig = await aServer({ routes, lists: { dispatcherList: () => 'list' } });
  const steering = ['/v1/route?contract=acme&to=1&from=2', '/v1/dispatcher.list'];
  const words = ['/v1/peer-servers/acme/madrid/health', '/v1/peering-contracts/acme/health'];
  const commands: readonly [string, object][] = [
    ['/v1/commands', { command: 'reload' }],
    ['/v1/peer-servers/acme/madrid/observations', { code: 503 }],
  ];
  const readable = ['/v1/peer-servers/acme/madrid', '/v1/registrations', '/v1/verdicts'];
  const status = async (url: string) =>
    (await rig.app.inject({ method: 'GET', url, headers: { host: 'localhost' } })).statusCode;
  for (const url of [...steering, ...words, ...readable]) expect(await status(url)).toBe(200);
  for (const phase of ['starting', 'stopping']) {
    rig.health.isReady = false;
    rig.health.isStopping = phase === 'stopping';
    const refused = phase === 'stopping' ? steering : [...steering, ...words];
    for (const url of refused) {
      const answer = await get(rig, url);
      expectProblem(answer, 'notReady');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    for (const [url, body] of commands) expectProblem(await post(rig, url, body), 'notReady');
    for (const url of readable) expect(await status(url)).toBe(200);
    if (phase === 'stopping') for (const url of words) expect(await status(url)).toBe(200);
  }
  expect(rig.commands.calls).toEqual([]);
});
