import { expect, it } from 'vitest';
import {
  addressOfRecord,
  contactPoint,
  contactUri,
  registerTail,
  registerTemplate,
} from '../../../../src/core/registration/request.ts';
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
