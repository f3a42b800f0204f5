import { expect } from 'vitest';
import { Secret } from '../../src/core/base/secret.ts';
import { type DigestPolicy, STRONGEST_FIRST } from '../../src/core/sip/digest/algorithm.ts';
import type { Credentials } from '../../src/core/sip/digest/ports.ts';
import { DigestSession } from '../../src/core/sip/digest/session.ts';
import { nodeHasher } from './node-hasher.ts';
import { SeededRandom } from './seeded-random.ts';
import { parsed, responseWire } from './wire.ts';

export const URI = 'sip:registrar.test';
export const md5 = (text: string): string => nodeHasher.hash('md5', text);

export const sessionOf = (
  credentials: Partial<Credentials> = {},
  policy: Partial<DigestPolicy> = {},
): DigestSession =>
  new DigestSession(
    {
      username: 'bob',
      password: new Secret('pw'),
      ha1: undefined,
      realm: undefined,
      ...credentials,
    },
    nodeHasher,
    new SeededRandom(7),
    { ...STRONGEST_FIRST, ...policy },
  );

export const digest = (rest: string): string => `WWW-Authenticate: Digest ${rest}`;
export const refused = (...lines: readonly string[]) => parsed(responseWire(401, ...lines));
export const byProxy = (...lines: readonly string[]) => parsed(responseWire(407, ...lines));
export const granted = (...lines: readonly string[]) => parsed(responseWire(200, ...lines));

/** One credentials line cut up: quoted values and tokens apart, to see what is quoted. */
function credentialsOf(line: string): {
  name: string;
  quoted: Record<string, string>;
  bare: Record<string, string>;
} {
  const quoted: Record<string, string> = {};
  const bare: Record<string, string> = {};
  const [, name = '', rest = ''] = /^([A-Za-z-]+): Digest (.*)$/.exec(line) ?? [];
  for (const [, key = '', text, token] of rest.matchAll(
    /([a-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^,]+))(?:, |$)/g,
  )) {
    if (text !== undefined) quoted[key] = text;
    if (token !== undefined) bare[key] = token;
  }
  return { name, quoted, bare };
}

export const linesOf = (text: string) => {
  expect(text === '' || text.endsWith('\r\n')).toBe(true);
  return text.split('\r\n').slice(0, -1).map(credentialsOf);
};

export const only = (text: string) => {
  const lines = linesOf(text);
  expect(lines).toHaveLength(1);
  return lines[0] ?? { name: '', quoted: {}, bare: {} };
};
