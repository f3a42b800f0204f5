/** Code and pages are one: each table of the code is its page in docs/, word for word. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { TIMEOUT_MS } from '../../src/consumers/ask-http.ts';
import { CONSUMER_CAUSES } from '../../src/consumers/causes.ts';
import { WEBHOOK_PATIENCE } from '../../src/consumers/webhook.ts';
import { FAULT_CODES } from '../../src/core/base/fault.ts';
import { HEALTH_CAUSES } from '../../src/core/health/causes.ts';
import { REGISTRATION_CODES } from '../../src/core/registration/causes.ts';
import { httpApiPage, type OpenApi } from '../support/docs/http-api.ts';
import { errorsPage, eventsPage, metricsPage } from '../support/docs/pages.ts';
import { aServer } from '../support/observers.ts';

describe('docs', () => {
  it('metrics.md', async () => {
    await expect(metricsPage()).toMatchFileSnapshot('../../docs/metrics.md');
  });

  it('events.md', async () => {
    await expect(eventsPage()).toMatchFileSnapshot('../../docs/events.md');
  });

  it('errors.md', async () => {
    await expect(errorsPage()).toMatchFileSnapshot('../../docs/errors.md');
  });

  it('http-api.md', async () => {
    const { app } = await aServer();
    const headers = { host: 'localhost' };
    const reply = await app.inject({ method: 'GET', url: '/openapi.json', headers });
    const page = httpApiPage(reply.json<OpenApi>());
    await expect(page).toMatchFileSnapshot('../../docs/http-api.md');
  });

  it('operations.md tells how long a message to a webhook is tried', async () => {
    const { tries, spanMs } = WEBHOOK_PATIENCE;
    const minutes = Math.ceil((spanMs + tries * TIMEOUT_MS) / 60_000);
    const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    expect(page.replaceAll('\n', ' ')).toContain(`${tries} times within ${minutes} minutes`);
  });

  it('a code means one thing: no table has a code of another', () => {
    const codes = [FAULT_CODES, REGISTRATION_CODES, HEALTH_CAUSES, CONSUMER_CAUSES].flatMap(
      Object.keys,
    );
    expect(new Set(codes).size).toBe(codes.length);
  });
});
