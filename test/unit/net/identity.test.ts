import { describe, expect, it } from 'vitest';
import { identityMismatch, parseAltNames } from '../../../src/net/identity.ts';

interface Case {
  readonly why: string;
  readonly san: string | undefined;
  readonly cn?: string;
  readonly identity?: string;
  readonly allowWildcard?: boolean;
}

const accepted: readonly Case[] = [
  { why: 'a DNS name', san: 'DNS:registrar.test' },
  { why: 'a sip URI alone', san: 'URI:sip:registrar.test' },
  { why: 'one of several URIs', san: 'URI:sip:a.test, URI:sip:registrar.test' },
  { why: 'a URI with port and parameters', san: 'URI:sip:registrar.test:5061;transport=tls' },
  { why: 'another case', san: 'URI:SIP:Registrar.TEST', identity: 'registrar.Test' },
  { why: 'the dot of the root', san: 'DNS:registrar.test', identity: 'registrar.test.' },
  { why: 'the common name without subjectAltName', san: undefined, cn: 'registrar.test' },
  {
    why: 'a URI with user does not count, so DNS names do',
    san: 'URI:sip:alice@other.test, DNS:registrar.test',
  },
  {
    why: 'a URI of another scheme does not count, so DNS names do',
    san: 'URI:https://other.test, DNS:registrar.test',
  },
  {
    why: 'an IDN in its ASCII form',
    san: 'DNS:XN--BCHER-KVA.test',
    identity: 'xn--bcher-kva.test',
  },
  { why: 'an address', san: 'IP Address:192.0.2.1', identity: '192.0.2.1' },
  {
    why: 'an address beside URIs',
    san: 'URI:sip:registrar.test, IP Address:192.0.2.1',
    identity: '192.0.2.1',
  },
  {
    why: 'an IPv6 address in long form',
    san: 'IP Address:2001:DB8:0:0:0:0:0:1',
    identity: '2001:db8::1',
  },
  { why: 'an IPv6 address in a URI', san: 'URI:sip:[2001:db8::1]:5061', identity: '2001:db8:0::1' },
  {
    why: 'a wildcard where it is allowed',
    san: 'DNS:*.registrar.test',
    identity: 'edge.registrar.test',
    allowWildcard: true,
  },
];

const refused: readonly Case[] = [
  { why: 'another name', san: 'DNS:wrong.example' },
  { why: 'nothing at all', san: undefined },
  { why: 'URI for another domain voids DNS', san: 'URI:sip:other.example, DNS:registrar.test' },
  { why: 'a sips URI', san: 'URI:sips:registrar.test', cn: 'registrar.test' },
  { why: 'a name in Unicode', san: 'DNS:"b\\u00fccher.test"', identity: 'xn--bcher-kva.test' },
  { why: 'letters that only look alike', san: 'DNS:"registr\\u0430r.test"' },
  { why: 'URI with user only', san: 'URI:sip:alice@registrar.test', cn: 'registrar.test' },
  { why: 'CN beside a subjectAltName', san: 'DNS:wrong.example', cn: 'registrar.test' },
  { why: 'CN beside an address', san: 'IP Address:192.0.2.1', cn: 'registrar.test' },
  { why: 'a wildcard', san: 'DNS:*.registrar.test', identity: 'edge.registrar.test' },
  {
    why: 'a wildcard for two labels',
    san: 'DNS:*.registrar.test',
    identity: 'a.b.registrar.test',
    allowWildcard: true,
  },
  {
    why: 'a wildcard for the bare domain',
    san: 'DNS:*.registrar.test',
    allowWildcard: true,
  },
  { why: 'a wildcard for a top level', san: 'DNS:*.test', allowWildcard: true },
  {
    why: 'half a wildcard',
    san: 'DNS:e*.registrar.test',
    identity: 'edge.registrar.test',
    allowWildcard: true,
  },
  { why: 'a suffix', san: 'DNS:registrar.test', identity: 'edge.registrar.test' },
  { why: 'a leading dot', san: 'DNS:.registrar.test', identity: 'edge.registrar.test' },
  { why: 'a name inside a quoted one', san: 'DNS:"evil.example\\u002c DNS:registrar.test"' },
  { why: 'a NUL in the name', san: 'DNS:"registrar.test\\u0000.evil.example"' },
  { why: 'an e-mail', san: 'email:registrar.test' },
  { why: 'a URI without host', san: 'URI:sip:' },
  { why: 'an address as DNS name', san: 'DNS:192.0.2.1', identity: '192.0.2.2' },
  { why: 'CN for an address', san: undefined, cn: '192.0.2.1', identity: '192.0.2.1' },
  { why: 'another address', san: 'IP Address:192.0.2.1', identity: '192.0.2.10' },
  { why: 'an unreadable list', san: 'DNS:"registrar.test, DNS:registrar.test' },
  { why: 'text that is no list', san: 'DNS:"a"x, DNS:registrar.test' },
];

function mismatch({ san, cn, identity = 'registrar.test', allowWildcard = false }: Case) {
  const names = { subjectAltName: san, commonNames: cn === undefined ? [] : [cn] };
  return identityMismatch(names, { identities: [identity], allowWildcard });
}

describe('the identity of a certificate (RFC 5922 section 7)', () => {
  it.each(accepted)('accepts $why', (c) => {
    expect(mismatch(c)).toBeUndefined();
  });

  it.each(refused)('refuses $why', (c) => {
    expect(mismatch(c)).toEqual(expect.any(String));
  });

  it('says what it found, in printable characters and not without end', () => {
    expect(mismatch({ why: '', san: 'DNS:a.test, DNS:b.test' })).toBe(
      'The certificate names a.test, b.test, not registrar.test.',
    );
    const hostile = mismatch({ why: '', san: `DNS:"\\u001b[31m\\n${'x'.repeat(9000)}"` }) ?? '';
    expect(hostile).toMatch(/^[\x20-\x7e]{1,210}$/);
  });
});

describe('parseAltNames', () => {
  it('keeps the colons of values and undoes the quotes', () => {
    expect(parseAltNames('URI:sip:a.test, IP Address:0:0:0:0:0:0:0:1, DNS:"a\\u002c b"')).toEqual([
      { type: 'URI', value: 'sip:a.test' },
      { type: 'IP Address', value: '0:0:0:0:0:0:0:1' },
      { type: 'DNS', value: 'a, b' },
    ]);
  });

  it.each(['x', 'DNS:"a', 'DNS:"\\x"', 'DNS:"a"b'])('gives up on %s', (text) => {
    expect(parseAltNames(text)).toBeUndefined();
  });
});
