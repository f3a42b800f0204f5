import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../../src/core/base/secret.ts';
import { algorithmOf } from '../../../../../src/core/sip/digest/algorithm.ts';
import { type Challenge, challengesOf } from '../../../../../src/core/sip/digest/challenge.ts';
import { digestResponse, ha1Of } from '../../../../../src/core/sip/digest/compute.ts';
import { DigestSession } from '../../../../../src/core/sip/digest/session.ts';
import { nodeHasher } from '../../../../support/node-hasher.ts';
import { SeededRandom } from '../../../../support/seeded-random.ts';
import { jsonOf, parsed, responseWire } from '../../../../support/wire.ts';

interface DigestVector {
  readonly id: string;
  readonly username: string;
  readonly realm: string;
  readonly password: string;
  readonly nonce: string;
  readonly method: string;
  readonly uri: string;
  readonly qop?: 'auth' | 'auth-int';
  readonly nc?: string;
  readonly cnonce?: string;
  readonly algorithm?: string;
  readonly body?: string;
  readonly response: string;
  readonly recomputed_ok: boolean;
}

interface ChallengeForm {
  readonly id: string;
  readonly raw: string;
  readonly header?: 'Proxy-Authenticate';
  readonly expect: Readonly<Record<string, unknown>>;
}

const { vectors, challenges } = jsonOf<{
  vectors: readonly DigestVector[];
  challenges: readonly ChallengeForm[];
}>('digest/vectors.json');

function computed(vector: DigestVector): string {
  const algorithm = algorithmOf(vector.algorithm);
  if (algorithm === undefined) throw new Error(vector.algorithm);
  const { nonce, method, uri, qop, nc = '', cnonce = '', body = '' } = vector;
  const ha1 = ha1Of(vector, algorithm.hash, nodeHasher);
  return digestResponse({ algorithm, ha1, nonce, method, uri, qop, nc, cnonce, body }, nodeHasher);
}

describe('digest vectors', () => {
  it('finds all of them', () => {
    expect(vectors).toHaveLength(11);
    expect(vectors.filter((vector) => !vector.recomputed_ok)).toHaveLength(1);
  });

  it.each(vectors)('$id', (vector) => {
    if (vector.recomputed_ok) expect(computed(vector)).toBe(vector.response);
    else expect(computed(vector)).not.toBe(vector.response);
  });

  // No published vector has a -sess algorithm: the formula of RFC 7616 section 3.4.2 by hand.
  it.each([
    ['MD5-sess', 'md5'],
    ['sha-256-SESS', 'sha256'],
    ['SHA-512-256-sess', 'sha512-256'],
  ] as const)('%s binds the key to nonce and cnonce', (token, name) => {
    const algorithm = algorithmOf(token);
    if (algorithm === undefined) throw new Error(token);
    const h = (text: string) => nodeHasher.hash(name, text);
    const a1 = h(`${h('u:r:p')}:n:c`);
    expect(
      digestResponse(
        {
          algorithm,
          ha1: h('u:r:p'),
          nonce: 'n',
          cnonce: 'c',
          nc: '00000002',
          qop: 'auth',
          method: 'M',
          uri: 'x',
          body: '',
        },
        nodeHasher,
      ),
    ).toBe(h(`${a1}:n:00000002:c:auth:${h('M:x')}`));
  });
});

describe('challenge forms', () => {
  const headerOf = (form: ChallengeForm) => form.header ?? 'WWW-Authenticate';
  const messageOf = (form: ChallengeForm) =>
    parsed(responseWire(form.header === undefined ? 401 : 407, `${headerOf(form)}: ${form.raw}`));
  const verdictOf = (form: ChallengeForm) => {
    const credentials = {
      username: 'u',
      password: new Secret('p'),
      ha1: undefined,
      realm: undefined,
    };
    const session = new DigestSession(credentials, nodeHasher, new SeededRandom(1));
    return session.accept(messageOf(form));
  };
  /** The part of a challenge that the vector names, as the vector writes it. */
  const partOf = (challenge: Challenge | undefined, name: string): unknown => {
    if (name === 'realmRaw') return challenge?.realm;
    if (name === 'algorithm') return challenge?.algorithm ?? null;
    return challenge?.[name as keyof Challenge];
  };

  it('finds all of them', () => {
    expect(challenges).toHaveLength(23);
  });

  it.each(challenges)('$id', (form) => {
    const found = challengesOf(messageOf(form), headerOf(form));
    const { usable, tolerant, mustNotCrash, count, mayBeOne, ...parts } = form.expect;
    expect(found).toHaveLength(typeof count === 'number' ? count : 1);
    for (const [name, value] of Object.entries(parts)) {
      const part = partOf(found[0], name);
      const isToken = name === 'algorithm' && typeof part === 'string';
      expect(isToken ? part.toUpperCase() : part, name).toEqual(value);
    }
    expect(verdictOf(form).kind).toBe(usable === false ? 'unusable' : 'ready');
  });

  it('c17: the first of two qop counts', () => {
    const form = challenges.find(({ id }) => id === 'c17');
    expect(form).toBeDefined();
    if (form !== undefined)
      expect(challengesOf(messageOf(form), headerOf(form))[0]?.qop).toEqual(['auth']);
  });

  it('c21: the parameters of two challenges are not glued together', () => {
    const form = challenges.find(({ id }) => id === 'c21');
    expect(form).toBeDefined();
    if (form === undefined) return;
    expect(challengesOf(messageOf(form), headerOf(form)).map(({ algorithm }) => algorithm)).toEqual(
      ['SHA-256', 'MD5'],
    );
  });

  it('are bounded in number and in size', () => {
    const many = Array.from(
      { length: 20 },
      (_, n) => `WWW-Authenticate: Digest realm="${n}", nonce="n"`,
    );
    expect(challengesOf(parsed(responseWire(401, ...many)), 'WWW-Authenticate')).toHaveLength(8);
    const inOne = Array.from({ length: 20 }, (_, n) => `Digest realm="${n}", nonce="n"`).join(', ');
    const listed = parsed(responseWire(401, `WWW-Authenticate: ${inOne}`));
    expect(challengesOf(listed, 'WWW-Authenticate')).toHaveLength(8);
    const long = parsed(
      responseWire(401, `WWW-Authenticate: Digest realm="r", nonce="${'x'.repeat(1025)}"`),
    );
    expect(challengesOf(long, 'WWW-Authenticate')[0]?.nonce).toBeUndefined();
  });

  it.each([
    'Digest realm="x',
    'Digest realm="x", ="y"',
    '"',
    ',',
    '',
    'Digest',
    'Digest =',
    'Digest realm=x"y"z, nonce=a\\b',
  ])('junk %j gives nothing that can be answered', (raw) => {
    expect(verdictOf({ id: 'junk', raw, expect: {} }).kind).toBe('unusable');
  });
});
