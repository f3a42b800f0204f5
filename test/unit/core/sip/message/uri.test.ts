import { describe, expect, it } from 'vitest';
import {
  parseUri,
  printUri,
  type SipUri,
  sameBinding,
  sameUri,
  schemeOf,
  unescapeUri,
} from '../../../../../src/core/sip/message/uri.ts';

const uri = (text: string): SipUri => {
  const parsed = parseUri(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

describe('parseUri', () => {
  it('takes every part', () => {
    const { params, ...rest } = uri(
      'SIPS:al%20ice;x?y:p:w@Example.COM:5061;Transport=TCP;lr;n=?a=b&c=d',
    );
    expect(rest).toEqual({
      scheme: 'sips',
      user: 'al%20ice;x?y',
      password: 'p:w',
      host: 'example.com',
      port: 5061,
      headers: 'a=b&c=d',
    });
    expect([...params]).toEqual([
      ['transport', 'TCP'],
      ['lr', undefined],
      ['n', ''],
    ]);
  });

  it.each([
    ['sip:example.com', { user: undefined, host: 'example.com', port: undefined }],
    ['sip:+34@192.0.2.1', { user: '+34', password: undefined, host: '192.0.2.1' }],
    ['sip:a:@b', { user: 'a', password: '' }],
    ['sip:[2001:DB8::10]:5070;x', { host: '2001:db8::10', port: 5070 }],
    ['sip:a@[2001:db8::10]', { host: '2001:db8::10', port: undefined }],
    ['sip:a@b;;lr', { host: 'b' }],
    ['sip:a@b?x', { headers: 'x' }],
  ])('%s', (text, expected) => {
    expect(parseUri(text)).toMatchObject(expected);
  });

  it.each([
    '',
    'sip',
    'sip:',
    'tel:+34',
    'http://x',
    'sip:@b',
    'sip:a@',
    'sip:a@b@c',
    'sip:a@b;x=@',
    'sip:a b@c',
    'sip:a@b:',
    'sip:a@b:x',
    'sip:a@b:70000',
    'sip:a@[::1',
    'sip:a@[::1]x',
    'sip:a@[host]',
    'sip:a@b;=x',
    'sip:%4@b',
    'sip:%gg@b',
    'sip:a"@b',
    '<sip:a@b>',
    'sip:a@b/c',
    'sip:a\0@b',
  ])('%j is malformed or no SIP URI', (text) => {
    expect(parseUri(text)).toBeUndefined();
  });
});

describe('printUri', () => {
  it.each([
    'sip:example.com',
    'sips:a:b@example.com:5061;transport=tcp;lr;n=?a=b',
    'sip:a:@[2001:db8::10]:5070',
    'sip:a%40b;c=d@192.0.2.1',
  ])('%s', (text) => {
    expect(printUri(uri(text))).toBe(text);
  });
});

it.each([
  ['sip:a', 'sip'],
  ['SoAP.beep://x', 'soap.beep'],
  ['nobodyKnowsThisScheme:x', 'nobodyknowsthisscheme'],
  ['sip:', undefined],
  ['x', undefined],
  ['1a:b', undefined],
  ['<sip:a>', undefined],
  [':a', undefined],
])('schemeOf(%j)', (text, scheme) => {
  expect(schemeOf(text)).toBe(scheme);
});

it('unescapes once', () => {
  expect(unescapeUri('v%61lue%25%34%31')).toBe('value%41');
  expect(unescapeUri('%zz%4')).toBe('%zz%4');
});

// The lists of RFC 3261 section 19.1.4.
describe('sameUri', () => {
  it.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtlanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    [
      'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
      'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
    ],
    ['sip:a@[2001:db8::1]', 'sip:a@[2001:DB8::1]'],
    ['sip:a@b', 'sip:a@b?'],
  ])('%s = %s', (a, b) => {
    expect(sameUri(uri(a), uri(b))).toBe(true);
    expect(sameUri(uri(b), uri(a))).toBe(true);
  });

  it.each([
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:a@b', 'sips:a@b'],
    ['sip:a@b', 'sip:b'],
    ['sip:a@b', 'sip:a:@b'],
    ['sip:a@b', 'sip:a@b;user=ip'],
    ['sip:a@b', 'sip:a@b;maddr=192.0.2.1'],
    ['sip:a@b?x=1', 'sip:a@b?x=2'],
    ['sip:a%40b@c', 'sip:ab@c'],
    ['sip:%2Ba@c', 'sip:+a@c'],
    ['sip:a@b;x', 'sip:a@b;x=1'],
  ])('%s is not %s', (a, b) => {
    expect(sameUri(uri(a), uri(b))).toBe(false);
    expect(sameUri(uri(b), uri(a))).toBe(false);
  });
});

describe('sameBinding', () => {
  it.each([
    ['sip:a@192.0.2.1', 'sip:a@192.0.2.1:5060', true],
    ['sip:a@192.0.2.1:5060', 'sip:a@192.0.2.1;transport=udp', true],
    ['sips:a@192.0.2.1', 'sips:a@192.0.2.1:5061', true],
    ['sip:a@192.0.2.1;transport=tls', 'sip:a@192.0.2.1:5061;transport=TLS', true],
    ['sip:a@192.0.2.1;transport=tcp', 'sip:a@192.0.2.1;transport=udp', false],
    ['sip:a@192.0.2.1', 'sip:a@192.0.2.1:5062', false],
    ['sip:a@192.0.2.1', 'sip:b@192.0.2.1', false],
  ])('%s and %s: %s', (a, b, same) => {
    expect(sameBinding(uri(a), uri(b))).toBe(same);
  });
});
