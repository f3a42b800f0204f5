import { describe, expect, it } from 'vitest';
import { contactsOf, parseContact } from '../../../../../src/core/sip/header/contact.ts';
import { parseCseq } from '../../../../../src/core/sip/header/cseq.ts';
import {
  expiresOf,
  minExpiresOf,
  parseClampedSeconds,
  parseDeltaSeconds,
} from '../../../../../src/core/sip/header/expires.ts';
import { parseNameAddr, splitList, tagOf } from '../../../../../src/core/sip/header/name-addr.ts';
import { parseParams } from '../../../../../src/core/sip/header/params.ts';
import { retryAfterSec } from '../../../../../src/core/sip/header/retry-after.ts';
import { parsed, responseWire } from '../../../../support/wire.ts';

const answer = (...lines: readonly string[]) => parsed(responseWire(200, ...lines));

describe('CSeq', () => {
  it.each([
    ['0 REGISTER', { number: 0, method: 'REGISTER' }],
    ['0009  INVITE', { number: 9, method: 'INVITE' }],
    ['2147483648 A', { number: 2_147_483_648, method: 'A' }],
    ['4294967295 A', { number: 4_294_967_295, method: 'A' }],
    ['1\tB', { number: 1, method: 'B' }],
  ])('%j', (value, expected) => {
    expect(parseCseq(value)).toEqual(expected);
  });

  it.each([
    '',
    'abc REGISTER',
    '4294967296 A',
    '36893488147419103232 A',
    '1',
    '1 ',
    '1A',
    '-1 A',
    '1 A B',
    '1.0 A',
  ])('%j is malformed', (value) => {
    expect(parseCseq(value)).toBeUndefined();
  });
});

describe('lists', () => {
  it.each([
    ['', []],
    ['a', ['a']],
    ['a , b', ['a', 'b']],
    [',a,,b,', ['a', 'b']],
    ['"x, \\", y" <sip:a,b@c>;p="1,2", <sip:d>', ['"x, \\", y" <sip:a,b@c>;p="1,2"', '<sip:d>']],
    ['"open, a', ['"open, a']],
    ['<open, a', ['<open, a']],
  ])('%j', (value, members) => {
    expect(splitList(value)).toEqual(members);
  });
});

describe('parameters', () => {
  const of = (text: string) => {
    const params = parseParams(text, 0);
    return params === undefined ? undefined : Object.fromEntries(params);
  };

  it.each([
    ['', {}],
    [';a', { a: undefined }],
    [' ; A = b ;c="d;\\"e"', { a: 'b', c: 'd;"e' }],
    [';;a=1;;', { a: '1' }],
    [';a=1;A=2', { a: '1' }],
    [';a=[::1]:5060;b==', { a: '[::1]:5060', b: '=' }],
    [';a=', { a: '' }],
  ])('%j', (text, expected) => {
    expect(of(text)).toEqual(expected);
  });

  it.each(['x', ';=a', ';a="b', ';a=b c', ';a="b"c', ';a,', ';a b'])('%j is malformed', (text) => {
    expect(of(text)).toBeUndefined();
  });
});

describe('addresses', () => {
  it.each([
    ['<sip:a@b>', undefined, 'sip:a@b', {}],
    ['  "A \\"B\\"" <sip:a@b;x>;tag=1', 'A "B"', 'sip:a@b;x', { tag: '1' }],
    ['""<sip:a@b>', '', 'sip:a@b', {}],
    ['A B<sip:a@b> ; tag = 1', 'A B', 'sip:a@b', { tag: '1' }],
    ['J\xc3\xb6rg <sip:a@b>', 'J\xc3\xb6rg', 'sip:a@b', {}],
    ['sip:a@b;tag=1;x="<y>"', undefined, 'sip:a@b', { tag: '1', x: '<y>' }],
    ['tel:+34', undefined, 'tel:+34', {}],
    ['< sip:a@b >', undefined, 'sip:a@b', {}],
  ])('%j', (value, display, uri, params) => {
    const address = parseNameAddr(value);
    expect(address).toMatchObject({ display, uri });
    expect(Object.fromEntries(address?.params ?? [])).toEqual(params);
  });

  it.each([
    '',
    '<>',
    '<sip:a@b',
    '"A <sip:a@b>',
    '"A" sip:a@b',
    'A, B <sip:a@b>',
    '<sip:a @b>',
    'sip:a@b c',
    '<sip:a@b> x',
    '<sip:<a@b>',
  ])('%j is malformed', (value) => {
    expect(parseNameAddr(value)).toBeUndefined();
  });

  it.each([
    ['<sip:a@b>;tag=1', '1'],
    ['<sip:a@b;tag=no>;x=y;tag=aB1 ;z', 'aB1'],
    ['<sip:a@b;tag=no>', undefined],
    ['<sip:a@b>;x', undefined],
    ['<sip:a@b> ; TAG = 1', '1'],
    ['sip:a@b;tag=1', '1'],
    ['sip:a@b', undefined],
    ['"x;tag=no" <sip:a@b>;tag=1', '1'],
    ['<sip:a@b>;x="y>;tag=no";tag=1', '1'],
  ])('the tag of %j', (value, tag) => {
    expect(tagOf(value)).toBe(tag);
  });
});

describe('Contact', () => {
  const all = (...values: readonly string[]) =>
    contactsOf(answer(...values.map((value) => `Contact: ${value}`)));

  it('lists bindings over lines and commas', () => {
    expect(all('<sip:a@b>;expires=60, "x, y" <sip:c@d>;q=0.5', 'm:e')).toMatchObject([
      { uri: 'sip:a@b', expiresSec: 60, q: undefined },
      { uri: 'sip:c@d', expiresSec: undefined, q: 0.5 },
      { uri: 'm:e' },
    ]);
  });

  it('without angle brackets expires belongs to the header field', () => {
    expect(parseContact('sip:100@192.0.2.1:5060;expires=40')).toMatchObject({
      uri: 'sip:100@192.0.2.1:5060',
      expiresSec: 40,
    });
  });

  it('inside angle brackets it belongs to the URI', () => {
    expect(parseContact('<sip:a@b;expires=40>')).toMatchObject({ expiresSec: undefined });
  });

  it.each([
    ['expires=0', 0],
    ['EXPIRES = "45"', 45],
    ['expires=4294967295', 4_294_967_295],
    ['expires=99999999999999999999', 3600],
    ['expires=soon', 3600],
    ['expires=-1', 3600],
    ['expires=', 3600],
    ['expires', 3600],
    ['x=1', undefined],
  ])('%s', (param, seconds) => {
    expect(parseContact(`<sip:a@b>;${param}`)?.expiresSec).toBe(seconds);
  });

  it('keeps instance, reg-id and GRUUs', () => {
    const contact = parseContact(
      '<sip:a@b>;expires=40;+sip.instance="<urn:uuid:1>";reg-id=1;pub-gruu="sip:a@b;gr=urn:uuid:1"',
    );
    expect(Object.fromEntries(contact?.params ?? [])).toEqual({
      expires: '40',
      '+sip.instance': '<urn:uuid:1>',
      'reg-id': '1',
      'pub-gruu': 'sip:a@b;gr=urn:uuid:1',
    });
  });

  it('takes a star, nothing, and what cannot be read', () => {
    expect(all('*')).toBe('*');
    expect(all('')).toEqual([]);
    expect(all()).toEqual([]);
    expect(all('<sip:a@b', '<sip:c@d>, *')).toMatchObject([{ uri: 'sip:c@d' }]);
  });

  it.each(['1.5', '-1', 'x', '0.1234', '.5'])('q=%s is no preference', (q) => {
    expect(parseContact(`<sip:a@b>;q=${q}`)?.q).toBeUndefined();
  });
});

describe('spans in seconds', () => {
  it('Expires', () => {
    expect(expiresOf(answer())).toBeUndefined();
    expect(expiresOf(answer('Expires: 45'))).toBe(45);
    expect(expiresOf(answer('Expires: 0'))).toBe(0);
    expect(expiresOf(answer('Expires: Thu, 01 Dec 2011 16:00:00 GMT'))).toBe(3600);
    expect(expiresOf(answer('Expires: 4294967296'))).toBe(3600);
  });

  it('Min-Expires', () => {
    expect(minExpiresOf(answer())).toBeUndefined();
    expect(minExpiresOf(answer('Min-Expires: 1800'))).toBe(1800);
    expect(minExpiresOf(answer('Min-Expires: long'))).toBeUndefined();
    expect(minExpiresOf(answer('Min-Expires: 99999999999'))).toBe(4_294_967_295);
  });

  it.each(['', ' 1', '1 ', '+1', '1e3', '0x10', '1.0'])('%j is no number', (text) => {
    expect(parseDeltaSeconds(text)).toBeUndefined();
    expect(parseClampedSeconds(text)).toBeUndefined();
  });

  it.each([
    ['120', 120],
    ['0', undefined],
    ['3 (in a meeting);duration=60', 3],
    ['18000;duration=3600', 18_000],
    ['5(x)', 5],
    ['949302838503028349304023988', 4_294_967_295],
    ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
    ['-5', undefined],
    ['5 minutes', undefined],
    ['', undefined],
  ])('Retry-After: %s', (value, seconds) => {
    expect(retryAfterSec(answer(`Retry-After: ${value}`))).toBe(seconds);
  });

  it('no Retry-After', () => {
    expect(retryAfterSec(answer())).toBeUndefined();
  });
});
