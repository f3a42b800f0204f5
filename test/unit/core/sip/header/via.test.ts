import { describe, expect, it } from 'vitest';
import { allVias, countVias, parseVia, topVia } from '../../../../../src/core/sip/header/via.ts';
import { parsed, wire } from '../../../../support/wire.ts';

const withVias = (...lines: readonly string[]) => parsed(wire('SIP/2.0 200 OK', ...lines));

describe('one Via', () => {
  it('as servers give it back', () => {
    expect(
      parseVia('SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKaB1;rport=40001;received=203.0.113.7'),
    ).toEqual({
      transport: 'UDP',
      host: '192.0.2.1',
      port: 5070,
      branch: 'z9hG4bKaB1',
      received: '203.0.113.7',
      rport: 40_001,
      maddr: undefined,
      ttl: undefined,
    });
  });

  it.each([
    ['SIP/2.0/tls Host.Example', { transport: 'TLS', host: 'host.example', port: undefined }],
    [
      'SIP / 2.0 / SCTP   h : 1 ; ttl = 16 ; MADDR=224.2.0.1',
      { transport: 'SCTP', port: 1, ttl: 16, maddr: '224.2.0.1' },
    ],
    ['SIP/7.0/UDP h', { host: 'h' }],
    [
      'SIP/2.0/UDP [2001:DB8::9]:5061;received=[2001:db8::1]',
      { host: '2001:db8::9', port: 5061, received: '2001:db8::1' },
    ],
    [
      'SIP/2.0/UDP [2001:db8::9];received=2001:db8::1',
      { host: '2001:db8::9', received: '2001:db8::1' },
    ],
    ['SIP/2.0/UDP [2001:db8:::192.0.2.1]', { host: '2001:db8:::192.0.2.1' }],
    ['SIP/2.0/UDP h;rport', { rport: null }],
    ['SIP/2.0/UDP h;rport=', { rport: null }],
    ['SIP/2.0/UDP h;rport=abc', { rport: null }],
    ['SIP/2.0/UDP h;rport=70000', { rport: null }],
    ['SIP/2.0/UDP h', { rport: undefined, branch: undefined }],
    ['SIP/2.0/UDP h;;branch=x;', { branch: 'x' }],
    ['SIP/2.0/UDP h_1.example;branch="q x"', { host: 'h_1.example', branch: 'q x' }],
  ])('%s', (value, expected) => {
    expect(parseVia(value)).toMatchObject(expected);
  });

  it.each([
    '',
    'SIP/2.0/UDP',
    'SIP/2.0/UDP ',
    'SIP/2.0 h',
    'SIP/2.0/UDP h:',
    'SIP/2.0/UDP h:x',
    'SIP/2.0/UDP h:70000',
    'SIP/2.0/UDP h i',
    'SIP/2.0/UDP [::1',
    'SIP/2.0/UDP [h]',
    'SIP/2.0/UDP []',
    'SIP/2.0/UDP h;branch="x',
    'SIP/2.0/UDP h;=x',
    'SIP/2.0/UDP ;branch=x',
    'SIP/2.0/U(P h',
  ])('%j is malformed', (value) => {
    expect(parseVia(value)).toBeUndefined();
  });
});

describe('the Vias of a message', () => {
  it('the top one may stand in a list', () => {
    expect(topVia(withVias('Via: SIP/2.0/UDP a;x="1,2", SIP/2.0/TCP b'))?.host).toBe('a');
    expect(topVia(withVias('X: y'))).toBeUndefined();
  });

  it('are counted over lines and commas', () => {
    expect(countVias(withVias('X: y'))).toBe(0);
    expect(countVias(withVias('v: SIP/2.0/UDP a'))).toBe(1);
    expect(countVias(withVias('Via: SIP/2.0/UDP a;x="1,2", SIP/2.0/TCP b', 'v: c'))).toBe(3);
  });

  it('are given as they came', () => {
    expect(allVias(withVias('Via: SIP/2.0/UDP a,', '\tSIP / 2.0/TCP  b', 'v: c'))).toEqual([
      'SIP/2.0/UDP a,\r\n\tSIP / 2.0/TCP  b',
      'c',
    ]);
  });
});
