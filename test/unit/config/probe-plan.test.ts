/** Plans of probes: profiles, policies of answers, the look of the request. */
import { describe, expect, test } from 'vitest';
import { verdictOfStatus } from '../../../src/core/health/answer-policy.ts';
import { loadText, problemsOf, specOf } from '../../support/config/load-text.ts';

async function planOf(probe: string, above = '') {
  const spec = await specOf(`${above}
peeringContracts:
  - name: acme
    peerServers:
      - { name: a, sipProxy: sip.acme.example, probe: { ${probe} } }`);
  return spec.contracts[0]?.peerServers[0]?.probe ?? expect.fail('no server');
}

describe('a profile', () => {
  test.each([
    ['fast', { intervalMs: 5_000, timeoutMs: 2_000, recheckMs: 500, fall: 3 }],
    ['standard', { intervalMs: 30_000, timeoutMs: 4_000, recheckMs: 1_000, fall: 3 }],
    ['teams', { intervalMs: 60_000, answers: expect.objectContaining({ name: 'teams' }) }],
    ['strict', { intervalMs: 10_000, answers: expect.objectContaining({ name: 'strict' }) }],
  ])('%s', async (profile, plan) => {
    const above = 'defaults: { probe: { interval: 10s } }';
    expect(await planOf(`profile: ${profile}`, above)).toMatchObject(plan);
  });

  test('loses to what stands beside it or nearer, and wins over what is further away', async () => {
    expect(await planOf('profile: fast, interval: 7s')).toMatchObject({
      intervalMs: 7_000,
      timeoutMs: 2_000,
    });
    const above = 'defaults: { probe: { profile: fast } }';
    expect(await planOf('timeout: 3s', above)).toMatchObject({
      intervalMs: 5_000,
      timeoutMs: 3_000,
    });
  });
});

describe('a policy of answers', () => {
  test('of ones own begins with another, and classes and codes change it', async () => {
    const above =
      'answerPolicies: { mine: { base: strict, up: ["4xx"], ignore: [429], down: [404] } }';
    const { answers } = await planOf('answers: mine', above);
    const verdicts = [200, 403, 404, 429, 503].map((code) => verdictOfStatus(code, answers));
    expect(verdicts).toEqual(['good', 'good', 'bad', 'ignored', 'bad']);
  });

  test('a class goes before the exceptions of the base', async () => {
    const above = 'answerPolicies: { mine: { up: ["5xx"], down: [503] } }';
    const { answers } = await planOf('answers: mine', above);
    const verdicts = [500, 503, 408].map((code) => verdictOfStatus(code, answers));
    expect(verdicts).toEqual(['good', 'bad', 'bad']);
  });
});

test('the look of the request', async () => {
  const { look } = await planOf(
    'maxForwards: 0, user: ping, fromUser: us, fromDomain: us.example, headers: { X-Probe: "1" }',
  );
  expect(look).toEqual({
    maxForwards: 0,
    user: 'ping',
    fromUser: 'us',
    fromDomain: 'us.example',
    headers: 'X-Probe: 1\r\n',
  });
  expect((await planOf('maxForwards: 70')).look).toBeUndefined();
});

describe('probes without a request', () => {
  const load = async (keys: string, contract = '') =>
    await loadText(`
proxies: [{ name: edge, address: "tcp:192.0.2.9:5060", contact: "192.0.2.9:5060" }]
peeringContracts:
  - name: acme
    ${contract}
    peerServers:
      - { name: a, sipProxy: "192.0.2.1:5060", ${keys} }`);

  test('connections need a transport that makes some', async () => {
    const text =
      "'mode: connect' makes connections: it needs 'transport: tcp' or 'tls', and cannot look through a 'via'";
    for (const transport of ['udp', 'auto']) {
      const loaded = await load(`transport: ${transport}, probe: { mode: connect }`);
      expect(problemsOf(loaded)).toEqual([
        `trunkd.yaml:7:${transport === 'udp' ? 79 : 80}: ${text}`,
      ]);
    }
    for (const keys of ['transport: tcp', 'transport: tls', 'uriScheme: sips']) {
      expect(problemsOf(await load(`${keys}, probe: { mode: connect }`))).toEqual([]);
    }
    const through = await load('transport: tcp, probe: { mode: connect }', 'via: edge');
    expect(problemsOf(through).join()).toContain(text);
  });

  test('REGISTERs are rare: one that is answered is enough, unless told otherwise', async () => {
    expect(await planOf('mode: register')).toMatchObject({ mode: 'register', fall: 3, rise: 1 });
    expect(await planOf('mode: register, rise: 2')).toMatchObject({ rise: 2 });
  });
});
