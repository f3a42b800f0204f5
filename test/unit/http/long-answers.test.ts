/** Many who ask for much at once: one after the other, bounded, and nobody is forgotten. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { HTTP_LIMITS } from '../../../src/http/limits.ts';
import { aRegistration, FakeRegistrationBook } from '../../support/fake-books.ts';
import { expectProblem, get } from '../../support/http-asking.ts';
import { aServer } from '../../support/observers.ts';

const LIST = '/v1/registrations?limit=1000';

/** A server whose lists take many turns of the loop, and that counts how many are being made at once. */
async function aBusyServer() {
  const rows = Array.from({ length: 1_000 }, (_, index) => aRegistration(`r${index}`));
  const rig = await aServer({ registrations: new FakeRegistrationBook(rows) });
  const { status } = rig;
  const seen = { now: 0, most: 0 };
  const registrations = status.registrations.bind(status);
  status.registrations = async (query) => {
    seen.now += 1;
    seen.most = Math.max(seen.most, seen.now);
    await nextTurn();
    const page = await registrations(query);
    seen.now -= 1;
    return page;
  };
  return { rig, seen };
}

it('lists are made one after the other, and short answers do not wait for them', async () => {
  const { rig, seen } = await aBusyServer();
  await get(rig, LIST);
  const order: string[] = [];
  const lists = Array.from({ length: 20 }, async () => {
    const { status, body } = await get(rig, LIST);
    order.push('list');
    return [status, (body.items as unknown[]).length];
  });
  const alive = get(rig, '/livez').then(() => order.push('alive'));
  expect(await Promise.all(lists)).toEqual(Array.from({ length: 20 }, () => [200, 1_000]));
  await alive;
  expect(seen.most).toBe(1);
  expect(order.indexOf('alive')).toBeLessThan(3);
});

it('what would wait too long is refused, and the line goes on after it', async () => {
  const { rig } = await aBusyServer();
  await get(rig, LIST);
  const count = HTTP_LIMITS.longAnswersWaiting + 6;
  const answers = await Promise.all(Array.from({ length: count }, () => get(rig, LIST)));
  const refused = answers.filter(({ status }) => status !== 200);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThanOrEqual(6);
  for (const answer of refused) {
    expectProblem(answer, 'tooManyRequests');
    expect(answer.headers['retry-after']).toBe('1');
  }
  expect((await get(rig, LIST)).status).toBe(200);
});

it('an answer that fails, is unknown or has no rows gives its place back', async () => {
  const { rig } = await aBusyServer();
  const { status } = rig;
  const list = status.peerServers.bind(status);
  status.peerServers = () => Promise.reject(new Error('a bug'));
  expect((await get(rig, '/v1/peer-servers')).status).toBe(500);
  status.peerServers = list;
  expect((await get(rig, '/v1/peer-servers?contract=nobody')).status).toBe(404);
  expect((await get(rig, '/v1/registrations?cursor=zzz')).status).toBe(400);
  expect(
    (await rig.app.inject({ url: '/metrics', headers: { host: 'localhost' } })).statusCode,
  ).toBe(200);
  expect((await get(rig, LIST)).status).toBe(200);
});
