import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/core/base/secret.ts';
import { challengesOf } from '../../../src/core/sip/digest/challenge.ts';
import { DigestSession } from '../../../src/core/sip/digest/session.ts';
import { contactsOf } from '../../../src/core/sip/header/contact.ts';
import { expiresOf, minExpiresOf } from '../../../src/core/sip/header/expires.ts';
import { parseNameAddr, splitList, tagOf } from '../../../src/core/sip/header/name-addr.ts';
import { retryAfterSec } from '../../../src/core/sip/header/retry-after.ts';
import { countVias, topVia } from '../../../src/core/sip/header/via.ts';
import { StreamFramer } from '../../../src/core/sip/message/framing.ts';
import type { SipMessage } from '../../../src/core/sip/message/message.ts';
import { parseMessage } from '../../../src/core/sip/message/parse.ts';
import { parseUri, printUri, sameUri } from '../../../src/core/sip/message/uri.ts';
import { validateRequest, validateResponse } from '../../../src/core/sip/message/validate.ts';
import { response } from '../../../src/core/sip/message/write.ts';
import { nodeHasher } from '../../support/node-hasher.ts';
import { scaled } from '../../support/scale.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { requestWire, responseWire, wireOf } from '../../support/wire.ts';

const VECTORS = join(import.meta.dirname, '../../vectors');
const SEEDS: readonly string[] = [
  ...['torture', 'examples'].flatMap((folder) =>
    readdirSync(join(VECTORS, folder))
      .filter((name) => name.endsWith('.dat') || name.endsWith('.sip'))
      .map((name) => wireOf(`${folder}/${name}`)),
  ),
  responseWire(
    401,
    'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=MD5, opaque="o"',
  ),
  responseWire(
    200,
    'Contact: <sip:a@b>;expires=60;+sip.instance="<urn:x>"',
    'Expires: 60',
    'Min-Expires: 9',
  ),
  responseWire(
    503,
    'Retry-After: 5 (busy);duration=9',
    'Authentication-Info: nextnonce="x", rspauth="y"',
  ),
];
const MUTATIONS = scaled(200_000);
/** What the grammar makes something of, and what breaks parsers. */
const SPLINTERS = [
  '\r\n',
  '\n',
  '\r',
  '\r\n ',
  ':',
  ';',
  ',',
  '"',
  '<',
  '>',
  '\\',
  '=',
  '@',
  '%',
  '[',
  ']',
  '\0',
  '\xff',
  ' ',
  '\t',
  '0',
  '99999999999999999999',
  '-1',
  ';;',
  'SIP/2.0',
  'Via: ',
  'l: 5\r\n',
] as const;

/** Everything that we read in a message which came from outside. */
function readEverything(message: SipMessage): void {
  for (let index = 0; index < message.fieldCount; index += 1) {
    const { name, value } = message.field(index);
    expect(message.count(name)).toBeGreaterThan(0);
    expect(message.all(name)).toContain(value);
    expect(/[\r\n]/.test(value), 'a value is one line').toBe(false);
    for (const member of splitList(value)) parseUri(parseNameAddr(member)?.uri ?? '');
    tagOf(value);
  }
  topVia(message);
  countVias(message);
  contactsOf(message);
  expiresOf(message);
  minExpiresOf(message);
  retryAfterSec(message);
  challengesOf(message, 'WWW-Authenticate');
  const credentials = {
    username: 'u',
    password: new Secret('p'),
    ha1: undefined,
    realm: undefined,
  };
  const session = new DigestSession(credentials, nodeHasher, new SeededRandom(1));
  session.accept(message);
  const lines = session.authorize('REGISTER', 'sip:r', '');
  expect(
    lines === '' || /^(?:[A-Za-z-]+: [^\r\n]*\r\n)+$/.test(lines),
    'no line is broken out of',
  ).toBe(true);
  session.succeeded(message);
}

/** What we would send back is one sound message that echoes what it has to. */
function answer(message: SipMessage): void {
  const text = response(message, 400, 'x', { toTag: 'us', received: '192.0.2.7', rport: 9 });
  expect(text.indexOf('\r\n\r\n'), 'the headers end once').toBe(text.length - 4);
  const result = parseMessage(text, 'stream');
  if (!result.ok) throw new Error(`our own answer is ${result.reason}`);
  for (const name of ['From', 'Call-ID', 'CSeq']) {
    expect(result.message.first(name)).toBe(message.first(name));
  }
  expect(result.message.count('Via')).toBe(message.count('Via'));
  expect(result.message.all('Via').slice(1)).toEqual(message.all('Via').slice(1));
}

function swallow(wire: string): 'taken' | 'refused' {
  for (const event of new StreamFramer().push(wire)) {
    if (event.kind === 'message') parseMessage(event.wire, 'stream');
  }
  const result = parseMessage(wire, 'datagram');
  const message = result.ok ? result.message : result.reply?.message;
  if (message === undefined) return 'refused';
  readEverything(message);
  if (message.kind === 'response') validateResponse(message);
  else {
    validateRequest(message);
    if (topVia(message) !== undefined) answer(message);
  }
  return result.ok ? 'taken' : 'refused';
}

describe('whatever comes in', () => {
  it(`${MUTATIONS} mutations of real messages throw nothing, and what is answered is sound`, () => {
    const random = new SeededRandom(4475);
    const pick = <T>(from: readonly T[]): T =>
      from[Math.floor(random.fraction() * from.length)] as T;
    const seen = { taken: 0, refused: 0 };
    for (let run = 0; run < MUTATIONS; run += 1) {
      let wire = pick(SEEDS);
      for (let times = 1 + Math.floor(random.fraction() * 4); times > 0; times -= 1) {
        const at = Math.floor(random.fraction() * wire.length);
        const gone = pick([0, 0, 1, 1, 2, 10]);
        wire = wire.slice(0, at) + pick(['', ...SPLINTERS]) + wire.slice(at + gone);
      }
      try {
        seen[swallow(wire)] += 1;
      } catch (cause) {
        throw new Error(`run ${run} of seed 4475: ${JSON.stringify(wire)}`, { cause });
      }
    }
    // Both ways were taken often, or the test would say nothing.
    expect(seen.taken).toBeGreaterThan(MUTATIONS / 10);
    expect(seen.refused).toBeGreaterThan(MUTATIONS / 10);
  });

  it('random octets throw nothing', () => {
    const octets = fc.string({
      unit: fc.oneof(
        fc.constantFrom(...SPLINTERS),
        fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      ),
      maxLength: 200,
    });
    fc.assert(
      fc.property(octets, octets, (value, rest) => {
        swallow(value);
        swallow(requestWire('OPTIONS', `Contact: ${value}`, `Via: ${rest}`));
        swallow(responseWire(401, `WWW-Authenticate: ${value}`, `Authentication-Info: ${rest}`));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('URIs', () => {
  const chars = (alphabet: string, min = 1) =>
    fc.string({ unit: fc.constantFrom(...alphabet, '%41', '%40'), minLength: min, maxLength: 8 });
  const name = chars("abc-_.!~*'()");
  const params = fc.uniqueArray(
    fc.tuple(
      name.map((text) => text.toLowerCase()),
      fc.option(chars('abC[]/:&+$'), { nil: undefined }),
    ),
    {
      selector: ([key]) => key,
      maxLength: 4,
    },
  );
  const uri = fc.record({
    scheme: fc.constantFrom('sip' as const, 'sips' as const),
    user: fc.option(chars('abC&=+$,;?/'), { nil: undefined }),
    password: fc.constant(undefined),
    host: fc.constantFrom('example.com', '192.0.2.1', '2001:db8::1', 'a'),
    port: fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
    params: params.map((entries) => new Map(entries)),
    headers: fc.option(chars('abC=&[]/?:+$', 0), { nil: undefined }),
  });

  it('print and parse give back the same', () => {
    fc.assert(
      fc.property(uri, (value) => {
        const text = printUri(value);
        expect(parseUri(text)).toEqual(value);
        expect(sameUri(value, value)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('what parses prints to something that parses alike', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'sip:aB@;=?&[]%41.0x9,"<'), maxLength: 24 }),
        (rest) => {
          const value = parseUri(`sip:${rest}`);
          if (value !== undefined) expect(parseUri(printUri(value))).toEqual(value);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('comparison goes both ways', () => {
    fc.assert(
      fc.property(uri, uri, (a, b) => {
        expect(sameUri(a, b)).toBe(sameUri(b, a));
      }),
      { numRuns: 2_000 },
    );
  });
});
