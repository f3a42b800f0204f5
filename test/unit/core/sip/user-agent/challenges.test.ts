/** To whom a digest goes, and to whom none ever does: reliability 4.5, SEC-01 and SEC-06. */
import { describe, expect, it } from 'vitest';
import { success } from '../../../../../src/core/base/fault.ts';
import { challenge, setUpExchange, TARGET } from '../../../../support/exchange-rig.ts';
import { answerTo, fieldOf, testFlow } from '../../../../support/recording-transport.ts';

const UNPACED = { perTarget: 0, burst: 3, max: 0 };
const byProxy = (realm: string) =>
  `Proxy-Authenticate: Digest realm="${realm}", nonce="p1", qop="auth"`;

function digestsIn(rig: ReturnType<typeof setUpExchange>): readonly string[] {
  return rig.transport.sent
    .map(({ wire }) => wire)
    .filter((wire) => /^(Proxy-)?Authorization:/im.test(wire));
}

describe('no digest goes out', () => {
  it.each([
    ['from another address', testFlow('udp', { address: '192.0.2.66', port: 5060 })],
    ['over another transport', testFlow('tcp', { address: '192.0.2.66', port: 5060 })],
  ])('to a challenge %s', (_, flow) => {
    const rig = setUpExchange();
    rig.start();
    for (const line of [challenge('n1'), challenge('n1', ', stale=true')]) {
      const forged = answerTo(rig.transport.last, '401 Unauthorized', line);
      rig.stack.received(forged, flow, rig.time.now());
    }
    expect(digestsIn(rig)).toEqual([]);
    expect(rig.outcomes).toEqual([]);
    // Whoever was asked still has the word.
    rig.answer('200 OK');
    expect(rig.outcomes).toMatchObject([{ status: 200, requests: 1 }]);
  });

  it('to a challenge of what we never asked', () => {
    const rig = setUpExchange();
    rig.start();
    const [wire] = [rig.transport.last];
    rig.answer('200 OK');
    for (const forge of [
      (text: string) => text,
      (text: string) => text.replace(/branch=\S+/, 'branch=z9hG4bKforged'),
      (text: string) => text.replace('REGISTER', 'INVITE'),
    ]) {
      const forged = answerTo(forge(wire), '401 Unauthorized', challenge('n1'));
      rig.stack.received(forged, testFlow(), rig.time.now());
    }
    expect(rig.transport.sent).toHaveLength(1);
    expect(digestsIn(rig)).toEqual([]);
  });

  it('for another realm than the pinned one, whoever asks', () => {
    for (const [status, line] of [
      ['401 Unauthorized', challenge('n1').replace('registrar.test', 'evil.test')],
      ['407 Proxy Authentication Required', byProxy('evil.test')],
    ] as const) {
      const rig = setUpExchange(UNPACED, { realm: ['registrar.test', 'proxy.test'] });
      rig.start();
      rig.answer(status, line);
      expect(digestsIn(rig)).toEqual([]);
      expect(rig.outcomes).toMatchObject([{ refusal: { kind: 'realm', offered: 'evil.test' } }]);
    }
  });

  it('to OPTIONS without credentials of its own', () => {
    const rig = setUpExchange();
    rig.start({ session: undefined });
    rig.answer('407 Proxy Authentication Required', byProxy('evil.test'));
    expect(digestsIn(rig)).toEqual([]);
    expect(rig.outcomes).toMatchObject([{ refusal: { kind: 'noCredentials' } }]);
  });

  it('as Basic, whatever stands beside it', () => {
    const rig = setUpExchange();
    rig.start();
    rig.answer('401 Unauthorized', 'WWW-Authenticate: Basic realm="x"', challenge('n1'));
    expect(digestsIn(rig)).toHaveLength(1);
    expect(rig.transport.last).not.toMatch(/Basic/i);
  });
});

describe('a digest goes to the target that asked, and no other', () => {
  it('the repeat takes the flow of the request', () => {
    const rig = setUpExchange();
    const flow = testFlow('tcp');
    rig.transport.next = success(flow);
    rig.start({ target: { ...TARGET, protocol: 'tcp' }, sourceCheck: 'off' });
    const asked = answerTo(rig.transport.last, '401 Unauthorized', challenge('n1'));
    rig.stack.received(asked, testFlow('udp', { address: '192.0.2.66', port: 1 }), rig.time.now());
    expect(rig.transport.sent.map((sent) => sent.flow)).toEqual([flow, flow]);
  });
});

describe('endless challenges end (SEC-06)', () => {
  const rounds = (lines: (n: number) => readonly string[], isProxy = false) => {
    const rig = setUpExchange();
    rig.start();
    for (let n = 1; n <= 20 && rig.outcomes.length === 0; n += 1) {
      rig.answer(isProxy ? '407 Proxy' : '401 Unauthorized', ...lines(n));
    }
    expect(rig.outcomes).toHaveLength(1);
    return digestsIn(rig).length;
  };

  it.each([
    ['new nonces', 2, (n: number) => [challenge(`n${n}`)]],
    ['new nonces, always stale', 3, (n: number) => [challenge(`n${n}`, ', stale=true')]],
    ['the same nonce', 1, () => [challenge('n')]],
    ['the same nonce, always stale', 1, () => [challenge('n', ', stale=true')]],
    ['new realms', 2, (n: number) => [challenge('n').replace('registrar', `r${n}`)]],
    [
      'two algorithms, the same nonce',
      2,
      () => [challenge('n', ', algorithm=SHA-256'), challenge('n', ', algorithm=MD5')],
    ],
  ] as const)('%s: %i digests', (_, most, lines) => {
    expect(rounds(lines)).toBe(most);
  });

  it('new realms of ever more proxies: four digests', () => {
    expect(rounds((n) => [byProxy(`p${n}`)], true)).toBe(4);
  });
});

it('407, then 401: the third request has both credentials, with a new branch and CSeq each', () => {
  const rig = setUpExchange();
  rig.start();
  rig.answer('407 Proxy Authentication Required', byProxy('proxy.test'));
  rig.answer('401 Unauthorized', challenge('n1'));
  const third = rig.transport.last;
  expect(fieldOf(third, 'Proxy-Authorization')).toContain('realm="proxy.test"');
  expect(fieldOf(third, 'Authorization')).toContain('realm="registrar.test"');
  rig.answer('200 OK');
  expect(rig.outcomes).toMatchObject([{ status: 200, requests: 3 }]);
  const wires = rig.transport.sent.map(({ wire }) => wire);
  expect(wires.map((wire) => fieldOf(wire, 'CSeq'))).toEqual([
    '1 REGISTER',
    '2 REGISTER',
    '3 REGISTER',
  ]);
  expect(new Set(wires.map((wire) => fieldOf(wire, 'Via'))).size).toBe(3);
});
