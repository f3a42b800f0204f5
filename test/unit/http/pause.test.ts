import { expect, it } from 'vitest';
import type { Instant } from '../../../src/core/base/instant.ts';
import { FakeRegistrationBook } from '../../support/fake-books.ts';
import { expectProblem, get, post } from '../../support/http-asking.ts';
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

it('is told with its time, its reason, and who gave it', async () => {
  const registrations = new FakeRegistrationBook([]);
  const rig = await aServer({ registrations });
  const since = 0 as Instant;
  const cause = {
    code: 'registration.paused',
    blame: 'operator',
    text: 'An operator paused all registrations: a move.',
    next: '',
  } as const;
  const by = 'http 192.0.2.9';
  registrations.paused = { reason: 'a move', by, since, until: undefined, cause };
  const { body } = await get(rig, '/v1/verdicts');
  expect(body).toMatchObject({
    frozen: null,
    paused: {
      since: expect.stringMatching(/^\d{4}-.*Z$/),
      until: null,
      by: 'http 192.0.2.9',
      cause: { code: 'registration.paused' },
    },
  });
  expect(JSON.stringify(body)).toContain(
    "An operator paused all registrations: a move. At fault: an operator's order.",
  );
});
