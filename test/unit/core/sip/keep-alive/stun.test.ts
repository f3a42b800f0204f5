import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bindingRequest,
  isStun,
  parseStunAnswer,
} from '../../../../../src/core/sip/keep-alive/stun.ts';

/** Octets written as hexadecimal, as wire text. */
const wire = (hex: string): string =>
  Buffer.from(hex.replaceAll(/\s/g, ''), 'hex').toString('latin1');

/** RFC 5769 section 2.2: response for IPv4, without the parts that we do not look at taken out. */
const RFC5769_IPV4 = wire(`
  0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
  8022000b 74657374 20766563 746f7220
  00200008 0001a147 e112a643
  00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
  80280004 c07d4c96`);
/** RFC 5769 section 2.3: response for IPv6. */
const RFC5769_IPV6 = wire(`
  01010048 2112a442 b7e7a701 bc34d686 fa87dfae
  8022000b 74657374 20766563 746f7220
  00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
  00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
  80280004 c8fb0b4c`);
const ID = 'b7e7a701bc34d686fa87dfae';

describe('a Binding request', () => {
  it('is a header with our transaction id', () => {
    expect(Buffer.from(bindingRequest(ID), 'latin1').toString('hex')).toBe(`000100002112a442${ID}`);
    expect(isStun(bindingRequest(ID))).toBe(true);
  });
});

describe('an answer', () => {
  it('of RFC 5769 is read', () => {
    expect(parseStunAnswer(RFC5769_IPV4)).toEqual({ id: ID, mapped: '192.0.2.1:32853' });
    expect(parseStunAnswer(RFC5769_IPV6)).toEqual({
      id: ID,
      mapped: '[2001:db8:1234:5678:11:2233:4455:6677]:32853',
    });
  });

  it.each([
    ['an error', `01110000 2112a442 ${ID}`],
    ['without an address', `01010000 2112a442 ${ID}`],
    ['an attribute longer than the message', `01010008 2112a442 ${ID} 00200ff0 0001a147`],
    ['an address that is too short', `01010008 2112a442 ${ID} 00200004 0001a147`],
    ['an unknown family', `0101000c 2112a442 ${ID} 00200008 0003a147 e112a643`],
    ['port 0', `0101000c 2112a442 ${ID} 00200008 00012112 e112a643`],
  ])('%s says nothing', (_, hex) => {
    expect(parseStunAnswer(wire(hex))).toEqual({ id: ID, mapped: undefined });
  });

  it.each([
    ['a request', `00010000 2112a442 ${ID}`],
    ['another length than it says', `01010004 2112a442 ${ID}`],
    ['another cookie', `01010000 2112a443 ${ID}`],
    ['SIP', Buffer.from('SIP/2.0 200 OK and more').toString('hex')],
    ['too short', '0101'],
    ['nothing', ''],
  ])('%s is none', (_, hex) => {
    expect(parseStunAnswer(wire(hex))).toBeUndefined();
  });

  it('whatever it is, it ends, and says an address or nothing', () => {
    const octets = fc.uint8Array({ maxLength: 200 }).map((part) => {
      const head = Buffer.from(
        `0101${part.length.toString(16).padStart(4, '0')}2112a442${ID}`,
        'hex',
      );
      return Buffer.concat([head, part]).toString('latin1');
    });
    fc.assert(
      fc.property(octets, (text) => {
        const answer = parseStunAnswer(text);
        expect(answer?.id).toBe(ID);
        expect(answer?.mapped ?? '1.2.3.4:5').toMatch(/^(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]):\d+$/);
      }),
      { numRuns: 2_000 },
    );
  });
});
