import { expect, it } from 'vitest';
import { routed, routeUri } from '../../../../../src/core/sip/user-agent/route.ts';

it('adds nothing where there is no route set', () => {
  expect(routed('sip:acme.example', undefined)).toEqual({
    requestUri: 'sip:acme.example',
    lines: '',
  });
});

it('leaves the Request-URI alone before a loose router (RFC 3261 8.1.2)', () => {
  expect(routed('sip:acme.example', ['sip:a.example;lr', 'sip:b.example'])).toEqual({
    requestUri: 'sip:acme.example',
    lines: 'Route: <sip:a.example;lr>, <sip:b.example>\r\n',
  });
  for (const uri of ['sip:a.example;lr=on', 'sip:a.example;LR;transport=tcp']) {
    expect(routed('sip:acme.example', [uri]).requestUri).toBe('sip:acme.example');
  }
});

it('puts a strict router into the start line, and the Request-URI behind its Routes (12.2.1.1)', () => {
  expect(routed('sip:acme.example', ['sip:a.example', 'sip:b.example;lr'])).toEqual({
    requestUri: 'sip:a.example',
    lines: 'Route: <sip:b.example;lr>, <sip:acme.example>\r\n',
  });
  // A parameter that only begins like it is another one.
  expect(routed('sip:acme.example', ['sip:a.example;lrx']).requestUri).toBe('sip:a.example;lrx');
});

it('names a target so that nobody has to look it up again', () => {
  const target = { protocol: 'tls', address: '2001:db8::1', port: 5061, family: 6 } as const;
  expect(routeUri(target)).toBe('sip:[2001:db8::1]:5061;transport=tls;lr');
});
