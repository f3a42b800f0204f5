import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../../src/core/base/secret.ts';
import type { DigestPolicy } from '../../../../../src/core/sip/digest/algorithm.ts';
import type {
  AuthNews,
  Carried,
  DigestSession,
} from '../../../../../src/core/sip/digest/session.ts';
import {
  byProxy,
  digest,
  granted,
  linesOf,
  md5,
  only,
  refused,
  sessionOf,
  URI,
} from '../../../../support/digest.ts';

const offer = (algorithm: string, nonce = 'n', more = '') =>
  digest(`realm="r", nonce="${nonce}", qop="auth", algorithm=${algorithm}${more}`);
const offers = (algorithms: readonly string[], nonce = 'n') =>
  refused(...algorithms.map((algorithm) => offer(algorithm, nonce)));

const sentBy = (session: DigestSession) => only(session.authorize('REGISTER', URI, ''));

/** What a whole exchange tells: the challenge answered, and the request accepted. */
function accepted(session: DigestSession, algorithms: readonly string[], nonce: string) {
  const told: AuthNews[] = [];
  const tell = (news: AuthNews) => told.push(news);
  session.begin();
  session.authorize('REGISTER', URI, '');
  const verdict = session.accept(offers(algorithms, nonce), 'cachedNonce', tell);
  if (verdict.kind === 'ready') {
    session.authorize('REGISTER', URI, '');
    session.succeeded(granted(), 'freshNonce', tell);
  }
  return { verdict, told };
}

describe('which algorithm is taken (SEC-02)', () => {
  const ALL = ['sha512-256', 'sha256', 'md5'] as const;
  const orders = [
    ['SHA-512-256', 'SHA-256', 'MD5'],
    ['MD5', 'SHA-256', 'SHA-512-256'],
    ['SHA-256', 'MD5', 'SHA-512-256'],
  ];
  const rows: readonly (readonly [Partial<DigestPolicy>, readonly string[]])[] = [
    [{ hashes: ALL }, ['SHA-512-256', 'SHA-512-256', 'SHA-512-256']],
    [{ hashes: ['sha256', 'md5'] }, ['SHA-256', 'SHA-256', 'SHA-256']],
    [{ hashes: ['md5', 'sha256'] }, ['MD5', 'MD5', 'MD5']],
    [{ hashes: ['md5'] }, ['MD5', 'MD5', 'MD5']],
    [{ hashes: ALL, order: 'server' }, ['SHA-512-256', 'MD5', 'SHA-256']],
    [{ hashes: ['sha256'], order: 'server' }, ['SHA-256', 'SHA-256', 'SHA-256']],
  ];
  const cells = rows.flatMap(([policy, taken]) =>
    orders.map((offered, index) => [policy, offered, taken[index] ?? ''] as const),
  );
  it.each(cells)('%j, offered %j: %s', (policy, offered, taken) => {
    const session = sessionOf({}, policy);
    session.accept(offers(offered));
    expect(sentBy(session).bare['algorithm']).toBe(taken);
  });

  it('MD5 can be forbidden, also where it is not named', () => {
    for (const challenge of [offer('MD5'), offer('MD5-sess'), digest('realm="r", nonce="n"')]) {
      const session = sessionOf({}, { hashes: ['sha512-256', 'sha256'] });
      expect(session.accept(refused(challenge))).toEqual({
        kind: 'unusable',
        reason: expect.stringMatching(/configuration does not allow.*MD5/),
      });
      expect(session.authorize('REGISTER', URI, '')).toBe('');
    }
  });

  it('ha1 of 64 digits serves the algorithm that it was made with, and no other', () => {
    const ha1 = new Secret('ab'.repeat(32));
    const session = sessionOf({ password: undefined, ha1, ha1Hash: 'sha512-256', realm: 'r' });
    session.accept(offers(['SHA-256', 'SHA-512-256', 'MD5']));
    expect(sentBy(session).bare['algorithm']).toBe('SHA-512-256');
    expect(session.accept(offers(['SHA-256', 'MD5'])).kind).toBe('unusable');
  });
});

describe('a weaker offer than was accepted once', () => {
  const WEAKER = [{ kind: 'weakerOffer', offered: 'MD5', proven: 'SHA-256' }];

  it('is told, and answered', () => {
    const session = sessionOf();
    expect(accepted(session, ['SHA-256', 'MD5'], 'n1').told).toEqual([]);
    expect(accepted(session, ['MD5'], 'n2')).toMatchObject({
      verdict: { kind: 'ready' },
      told: WEAKER,
    });
    expect(accepted(session, ['SHA-256'], 'n3').told).toEqual([]);
  });

  it('is refused where the algorithm is pinned, and nothing is sent', () => {
    const session = sessionOf({}, { isPinned: true });
    accepted(session, ['SHA-256', 'MD5'], 'n1');
    const { verdict } = accepted(session, ['MD5'], 'n2');
    expect(verdict).toEqual({ kind: 'downgrade', offered: 'MD5', proven: 'SHA-256' });
    session.refused();
    expect(session.authorize('REGISTER', URI, '')).toBe('');
  });

  it('is only what the same kind of server accepted: a proxy may be weaker than the registrar', () => {
    const session = sessionOf({}, { isPinned: true });
    accepted(session, ['SHA-256'], 'n1');
    const proxy = byProxy('Proxy-Authenticate: Digest realm="p", nonce="p1", qop="auth"');
    expect(session.accept(proxy).kind).toBe('ready');
  });

  it('does not count as accepted before a 2xx came', () => {
    const session = sessionOf({}, { isPinned: true });
    session.accept(offers(['SHA-256'], 'n1'));
    session.authorize('REGISTER', URI, '');
    expect(session.accept(offers(['MD5'], 'n2')).kind).toBe('ready');
  });
});

describe('a registrar that offers SHA-256 first and verifies MD5 only', () => {
  const DUAL = ['SHA-256', 'MD5'];

  function fellBack(policy: Partial<DigestPolicy> = {}) {
    const session = sessionOf({}, policy);
    const told: AuthNews[] = [];
    const tell = (news: AuthNews) => told.push(news);
    session.begin();
    session.accept(offers(DUAL, 'n1'), 'nothing', tell);
    const first = sentBy(session).bare['algorithm'];
    const verdict = session.accept(offers(DUAL, 'n1'), 'freshNonce', tell);
    const second = sentBy(session);
    return { session, told, tell, first, verdict, second };
  }

  it('gets MD5 as the second and last try, which is told once it is accepted', () => {
    const { session, told, tell, first, verdict, second } = fellBack();
    expect(first).toBe('SHA-256');
    expect(verdict).toMatchObject({ kind: 'ready', isFallback: true });
    expect(second.bare).toMatchObject({ algorithm: 'MD5', nc: '00000002' });
    expect(told).toEqual([]);
    session.succeeded(granted(), 'freshNonce', tell);
    expect(told).toEqual([{ kind: 'fellBack', from: 'SHA-256', to: 'MD5' }]);
  });

  it('gets MD5 at once from then on', () => {
    const { session, told, tell } = fellBack();
    session.succeeded(granted(), 'freshNonce', tell);
    session.begin();
    session.accept(offers(DUAL, 'n2'), 'cachedNonce', tell);
    expect(sentBy(session).bare['algorithm']).toBe('MD5');
    session.succeeded(granted(), 'freshNonce', tell);
    expect(told).toHaveLength(1);
  });

  it('is asked from the top again after that was refused, too', () => {
    const { session } = fellBack();
    session.refused();
    session.begin();
    session.accept(offers(DUAL, 'n3'));
    expect(sentBy(session).bare['algorithm']).toBe('SHA-256');
  });

  it('gets no MD5 where it is forbidden or pinned, or where SHA-256 was accepted before', () => {
    for (const policy of [{ hashes: ['sha256'] }, { isPinned: true }] as const) {
      const { verdict, second } = fellBack(policy);
      expect(verdict).toMatchObject({ isFallback: false, newNonce: false });
      expect(second.bare['algorithm']).toBe('SHA-256');
    }
    const session = sessionOf();
    accepted(session, ['SHA-256'], 'n1');
    session.begin();
    session.authorize('REGISTER', URI, '');
    session.accept(offers(DUAL, 'n2'), 'cachedNonce');
    session.authorize('REGISTER', URI, '');
    expect(session.accept(offers(DUAL, 'n2'), 'freshNonce')).toMatchObject({ isFallback: false });
    expect(sentBy(session).bare['algorithm']).toBe('SHA-256');
  });

  it('gets SHA-256 again where it only says that the nonce was too old', () => {
    const session = sessionOf();
    session.accept(offers(DUAL, 'n1'));
    session.authorize('REGISTER', URI, '');
    const stale = refused(offer('SHA-256', 'n2', ', stale=true'), offer('MD5', 'n2'));
    expect(session.accept(stale, 'freshNonce')).toMatchObject({ stale: true, isFallback: false });
    expect(sentBy(session).bare['algorithm']).toBe('SHA-256');
  });
});

describe('answering ahead (A7)', () => {
  const refresh = (session: DigestSession, nonce: string, isRefused: boolean) => {
    const carried: Carried = session.begin() ? 'cachedNonce' : 'nothing';
    session.authorize('REGISTER', URI, '');
    if (!isRefused && carried === 'cachedNonce') {
      session.succeeded(granted(), carried);
      return carried;
    }
    session.accept(offers(['MD5'], nonce), carried);
    session.authorize('REGISTER', URI, '');
    session.succeeded(granted(), 'freshNonce');
    return carried;
  };

  it('ends for the account after two refusals in a row', () => {
    const session = sessionOf();
    const nonces = ['a', 'b', 'c', 'd', 'e'];
    expect(nonces.map((nonce) => refresh(session, nonce, true))).toEqual([
      'nothing',
      'cachedNonce',
      'cachedNonce',
      'nothing',
      'nothing',
    ]);
  });

  it('goes on where refusals are single', () => {
    const session = sessionOf();
    const refusals = [true, true, false, true, false, true, false];
    const carried = refusals.map((isRefused, n) => refresh(session, `n${n}`, isRefused));
    expect(carried.slice(1)).toEqual(Array(6).fill('cachedNonce'));
  });
});

describe('one answer with the challenges of several servers (RFC 3261 section 22.3)', () => {
  it('of both fields: each gets its credential, in the next request already', () => {
    for (const build of [refused, byProxy]) {
      const session = sessionOf();
      session.accept(
        build(
          digest('realm="r1", nonce="a", qop="auth"'),
          digest('realm="r2", nonce="b", qop="auth"'),
          'Proxy-Authenticate: Digest realm="p1", nonce="c", qop="auth"',
        ),
      );
      const lines = linesOf(session.authorize('REGISTER', URI, ''));
      expect(lines.map(({ name, quoted }) => [name, quoted['realm'], quoted['nonce']])).toEqual([
        ['Authorization', 'r1', 'a'],
        ['Authorization', 'r2', 'b'],
        ['Proxy-Authorization', 'p1', 'c'],
      ]);
    }
  });

  it('refreshes carry all of them ahead, each with its own count', () => {
    const session = sessionOf();
    session.accept(byProxy('Proxy-Authenticate: Digest realm="p", nonce="p1", qop="auth"'));
    session.authorize('REGISTER', URI, '');
    session.accept(refused(digest('realm="r", nonce="n1", qop="auth"')), 'freshNonce');
    session.authorize('REGISTER', URI, '');
    session.succeeded(granted(), 'freshNonce');
    expect(session.begin()).toBe(true);
    const lines = linesOf(session.authorize('REGISTER', URI, ''));
    expect(lines.map(({ quoted, bare }) => [quoted['realm'], bare['nc']])).toEqual([
      ['r', '00000002'],
      ['p', '00000003'],
    ]);
  });

  it('only pinned realms among them are answered', () => {
    const session = sessionOf({ realm: ['r2', 'p1'] });
    session.accept(
      refused(
        digest('realm="r1", nonce="a"'),
        digest('realm="r2", nonce="b"'),
        'Proxy-Authenticate: Digest realm="evil", nonce="c"',
      ),
    );
    expect(sentBy(session).quoted['realm']).toBe('r2');
    expect(session.accept(refused(digest('realm="r1", nonce="a"')))).toEqual({
      kind: 'realm',
      offered: 'r1',
      expected: 'r2", "p1',
    });
  });
});

describe('the proof of a proxy', () => {
  it('stands in Proxy-Authentication-Info, and has its own nextnonce', () => {
    const session = sessionOf();
    session.accept(byProxy('Proxy-Authenticate: Digest realm="p", nonce="p1", qop="auth"'));
    const { quoted, bare } = sentBy(session);
    const cnonce = quoted['cnonce'] ?? '';
    const proof = md5(`${md5('bob:p:pw')}:p1:${bare['nc']}:${cnonce}:auth:${md5(`:${URI}`)}`);
    const told: AuthNews[] = [];
    const info = `Proxy-Authentication-Info: nextnonce="p2", rspauth="${proof}"`;
    session.succeeded(granted(info), 'freshNonce', (news) => told.push(news));
    expect(told).toEqual([]);
    expect(sentBy(session)).toMatchObject({ quoted: { nonce: 'p2' }, bare: { nc: '00000001' } });
  });
});

describe('hostile challenges are bounded', () => {
  it.each([
    ['a nonce of 8 kB', [digest(`realm="r", nonce="${'n'.repeat(8_000)}"`)], 'unusable'],
    ['a realm of 2 kB', [digest(`realm="${'r'.repeat(2_000)}", nonce="n"`)], 'unusable'],
    [
      'the ninth challenge',
      [...Array.from({ length: 8 }, () => 'WWW-Authenticate: Basic realm="r"'), offer('MD5')],
      'unusable',
    ],
    ['forty parameters', [digest(`realm="r", nonce="n", ${'x=y, '.repeat(40)}z="1"`)], 'ready'],
    ['an open quote', [digest('realm="r", nonce="n')], 'unusable'],
    ['200 challenges', Array.from({ length: 200 }, () => offer('MD5')), 'ready'],
  ] as const)('%s', (_, lines, kind) => {
    const session = sessionOf();
    expect(session.accept(refused(...lines)).kind).toBe(kind);
    expect(linesOf(session.authorize('REGISTER', URI, '')).length).toBe(kind === 'ready' ? 1 : 0);
  });
});
