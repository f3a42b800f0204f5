import { describe, expect, test } from 'vitest';
import {
  isHost,
  isIpv4,
  isIpv6,
  isLoopback,
  isNetwork,
  parseBind,
  parseHop,
  parseHostPort,
  printHostPort,
} from '../../../src/config/address.ts';
import { isUriParameters, isUserPart, parseDuration } from '../../../src/config/grammar.ts';
import { nearestWord } from '../../../src/config/suggest.ts';

describe('addresses', () => {
  test.each([
    ['0.0.0.0', true],
    ['255.255.255.255', true],
    ['1.2.3', false],
    ['1.2.3.4.5', false],
    ['01.2.3.4', false],
    ['1.2.3.256', false],
    ['1.2.3.4.', false],
    ['', false],
  ])('%s as IPv4: %s', (text, expected) => expect(isIpv4(text)).toBe(expected));

  test.each([
    ['::', true],
    ['::1', true],
    ['2001:db8::1', true],
    ['1:2:3:4:5:6:7:8', true],
    ['::ffff:192.0.2.1', true],
    ['1:2:3:4:5:6:192.0.2.1', true],
    ['1:2:3:4:5:6:7', false],
    ['1:2:3:4:5:6:7:8:9', false],
    ['1::2::3', false],
    ['1:2:3:4:5:6:7:8::', false],
    [':1', false],
    ['12345::', false],
    ['::192.0.2.1:1', false],
    ['fe80::1%eth0', false],
  ])('%s as IPv6: %s', (text, expected) => expect(isIpv6(text)).toBe(expected));

  test.each([
    ['acme.example', { host: 'acme.example', kind: 'name', port: undefined }],
    ['acme.example.:5060', { host: 'acme.example.', kind: 'name', port: 5060 }],
    ['localhost', { host: 'localhost', kind: 'name', port: undefined }],
    ['192.0.2.1:65535', { host: '192.0.2.1', kind: 'ipv4', port: 65535 }],
    ['[2001:DB8::1]:5061', { host: '2001:db8::1', kind: 'ipv6', port: 5061 }],
    ['2001:db8::1', { host: '2001:db8::1', kind: 'ipv6', port: undefined }],
  ])('%s is a host with or without a port', (text, expected) => {
    expect(parseHostPort(text)).toEqual(expected);
  });

  test('a printed address parses to the same', () => {
    for (const text of ['a.example', 'a.example:1', '192.0.2.1:5060', '[::1]:5060', '[::1]']) {
      const parsed = parseHostPort(text);
      expect(typeof parsed === 'string' ? parsed : printHostPort(parsed)).toBe(text);
    }
  });

  test.each([
    ['sip:reg.example', 'sip', undefined],
    ['SIPS:reg.example:5061', 'sips', undefined],
    ['sip:reg.example;transport=TLS', 'sip', 'tls'],
    ['sips:reg.example;transport=tcp;lr', 'sips', 'tls'],
    ['198.51.100.7:5060', undefined, undefined],
  ])('%s is a hop', (text, scheme, transport) => {
    expect(parseHop(text)).toMatchObject({ scheme, transport });
  });

  test.each(['0.0.0.0:0', '[::]:0', '127.0.0.1:9077'])('%s can be bound', (text) => {
    expect(parseBind(text)).toMatchObject({ port: Number(text.split(':').at(-1)) });
  });

  test.each(['::1:5060', '0.0.0.0', '0.0.0.0:00', '0.0.0.0:5060:0', ':5060'])(
    '%s cannot be bound',
    (text) => expect(parseBind(text)).toBeTypeOf('string'),
  );

  test.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['[::1]', true],
    ['[0:0:0:0:0:0:0:1]', true],
    ['localhost', true],
    ['[::]', false],
    ['0.0.0.0', false],
    ['[::ffff:127.0.0.1]', false],
    ['12.7.0.1', false],
  ])('%s is only reached from here: %s', (text, expected) => {
    const parsed = parseHostPort(text);
    expect(typeof parsed === 'object' && isLoopback(parsed)).toBe(expected);
  });

  test.each([
    ['10.0.0.0/8', true],
    ['10.0.0.1', true],
    ['::/0', true],
    ['10.0.0.0/33', false],
    ['10.0.0.0/', false],
    ['::/129', false],
  ])('%s as a network: %s', (text, expected) => expect(isNetwork(text)).toBe(expected));

  test('a domain has no port and no brackets but for IPv6', () => {
    expect(['a.example', '192.0.2.1', '[::1]'].every(isHost)).toBe(true);
    expect(['a.example:1', '::1', '[a.example]', '[::1]:1', ''].some(isHost)).toBe(false);
  });
});

describe('texts', () => {
  test.each([
    ['34911234567', true],
    ["-_.!~*'()&=+$,;?/", true],
    ['a%20b', true],
    ['a%2', false],
    ['a b', false],
    ['a@b', false],
    ['a:b', false],
    ['ä', false],
    ['', false],
    ['1'.repeat(65), false],
  ])('%s as a user part: %s', (text, expected) => expect(isUserPart(text, 64)).toBe(expected));

  test.each([
    [';user=phone', true],
    [';x', true],
    [';a=1;b=%20', true],
    ['user=phone', false],
    [';', false],
    [';a=', false],
    [';a=b\r\n', false],
    [`;${'a'.repeat(128)}`, false],
  ])('%s as URI parameters: %s', (text, expected) => expect(isUriParameters(text)).toBe(expected));

  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['2d', 172_800_000],
    ['30', undefined],
    ['1.5s', undefined],
    ['-1s', undefined],
    ['1h30m', undefined],
    ['1 s', undefined],
  ])('%s as a time: %s', (text, expected) => expect(parseDuration(text)).toBe(expected));
});

describe('did you mean', () => {
  const known = ['version', 'peeringContracts', 'localSockets', 'log', 'dns'];
  test.each([
    ['verison', 'version'],
    ['peering_contracts', 'peeringContracts'],
    ['PeeringContract', 'peeringContracts'],
    ['localSocket', 'localSockets'],
    ['lgo', 'log'],
    ['nothing', undefined],
    ['', undefined],
    ['x'.repeat(1000), undefined],
  ])('%s: %s', (word, expected) => expect(nearestWord(word, known)).toBe(expected));
});
