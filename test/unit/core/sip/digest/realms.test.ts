import { describe, expect, it } from 'vitest';
import type { AuthNews } from '../../../../../src/core/sip/digest/session.ts';
import {
  byProxy,
  digest,
  linesOf,
  only,
  refused,
  sessionOf,
  URI,
} from '../../../../support/digest.ts';

describe('realms', () => {
  it('any will do where none is pinned; a changed one is told, and replaces the other', () => {
    const session = sessionOf();
    session.accept(refused(digest('realm="old", nonce="n1"')));
    const told: AuthNews[] = [];
    const verdict = session.accept(
      refused(digest('realm="new", nonce="n2"')),
      'cachedNonce',
      (news) => told.push(news),
    );
    expect(verdict).toMatchObject({ kind: 'ready', realm: 'new' });
    expect(told).toEqual([{ kind: 'realmChanged', from: 'old', to: 'new' }]);
    expect(only(session.authorize('REGISTER', URI, '')).quoted['realm']).toBe('new');
  });

  it('a pinned one is the only one that is answered', () => {
    const session = sessionOf({ realm: 'acme' });
    expect(session.accept(refused(digest('realm="evil", nonce="n1"')))).toEqual({
      kind: 'realm',
      offered: 'evil',
      expected: 'acme',
    });
    expect(session.authorize('REGISTER', URI, '')).toBe('');
    session.accept(refused(digest('realm="evil", nonce="n1"'), digest('realm="acme", nonce="n2"')));
    expect(only(session.authorize('REGISTER', URI, '')).quoted['realm']).toBe('acme');
  });

  it('a pinned one is compared without the quoting of the wire', () => {
    const session = sessionOf({ realm: 'a "b" ñ' });
    expect(session.accept(refused(digest('realm="a \\"b\\" \xc3\xb1", nonce="n1"'))).kind).toBe(
      'ready',
    );
  });

  it('407 and then 401: both credentials in the third request', () => {
    const session = sessionOf();
    session.accept(
      byProxy('Proxy-Authenticate: Digest realm="proxy.test", nonce="p1", qop="auth"'),
    );
    expect(only(session.authorize('REGISTER', URI, '')).name).toBe('Proxy-Authorization');
    session.accept(refused(digest('realm="registrar.test", nonce="n1", qop="auth"')));
    const lines = linesOf(session.authorize('REGISTER', URI, ''));
    expect(lines.map(({ name, quoted, bare }) => [name, quoted['nonce'], bare['nc']])).toEqual([
      ['Authorization', 'n1', '00000001'],
      ['Proxy-Authorization', 'p1', '00000002'],
    ]);
  });

  it('two proxies in a row add up; several realms in one 401 get one credential each', () => {
    const session = sessionOf();
    session.accept(byProxy('Proxy-Authenticate: Digest realm="p1", nonce="a"'));
    session.accept(byProxy('Proxy-Authenticate: Digest realm="p2", nonce="b"'));
    expect(
      linesOf(session.authorize('REGISTER', URI, '')).map(({ quoted }) => quoted['realm']),
    ).toEqual(['p1', 'p2']);
    const forked = sessionOf();
    forked.accept(refused(digest('realm="r1", nonce="a"'), digest('realm="r2", nonce="b"')));
    expect(
      linesOf(forked.authorize('REGISTER', URI, '')).map(({ quoted }) => quoted['realm']),
    ).toEqual(['r1', 'r2']);
  });

  it('never keeps more than four of proxies', () => {
    const session = sessionOf();
    for (let n = 0; n < 20; n += 1) {
      session.accept(byProxy(`Proxy-Authenticate: Digest realm="p${n}", nonce="x"`));
    }
    session.accept(refused(digest('realm="r", nonce="n"')));
    const lines = linesOf(session.authorize('REGISTER', URI, ''));
    expect(lines.map(({ quoted }) => quoted['realm'])).toEqual(['r', 'p16', 'p17', 'p18', 'p19']);
  });
});
