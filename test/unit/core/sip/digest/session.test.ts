import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../../src/core/base/secret.ts';
import type { AuthNews } from '../../../../../src/core/sip/digest/session.ts';
import {
  byProxy,
  digest,
  granted,
  md5,
  only,
  refused,
  sessionOf,
  URI,
} from '../../../../support/digest.ts';
import { nodeHasher } from '../../../../support/node-hasher.ts';

describe('authorize', () => {
  it('says nothing before a challenge', () => {
    const session = sessionOf();
    expect(session.authorize('REGISTER', URI, '')).toBe('');
    expect(session.hasNonce).toBe(false);
    expect(session.algorithm).toBeUndefined();
  });

  it('keeps to the grammar: what is quoted, and what is not', () => {
    const session = sessionOf();
    session.accept(
      refused(digest('realm="r", nonce="n1", qop="auth,auth-int", algorithm="md5", opaque=""')),
    );
    const { name, quoted, bare } = only(session.authorize('REGISTER', URI, ''));
    expect(name).toBe('Authorization');
    expect(Object.keys(quoted).sort()).toEqual([
      'cnonce',
      'nonce',
      'opaque',
      'realm',
      'response',
      'uri',
      'username',
    ]);
    expect(bare).toEqual({ algorithm: 'md5', qop: 'auth', nc: '00000001' });
    expect(quoted).toMatchObject({
      username: 'bob',
      realm: 'r',
      nonce: 'n1',
      uri: URI,
      opaque: '',
    });
    expect(quoted['cnonce']).toMatch(/^[0-9a-f]{24,}$/);
    const { cnonce = '' } = quoted;
    expect(quoted['response']).toBe(
      md5(`${md5('bob:r:pw')}:n1:00000001:${cnonce}:auth:${md5(`REGISTER:${URI}`)}`),
    );
  });

  it('without qop uses the form of RFC 2069', () => {
    const session = sessionOf();
    session.accept(refused(digest('realm="fritz.box", nonce="00A24F3DE3202F6C"')));
    const { quoted, bare } = only(session.authorize('REGISTER', URI, ''));
    expect(Object.keys(quoted).sort()).toEqual(['nonce', 'realm', 'response', 'uri', 'username']);
    expect(bare).toEqual({});
    expect(quoted['response']).toBe(
      md5(`${md5('bob:fritz.box:pw')}:00A24F3DE3202F6C:${md5(`REGISTER:${URI}`)}`),
    );
  });

  it('with auth-int alone hashes the body', () => {
    const session = sessionOf();
    session.accept(refused(digest('realm="r", nonce="n", qop="auth-int"')));
    const { quoted, bare } = only(session.authorize('REGISTER', URI, 'body'));
    expect(bare['qop']).toBe('auth-int');
    const { cnonce = '' } = quoted;
    expect(quoted['response']).toBe(
      md5(
        `${md5('bob:r:pw')}:n:00000001:${cnonce}:auth-int:${md5(`REGISTER:${URI}:${md5('body')}`)}`,
      ),
    );
  });

  it('counts up while the nonce lives, in eight hexadecimal digits, with a new cnonce each time', () => {
    const session = sessionOf();
    session.accept(refused(digest('realm="r", nonce="n1", qop="auth"')));
    const used = Array.from({ length: 17 }, () => only(session.authorize('REGISTER', URI, '')));
    expect(used.map(({ bare }) => bare['nc']).slice(8, 11)).toEqual([
      '00000009',
      '0000000a',
      '0000000b',
    ]);
    expect(used.at(-1)?.bare['nc']).toBe('00000011');
    expect(new Set(used.map(({ quoted }) => quoted['cnonce'])).size).toBe(17);
    session.accept(refused(digest('realm="r", nonce="n2", qop="auth"')));
    expect(only(session.authorize('REGISTER', URI, '')).bare['nc']).toBe('00000001');
  });

  it('keeps the cnonce of a -sess key for as long as the nonce', () => {
    const session = sessionOf();
    session.accept(refused(digest('realm="r", nonce="n1", qop="auth", algorithm=MD5-sess')));
    const first = only(session.authorize('REGISTER', URI, ''));
    session.succeeded(granted());
    const second = only(session.authorize('REGISTER', URI, ''));
    expect(first.bare['algorithm']).toBe('MD5-sess');
    expect(second.quoted['cnonce']).toBe(first.quoted['cnonce']);
    const { cnonce = '' } = second.quoted;
    const key = md5(`${md5('bob:r:pw')}:n1:${cnonce}`);
    expect(second.quoted['response']).toBe(
      md5(`${key}:n1:00000002:${cnonce}:auth:${md5(`REGISTER:${URI}`)}`),
    );
  });

  it('escapes quotes and backslashes of the user name in the header, not in the hash', () => {
    const session = sessionOf({ username: 'b"o\\b', password: new Secret('p"w') });
    session.accept(refused(digest('realm="r", nonce="n"')));
    const { quoted } = only(session.authorize('REGISTER', URI, ''));
    expect(quoted['username']).toBe('b\\"o\\\\b');
    expect(quoted['response']).toBe(md5(`${md5('b"o\\b:r:p"w')}:n:${md5(`REGISTER:${URI}`)}`));
  });

  it('hashes and echoes realm, nonce and opaque as received', () => {
    const session = sessionOf();
    session.accept(refused(digest('realm="a, \\"b\\"", nonce="y=z, nonce=evil", opaque="o\\\\p"')));
    const { quoted } = only(session.authorize('REGISTER', URI, ''));
    expect(quoted).toMatchObject({
      realm: 'a, \\"b\\"',
      nonce: 'y=z, nonce=evil',
      opaque: 'o\\\\p',
    });
    expect(quoted['response']).toBe(
      md5(`${md5('bob:a, \\"b\\":pw')}:y=z, nonce=evil:${md5(`REGISTER:${URI}`)}`),
    );
  });

  it('writes and hashes names as UTF-8', () => {
    const session = sessionOf({ username: 'jäs', password: new Secret('ø') });
    session.accept(refused(digest('realm="r", nonce="n"')));
    const { quoted } = only(session.authorize('REGISTER', URI, ''));
    expect(quoted['username']).toBe('j\xc3\xa4s');
    expect(quoted['response']).toBe(
      md5(`${md5('j\xc3\xa4s:r:\xc3\xb8')}:n:${md5(`REGISTER:${URI}`)}`),
    );
  });
});

describe('accept', () => {
  it('tells a new nonce from the same one, and its count goes on', () => {
    const session = sessionOf();
    const challenge = refused(digest('realm="r", nonce="n1", qop="auth"'));
    expect(session.accept(challenge)).toEqual({
      kind: 'ready',
      stale: false,
      newNonce: true,
      isFurther: true,
      isFallback: false,
      realm: 'r',
    });
    session.authorize('REGISTER', URI, '');
    expect(session.accept(challenge)).toMatchObject({ kind: 'ready', newNonce: false });
    expect(only(session.authorize('REGISTER', URI, '')).bare['nc']).toBe('00000002');
    expect(session.hasNonce).toBe(true);
    expect(session.algorithm).toBe('MD5');
  });

  it.each(['stale=true', 'stale=TRUE', 'stale="True"'])('reads %s', (stale) => {
    const session = sessionOf();
    expect(session.accept(refused(digest(`realm="r", nonce="n1", ${stale}`)))).toMatchObject({
      stale: true,
    });
  });

  it.each([
    [['MD5', 'SHA-256'], 'SHA-256'],
    [['SHA-256', 'MD5'], 'SHA-256'],
    [['SHA-256', 'SHA-512-256', 'MD5'], 'SHA-512-256'],
    [['AKAv1-MD5', 'MD5'], 'MD5'],
    [['MD5', 'MD5-sess'], 'MD5'],
    [['MD5-sess', 'MD5'], 'MD5-sess'],
  ])('of %j takes %s', (offered, taken) => {
    const session = sessionOf();
    session.accept(
      refused(...offered.map((token, n) => digest(`realm="r", nonce="n${n}", algorithm=${token}`))),
    );
    const { bare, quoted } = only(session.authorize('REGISTER', URI, ''));
    expect(bare['algorithm']).toBe(taken);
    expect(quoted['nonce']).toBe(`n${offered.indexOf(taken)}`);
    expect(session.algorithm).toBe(taken);
  });

  it('computes the key anew when the algorithm changes', () => {
    const session = sessionOf();
    session.accept(refused(digest('realm="r", nonce="n1"')));
    session.accept(refused(digest('realm="r", nonce="n2", algorithm=SHA-256')));
    const { quoted } = only(session.authorize('REGISTER', URI, ''));
    const sha = (text: string) => nodeHasher.hash('sha256', text);
    expect(quoted['response']).toBe(sha(`${sha('bob:r:pw')}:n2:${sha(`REGISTER:${URI}`)}`));
  });

  it.each([
    [[], 'no WWW-Authenticate'],
    [['Basic realm="r"'], 'basic'],
    [['Digest realm="r"'], 'nonce'],
    [['Digest nonce="n"'], 'realm'],
    [['Digest realm="r", nonce="n", algorithm=AKAv1-MD5'], 'AKAv1-MD5'],
    [['Digest realm="r", nonce="n", qop="auth-conf"'], 'auth-conf'],
  ])('%j is unusable', (values, reason) => {
    const session = sessionOf();
    const verdict = session.accept(refused(...values.map((value) => `WWW-Authenticate: ${value}`)));
    expect(verdict).toEqual({ kind: 'unusable', reason: expect.stringContaining(reason) });
    expect(session.authorize('REGISTER', URI, '')).toBe('');
  });

  it('a challenge in the wrong field is none', () => {
    expect(sessionOf().accept(byProxy(digest('realm="r", nonce="n"'))).kind).toBe('unusable');
  });

  it('keeps what it had when the next challenge cannot be answered', () => {
    const session = sessionOf();
    session.accept(refused(digest('realm="r", nonce="n1", qop="auth"')));
    session.accept(refused('WWW-Authenticate: Basic realm="r"'));
    expect(only(session.authorize('REGISTER', URI, '')).quoted['nonce']).toBe('n1');
  });
});

describe('ha1 instead of a password', () => {
  const md5Key = new Secret(md5('bob:r:pw').toUpperCase());

  it('serves its own algorithm', () => {
    const session = sessionOf({ password: undefined, ha1: md5Key, realm: 'r' });
    session.accept(
      refused(digest('realm="r", nonce="n", algorithm=SHA-256'), digest('realm="r", nonce="m"')),
    );
    expect(only(session.authorize('REGISTER', URI, '')).quoted['response']).toBe(
      md5(`${md5('bob:r:pw')}:m:${md5(`REGISTER:${URI}`)}`),
    );
  });

  it('of 64 digits is for SHA-256', () => {
    const sha = (text: string) => nodeHasher.hash('sha256', text);
    const session = sessionOf({
      password: undefined,
      ha1: new Secret(sha('bob:r:pw')),
      realm: 'r',
    });
    session.accept(
      refused(digest('realm="r", nonce="m"'), digest('realm="r", nonce="n", algorithm=SHA-256')),
    );
    expect(only(session.authorize('REGISTER', URI, '')).quoted['response']).toBe(
      sha(`${sha('bob:r:pw')}:n:${sha(`REGISTER:${URI}`)}`),
    );
  });

  it('for another algorithm is unusable', () => {
    const session = sessionOf({ password: undefined, ha1: md5Key, realm: 'r' });
    expect(session.accept(refused(digest('realm="r", nonce="n", algorithm=SHA-256'))).kind).toBe(
      'unusable',
    );
  });
});

describe('succeeded', () => {
  const WRONG_PROOF = [{ kind: 'wrongProof', realm: 'r' }];
  const toldBy = (session: ReturnType<typeof sessionOf>, response: ReturnType<typeof granted>) => {
    const told: AuthNews[] = [];
    session.succeeded(response, 'freshNonce', (news) => told.push(news));
    return told;
  };
  const started = (rest = 'qop="auth"') => {
    const session = sessionOf();
    session.accept(refused(digest(`realm="r", nonce="n1", ${rest}`)));
    const { quoted, bare } = only(session.authorize('REGISTER', URI, ''));
    const cnonce = quoted['cnonce'] ?? '';
    const ha2 = bare['qop'] === 'auth-int' ? md5(`:${URI}:${md5('')}`) : md5(`:${URI}`);
    const proof = md5(`${md5('bob:r:pw')}:n1:${bare['nc']}:${cnonce}:${bare['qop']}:${ha2}`);
    return { session, proof };
  };
  const info = (rest: string) => granted(`Authentication-Info: ${rest}`);

  it('without Authentication-Info leaves the nonce in use', () => {
    const { session } = started();
    expect(toldBy(session, granted())).toEqual([]);
    expect(only(session.authorize('REGISTER', URI, '')).bare['nc']).toBe('00000002');
  });

  it('takes nextnonce, and counts from 1', () => {
    const { session } = started();
    expect(toldBy(session, info('nextnonce="n2"'))).toEqual([]);
    const { quoted, bare } = only(session.authorize('REGISTER', URI, ''));
    expect([quoted['nonce'], bare['nc']]).toEqual(['n2', '00000001']);
  });

  it('the nonce in use as nextnonce is nothing new', () => {
    const { session } = started();
    session.succeeded(info('nextnonce="n1"'));
    expect(only(session.authorize('REGISTER', URI, '')).bare['nc']).toBe('00000002');
  });

  it.each(['qop="auth"', 'qop="auth-int"'])('checks rspauth with %s', (rest) => {
    const { session, proof } = started(rest);
    expect(toldBy(session, info(`rspauth="${proof.toUpperCase()}", nextnonce="n2"`))).toEqual([]);
    expect(toldBy(started(rest).session, info('rspauth="00"'))).toEqual(WRONG_PROOF);
  });

  it('takes nextnonce also where rspauth does not match', () => {
    const { session } = started();
    expect(
      toldBy(session, info('nextnonce="n2", qop=auth, nc=00000001, cnonce="x", rspauth="00"')),
    ).toEqual(WRONG_PROOF);
    expect(only(session.authorize('REGISTER', URI, '')).quoted['nonce']).toBe('n2');
  });

  it('without a nonce has nothing to check', () => {
    expect(toldBy(sessionOf(), info('rspauth="00", nextnonce="x"'))).toEqual([]);
    expect(sessionOf().hasNonce).toBe(false);
  });
});

it('what was refused is not sent ahead; a nonce that comes back is counted on', () => {
  const session = sessionOf();
  session.accept(refused(digest('realm="r", nonce="n1", qop="auth"')));
  session.authorize('REGISTER', URI, '');
  session.refused();
  expect(session.hasNonce).toBe(false);
  expect(session.authorize('REGISTER', URI, '')).toBe('');
  session.accept(refused(digest('realm="r", nonce="n1", qop="auth"')));
  expect(only(session.authorize('REGISTER', URI, '')).bare['nc']).toBe('00000002');
});

it('no secret can be read from a session', () => {
  const session = sessionOf({ password: new Secret('canary-password') });
  session.accept(refused(digest('realm="r", nonce="n1", qop="auth"')));
  const lines = session.authorize('REGISTER', URI, '');
  const shown = JSON.stringify(session) + String(session) + lines;
  expect(shown).not.toContain('canary-password');
  expect(shown).not.toContain(md5('bob:r:canary-password'));
});

describe('a nonce of before', () => {
  const challenge = (realm: string, nonce: string) =>
    refused(digest(`realm="${realm}", nonce="${nonce}", qop="auth"`));
  /** Each nonce in turn is challenged with, and answered once: what `nc` says. */
  const counts = (nonces: readonly string[], realmOf = (_: string) => 'r') => {
    const session = sessionOf();
    return nonces.map((nonce) => {
      session.accept(challenge(realmOf(nonce), nonce), 'cachedNonce');
      const { quoted, bare } = only(session.authorize('REGISTER', URI, ''));
      expect(quoted['nonce']).toBe(nonce);
      return Number.parseInt(bare['nc'] ?? '', 16);
    });
  };

  it('is counted on where servers take turns, each with its own (RFC 7616 section 3.4)', () => {
    expect(counts(['a', 'b', 'a', 'b', 'a'])).toEqual([1, 1, 2, 2, 3]);
    expect(counts(['a', 'b', 'c', 'd', 'a', 'b', 'c', 'd'])).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
  });

  it('is counted on where they have their own realms, too', () => {
    expect(counts(['a', 'b', 'a', 'b'], (nonce) => `realm of ${nonce}`)).toEqual([1, 1, 2, 2]);
  });

  it('is forgotten after some more, and a new one always begins at 1', () => {
    expect(counts(['a', 'b', 'c', 'd', 'e', 'a'])).toEqual([1, 1, 1, 1, 1, 1]);
    const fresh = Array.from({ length: 2_000 }, (_, index) => md5(`${index}`));
    expect(new Set(counts(fresh))).toEqual(new Set([1]));
  });
});
