import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseUri, printUri, sameUri } from '../../../src/core/sip/message/uri.ts';
import { readMessage } from '../../support/fuzz/message-input.ts';
import { requestWire, responseWire } from '../../support/wire.ts';

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
];

describe('whatever comes in', () => {
  it('random octets throw nothing, and what is taken or answered is sound', () => {
    const octets = fc.string({
      unit: fc.oneof(
        fc.constantFrom(...SPLINTERS, '\0', '\xff', ' ', '\t', '0'),
        fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      ),
      maxLength: 200,
    });
    fc.assert(
      fc.property(octets, octets, (value, rest) => {
        readMessage(value);
        readMessage(requestWire('OPTIONS', `Contact: ${value}`, `Via: ${rest}`));
        readMessage(
          responseWire(401, `WWW-Authenticate: ${value}`, `Authentication-Info: ${rest}`),
        );
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
