/** `GET /v1/consumers`: who is told of the verdicts, and whether it holds what it was told. */
import { expect, it } from 'vitest';
import { printConsumers } from '../../../src/cli/status-page.ts';
import { consumerCause } from '../../../src/consumers/causes.ts';
import { instant } from '../../../src/core/base/instant.ts';
import type { ConsumerReading } from '../../../src/observe/consumer-rows.ts';
import { expectProblem, get } from '../../support/http-asking.ts';
import { aServer } from '../../support/observers.ts';

const EDGE: ConsumerReading = {
  ...{ name: 'edge', type: 'kamailioDispatcher', mode: 'apply', state: 'failing' },
  since: instant(1_000),
  cause: consumerCause('consumer.unreachable', 'connect ECONNREFUSED 127.0.0.1:8080'),
  lastPassAt: instant(9_000),
  drift: 2,
  nextAttemptAt: instant(13_000),
};
const HOOK: ConsumerReading = {
  ...{ name: 'hook', type: 'webhook', mode: 'observe', state: 'inSync', since: instant(0) },
  ...{ cause: undefined, lastPassAt: undefined, drift: 0, nextAttemptAt: undefined },
};

const consumers = () => new Map([HOOK, EDGE].map((one) => [one.name, one]));

it('lists them with state, cause and what comes next', async () => {
  const rig = await aServer({ consumers });
  const { body } = await get(rig, '/v1/consumers');
  expect(body.items).toEqual([
    {
      ...{ name: 'edge', type: 'kamailioDispatcher', mode: 'apply', state: 'failing' },
      since: '2026-01-02T03:04:06.000Z',
      cause: {
        code: 'consumer.unreachable',
        text: 'Connect ECONNREFUSED 127.0.0.1:8080. At fault: the other side.',
        next: expect.stringContaining('Next attempt at 2026-01-02T03:04:18.000Z.'),
      },
      lastPassAt: '2026-01-02T03:04:14.000Z',
      drift: 2,
      nextAttemptAt: '2026-01-02T03:04:18.000Z',
    },
    expect.objectContaining({ name: 'hook', cause: null, lastPassAt: null, nextAttemptAt: null }),
  ]);
  expect((await get(rig, '/v1/consumers?state=inSync')).body.items).toHaveLength(1);
  expect((await get(rig, '/v1/consumers?q=DISPATCHER')).body.items).toMatchObject([
    { name: 'edge' },
  ]);
  expect((await get(rig, '/v1/consumers/hook')).body).toMatchObject({ mode: 'observe' });
  expectProblem(await get(rig, '/v1/consumers/nobody'), 'notFound');
  expectProblem(await get(rig, '/v1/consumers?state=odd'), 'badParameter');
});

it('has a metric for each, and a table on the screen', async () => {
  const rig = await aServer({ consumers });
  let text = '';
  for await (const piece of rig.metrics.render()) text += piece;
  expect(text).toContain('trunkd_consumer_in_sync{consumer="edge"} 0');
  expect(text).toContain('trunkd_consumer_drift{consumer="edge"} 2');
  const { body } = await get(rig, '/v1/consumers');
  const [head, edge, hook] = printConsumers(body.items, false).split('\n');
  expect(head).toMatch(/^CONSUMER +TYPE +STATE +DRIFT +SINCE +LAST PASS +NEXT +CAUSE$/);
  expect(edge).toMatch(/^edge .*failing +2 .*Connect ECONNREFUSED/);
  expect(hook).toMatch(/^hook +webhook \(observe\) +inSync +0/);
});

it('tells of a contract that is not there in the place of an empty list', async () => {
  const rig = await aServer();
  for (const list of ['registrations', 'peer-servers']) {
    expectProblem(await get(rig, `/v1/${list}?contract=bogus`), 'notFound');
    expect((await get(rig, `/v1/${list}?contract=acme`)).body.items.length).toBeGreaterThan(0);
  }
});
