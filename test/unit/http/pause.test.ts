import { expect, it } from 'vitest';
import { expectProblem, post } from '../../support/http-asking.ts';
import { aServer } from '../../support/observers.ts';

it('pause, with a reason and an end, and resume', async () => {
  const rig = await aServer();
  const pause = { command: 'pause', reason: 'why', until: '2h' };
  expect((await post(rig, '/v1/commands', pause)).status).toBe(202);
  expect((await post(rig, '/v1/commands', { command: 'pause' })).status).toBe(202);
  expect((await post(rig, '/v1/commands', { command: 'resume' })).status).toBe(202);
  const soon = { command: 'pause', until: 'soon' };
  expectProblem(await post(rig, '/v1/commands', soon), 'badParameter');
  expect(rig.commands.calls).toEqual([
    'pause "why" 7200000 http 127.0.0.1',
    'pause "" undefined http 127.0.0.1',
    'resume http 127.0.0.1',
  ]);
});
