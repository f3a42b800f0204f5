import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { strip, toUserPart } from '../../../../src/core/routing/user-part.ts';
import { parseUri } from '../../../../src/core/sip/message/uri.ts';

describe('the user part of a number', () => {
  it.each([
    ['+34911234567', '+34911234567'],
    ['*98#', '*98%23'],
    ['1234;npdi', '1234%3Bnpdi'],
    ['a@evil.example', 'a%40evil.example'],
    ['sip:1?Subject=x', 'sip%3A1%3FSubject=x'],
    ['<x>"', '%3Cx%3E%22'],
    ['a b', 'a%20b'],
    ['j%40son', 'j%40son'],
    ['100%', '100%25'],
    ['50%x1', '50%25x1'],
    ['ñ', '%C3%B1'],
  ])('%s becomes %s', (text, user) => {
    expect(toUserPart(text)).toBe(user);
  });

  it.each([
    '',
    'a\r\nX-Evil: 1',
    'a\nb',
    'a\tb',
    'a\u0000',
    'a\u007f',
    '%0d%0aX: 1',
    '%00',
    '%7F',
    '\ud800',
    'x'.repeat(129),
  ])('%j is refused', (text) => {
    expect(toUserPart(text)).toBeUndefined();
  });

  it('can never be anything but the user part of the URI that it gets into', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const user = toUserPart(text);
        if (user === undefined) return;
        expect(user).toMatch(/^(?:[A-Za-z0-9\-_.!~*'()&=+$,]|%[0-9A-Fa-f]{2})+$/);
        expect(parseUri(`sip:${user}@host;user=phone`)).toMatchObject({
          user,
          password: undefined,
          host: 'host',
        });
      }),
    );
  });

  it('loses whole characters at its front', () => {
    expect(strip('0034911', 2)).toBe('34911');
    expect(strip('%23%231', 1)).toBe('%231');
    expect(strip('12', 2)).toBe('');
    expect(strip('12', 3)).toBeUndefined();
    expect(strip('12', 0)).toBe('12');
  });
});
