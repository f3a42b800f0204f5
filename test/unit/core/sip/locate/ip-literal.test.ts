import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIpLiteral } from '../../../../../src/core/sip/locate/ip-literal.ts';

describe('an IP literal', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1', 4],
    ['0.0.0.0', '0.0.0.0', 4],
    ['255.255.255.255', '255.255.255.255', 4],
    ['2001:db8::1', '2001:db8::1', 6],
    ['[2001:DB8:0:0::01]', '2001:db8::1', 6],
    ['::', '::', 6],
    ['::1', '::1', 6],
    ['1::', '1::', 6],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3', 6],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7', 6],
    ['0:0:0:0:0:0:0:0', '::', 6],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1', 6],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221', 6],
  ] as const)('%s is %s', (text, address, family) => {
    expect(parseIpLiteral(text)).toEqual({ address, family });
  });

  it.each([
    'sip.acme.example',
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.04',
    '1.2.3.-4',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1e1.2.3.4',
    '1::2::3',
    '1:2:3',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    '1.2.3.4::',
    '::1.2.3',
    'fe80::1%eth0',
    '[::1',
    '::1]',
    ':::',
    ':',
  ])('%s is none', (text) => expect(parseIpLiteral(text)).toBeUndefined());

  it('agrees with the system on every address, and never takes what the system refuses', () => {
    const v6 = fc.ipV6().map((text) => text.replace(/%.*/, ''));
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), v6, fc.string(), fc.stringMatching(/^[0-9a-f:.]*$/)),
        (text) => {
          const literal = parseIpLiteral(text);
          if (literal === undefined) {
            // We refuse nothing that is an address, but the zones of link-local ones.
            expect(text.includes('%') ? 0 : isIP(text)).toBe(0);
            return;
          }
          expect(isIP(literal.address)).toBe(literal.family);
          expect(parseIpLiteral(literal.address)).toEqual(literal);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('has the spelling that the system prints', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const literal = parseIpLiteral(text);
        const { hostname } = new URL(`http://[${text}]/`);
        // URLs write addresses that hold IPv4 ones in hex; the kernel does not.
        if (literal?.address.includes('.') === true) return;
        expect(`[${literal?.address}]`).toBe(hostname);
      }),
    );
  });
});
