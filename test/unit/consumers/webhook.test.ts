/** A webhook on virtual time: order, signature, retries, dead letters. */
import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HttpQuestion } from '../../../src/consumers/ask-http.ts';
import { WEBHOOK_PATIENCE, Webhook, type WebhookSpec } from '../../../src/consumers/webhook.ts';
import { fault } from '../../../src/core/base/fault.ts';
import { after } from '../../../src/core/base/instant.ts';
import { Secret } from '../../../src/core/base/secret.ts';
import type { HealthEvent } from '../../../src/core/health/events.ts';
import { VerdictLab } from '../../support/consumer-lab.ts';
import { A_CAUSE, aPeerServerSpec } from '../../support/fake-books.ts';

let lab: VerdictLab;
let hook: Webhook;
let asked: HttpQuestion[];
/** The status of each answer; an error text: none comes. */
let answer: (question: HttpQuestion) => number | string;

beforeEach(() => {
  lab = new VerdictLab();
  asked = [];
  answer = () => 204;
});

afterEach(() => hook.stop());

function start(spec: Partial<WebhookSpec> = {}): void {
  const whole: WebhookSpec = {
    name: 'hook',
    contracts: 'all',
    mode: 'apply',
    url: 'https://noc.example/trunkd',
    secret: new Secret('key'),
    deadLetters: undefined,
    ...spec,
  };
  const ask = async (question: HttpQuestion) => {
    asked.push(question);
    const status = answer(question);
    if (typeof status === 'string') throw new Error(status);
    return { status, text: '' };
  };
  hook = new Webhook(whole, { ...lab.ports, ask });
  hook.start();
}

function change(name: string, enabled: boolean): HealthEvent {
  return {
    type: 'peerServer.changed',
    at: lab.time.now(),
    spec: aPeerServerSpec(`acme/${name}`),
    ...{ from: 'up', state: enabled ? 'up' : 'down', enabled, wasEnabled: !enabled },
    ...{ lastResort: false, cause: enabled ? undefined : A_CAUSE, nextProbeAt: undefined },
  };
}

const bodies = () => asked.map(({ body }) => JSON.parse(body));

describe('a webhook', () => {
  it('is told each change once, in order, signed', async () => {
    start();
    hook.heard(change('a', false));
    hook.heard(change('b', true));
    const at = lab.time.now();
    hook.heard({
      type: 'peeringContract.changed',
      at,
      contract: 'acme',
      enabled: 'some',
      was: 'all',
      offers: 'enabled',
    });
    await lab.pass(1_000);
    expect(bodies()).toMatchObject([
      {
        ...{ id: '7-1', epoch: 7, sequence: 3, type: 'peerServer.changed', peerServer: 'acme/a' },
        ...{ state: 'down', enabled: false, wasEnabled: true, cause: { code: A_CAUSE.code } },
      },
      { id: '7-2', peerServer: 'acme/b', cause: null },
      { id: '7-3', type: 'peeringContract.changed', was: 'all', enabled: 'some' },
    ]);
    const [{ headers = {}, body = '' } = {}] = asked;
    const [, seconds, hex] =
      /^t=(\d+),v1=([0-9a-f]+)$/.exec(headers['x-trunkd-signature'] ?? '') ?? [];
    expect(hex).toBe(createHmac('sha256', 'key').update(`${seconds}.${body}`).digest('hex'));
    expect(headers['x-trunkd-delivery']).toBe('7-1');
    expect(hook.state).toBe('inSync');
  });

  it('is tried again, with growing pauses, and nothing overtakes', async () => {
    start();
    let fails = 4;
    answer = () => {
      fails -= 1;
      return fails < 0 ? 200 : fails % 2 === 0 ? 503 : 'connect ECONNREFUSED';
    };
    hook.heard(change('a', false));
    hook.heard(change('b', false));
    await lab.pass(14_000);
    expect(hook.state).toBe('failing');
    await lab.pass(3_000);
    expect(bodies().map(({ id }) => id)).toEqual(['7-1', '7-1', '7-1', '7-1', '7-1', '7-2']);
    expect(lab.news.map((one) => one.kind === 'changed' && one.state)).toEqual([
      'inSync',
      'failing',
      'drifting',
      'inSync',
    ]);
  });

  it.each([301, 400, 404, 410])(
    'does not follow or repeat %i: it is a dead letter',
    async (status) => {
      start({ deadLetters: '/dead' });
      answer = ({ body }) => (body.includes('acme/a') ? status : 200);
      hook.heard(change('a', false));
      hook.heard(change('b', false));
      await lab.pass(1_000);
      expect(bodies().map(({ id }) => id)).toEqual(['7-1', '7-2']);
      expect(lab.news).toContainEqual(
        expect.objectContaining({ kind: 'deadLetter', id: '7-1', why: `HTTP ${status}` }),
      );
      expect(JSON.parse(lab.files.get('/dead') ?? '')).toMatchObject({ peerServer: 'acme/a' });
    },
  );

  it('is told of a freeze and its end, with the reason, whatever its contracts are', async () => {
    start({ contracts: ['other'] });
    const at = lab.time.now();
    const suspect = fault('ownFault.networkSuspect', 'local', 'Nine of ten fail.');
    const ordered = fault('ownFault.ordered', 'local', 'An operator froze the verdicts (cli).');
    const type = 'verdicts.frozen';
    const until = after(at, 600_000);
    hook.heard({ type, at, isFrozen: true, cause: suspect, until });
    hook.heard({ type, at, isFrozen: false, cause: suspect, until: undefined });
    hook.heard({ type, at, isFrozen: true, cause: ordered, until: undefined });
    await lab.pass(1_000);
    const cause = { code: 'ownFault.networkSuspect', text: 'Nine of ten fail.' };
    expect(bodies()).toMatchObject([
      { type, frozen: true, networkSuspect: true, ordered: false, cause },
      { type, frozen: false, networkSuspect: false, until: null, cause },
      { type, frozen: true, networkSuspect: false, ordered: true, until: null },
    ]);
    const [{ until: end, at: begin }] = bodies();
    expect(Date.parse(end) - Date.parse(begin)).toBe(600_000);
  });

  it(`gives a message up after ${WEBHOOK_PATIENCE.tries} tries, and goes on`, async () => {
    start();
    answer = () => 'no answer within 5000 ms';
    hook.heard(change('a', false));
    await lab.pass(WEBHOOK_PATIENCE.spanMs - 60_000);
    expect(lab.news.filter(({ kind }) => kind === 'deadLetter')).toEqual([]);
    const { state, cause, nextAttemptAt, drift } = hook.status;
    expect([state, cause?.code, drift]).toEqual(['failing', 'consumer.unreachable', 1]);
    expect(Number(nextAttemptAt)).toBeGreaterThan(lab.time.now());
    await lab.pass(61_000);
    expect(hook.status.cause?.code).toBe('consumer.deadLetter');
    answer = () => 200;
    hook.heard(change('b', false));
    await lab.pass(1_000);
    expect(asked.filter(({ body }) => body.includes('acme/a'))).toHaveLength(12);
    expect(lab.news.filter(({ kind }) => kind === 'deadLetter')).toMatchObject([
      { why: 'no answer within 5000 ms, after 12 tries' },
    ]);
    expect(hook.state).toBe('inSync');
  });

  it('keeps a thousand messages at most, and buries the oldest', async () => {
    start();
    answer = () => 503;
    for (let n = 0; n < 1_005; n += 1) hook.heard(change(`s${n}`, false));
    const buried = lab.news.flatMap((one) => (one.kind === 'deadLetter' ? one.id : []));
    expect(buried).toEqual(['7-1', '7-2', '7-3', '7-4', '7-5']);
    await hook.stop();
    expect(lab.news.filter(({ kind }) => kind === 'deadLetter')).toHaveLength(1_005);
  });

  it('hears of its own contracts only, and of nothing that is no change', async () => {
    start({ contracts: ['other'] });
    hook.heard(change('a', false));
    await lab.pass(1_000);
    expect(asked).toEqual([]);
  });

  it('sends nothing in mode observe', async () => {
    start({ mode: 'observe', secret: undefined });
    hook.heard(change('a', false));
    await lab.pass(1_000);
    expect(asked).toEqual([]);
  });
});
