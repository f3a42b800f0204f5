import { describe, expect, it } from 'vitest';
import { lineToken } from '../../../../src/core/registration/line-token.ts';
import {
  addressOfRecord,
  contactPoint,
  contactUri,
  moreContactUris,
  registerTail,
  registerTemplate,
} from '../../../../src/core/registration/request.ts';
import type { RegisterStyle } from '../../../../src/core/registration/spec.ts';
import { parseUri } from '../../../../src/core/sip/message/uri.ts';
import { aFlow } from '../../../support/registration/answers.ts';
import { aProfile, aRegistration } from '../../../support/registration/rig.ts';

const CALL_ID = '0123456789abcdef0123456789abcdef';

it('names the domain in the Request-URI, and the address of record in To and From', () => {
  expect(registerTemplate(aRegistration('alice'), CALL_ID)).toEqual({
    method: 'REGISTER',
    requestUri: 'sip:acme.example',
    callId: CALL_ID,
    fromTag: '456789abcdef',
    head:
      'Max-Forwards: 70\r\nFrom: <sip:alice@acme.example>;tag=456789abcdef\r\n' +
      'To: <sip:alice@acme.example>\r\nCall-ID: 0123456789abcdef0123456789abcdef\r\n',
  });
});

it.each([
  ['udp', 'sip', 'sip:da@203.0.113.10:5060'],
  ['tcp', 'sip', 'sip:da@203.0.113.10:5060;transport=tcp'],
  ['tls', 'sip', 'sip:da@203.0.113.10:5060;transport=tls'],
  ['tls', 'sips', 'sips:da@203.0.113.10:5060'],
] as const)('over %s a %s Contact is %s', (protocol, scheme, uri) => {
  const spec = aRegistration('a', aProfile({ scheme }));
  expect(contactUri(spec, contactPoint(spec, aFlow(protocol)))).toBe(uri);
});

it('takes the address of the local socket for `self`, and leaves a given transport alone', () => {
  const self = aRegistration('a', aProfile({ contact: { kind: 'self' } }));
  expect(contactPoint(self, aFlow('tcp'))).toBe('192.0.2.9:5060;transport=tcp');
  const contact = { kind: 'address', hostPort: 'pbx.example;transport=udp' } as const;
  const given = aRegistration('a', aProfile({ contact }));
  expect(contactPoint(given, aFlow('tcp'))).toBe('pbx.example;transport=udp');
});

it('asks for the expiry, and removes with 0', () => {
  const spec = aRegistration('a');
  const point = '203.0.113.10:5060';
  expect(registerTail(spec, point, 600)).toBe(
    'Contact: <sip:da@203.0.113.10:5060>\r\nExpires: 600\r\nUser-Agent: trunkd\r\nSupported: path\r\n',
  );
  expect(registerTail(spec, point, 0)).toContain(
    'Contact: <sip:da@203.0.113.10:5060>;expires=0\r\nExpires: 0\r\n',
  );
});

it.each([
  ['+34911234567', '+34911234567'],
  ['a&b=c;d?e/f', 'a&b=c;d?e/f'],
  ['two words', 'two%20words'],
  ['user@corp', 'user%40corp'],
  ['José', 'Jos%C3%A9'],
  ['100%', '100%25'],
  ['a%40b', 'a%40b'],
  ['x\r\nEvil: 1', 'x%0D%0AEvil:%201'.replace(':', '%3A')],
])('escapes the user %j as %s', (username, escaped) => {
  const spec = aRegistration('a', aProfile(), { username, ddi: username });
  expect(addressOfRecord(spec)).toBe(`sip:${escaped}@acme.example`);
  expect(contactUri(spec, 'h')).toBe(`sip:${escaped}@h`);
  expect(parseUri(addressOfRecord(spec))?.user).toBe(escaped);
});

describe('what only few want', () => {
  const PLAIN: RegisterStyle = {
    ...{ from: undefined, headers: '', uriParameters: '', parameters: '', hasLine: false },
    ...{ mode: 'single', moreContacts: [] },
  };
  const styled = (style: Partial<RegisterStyle>) =>
    aRegistration('a', aProfile({ style: { ...PLAIN, ...style } }));
  const POINT = '203.0.113.10:5060';

  it('a From of somebody else, with our tag', () => {
    const head = (from: RegisterStyle['from']) => registerTemplate(styled({ from }), CALL_ID).head;
    expect(head({ user: 'ma in', domain: 'corp.example' })).toContain(
      'From: <sip:ma%20in@corp.example>;tag=456789abcdef\r\nTo: <sip:a@acme.example>\r\n',
    );
    expect(head({ user: undefined, domain: 'corp.example' })).toContain('<sip:a@corp.example>');
  });

  it('parameters of the Contact, and a line that only this registration has', () => {
    const spec = styled({ uriParameters: ';x=1', parameters: ';q=0.5', hasLine: true });
    const line = /;line=(t[0-9a-f]{16})>;q=0\.5\r\n/.exec(registerTail(spec, POINT, 600))?.[1];
    expect(contactUri(spec, POINT)).toBe(`sip:da@${POINT};x=1;line=${line}`);
    expect(lineToken(spec)).toBe(line);
    expect(lineToken({ ...spec, username: 'b' })).not.toBe(line);
    expect(lineToken({ ...spec, id: 'other' })).toBe(line);
  });

  it('header fields of the operator, last', () => {
    const tail = registerTail(styled({ headers: 'X-One: 1\r\nX-Two: 2\r\n' }), POINT, 600);
    expect(tail).toMatch(/Supported: path\r\nX-One: 1\r\nX-Two: 2\r\n$/);
  });

  it('one REGISTER for all numbers of a PBX (RFC 6140)', () => {
    const spec = styled({ mode: 'gin' });
    expect(contactUri(spec, `${POINT};transport=tcp`)).toBe(`sip:${POINT};transport=tcp;bnc`);
    expect(registerTail(spec, POINT, 600)).toBe(
      `Contact: <sip:${POINT};bnc>\r\nExpires: 600\r\nUser-Agent: trunkd\r\nSupported: path\r\n` +
        'Require: gin\r\nProxy-Require: gin\r\n',
    );
  });

  it('several Contacts, bound and removed together, after what is removed in any case', () => {
    const moreContacts = [{ hostPort: 'pbx2.example', parameters: ';q=0.1' }];
    const spec = styled({ moreContacts });
    const uris = moreContactUris(spec, `${POINT};transport=tcp`);
    expect(uris).toEqual(['sip:da@pbx2.example;transport=tcp']);
    expect(registerTail(spec, POINT, 0, ['sip:da@192.0.2.1'])).toContain(
      `Contact: <sip:da@192.0.2.1>;expires=0\r\nContact: <sip:da@${POINT}>;expires=0\r\n` +
        'Contact: <sip:da@pbx2.example>;expires=0;q=0.1\r\nExpires: 0\r\n',
    );
  });
});
