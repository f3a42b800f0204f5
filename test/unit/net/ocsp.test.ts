/** What a staple of any sort may do to us: nothing but say that a certificate is revoked. */
import { describe, expect, it } from 'vitest';
import { isRevokedBy } from '../../../src/net/ocsp.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  const length =
    content.length < 0x80 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
};

const GOOD = der(0x80);
const REVOKED = der(0xa1, der(0x18, Buffer.from('20260101000000Z')));
const UNKNOWN = der(0x82);

/** RFC 6960 section 4.2.1, with those single responses. */
function aStaple(...answers: readonly (readonly [serial: string, status: Buffer])[]): Buffer {
  const single = ([serial, status]: (typeof answers)[number]) => {
    const hashes = [der(0x30), der(0x04, Buffer.alloc(20)), der(0x04, Buffer.alloc(20))];
    const id = der(0x30, ...hashes, der(0x02, Buffer.from(serial, 'hex')));
    return der(0x30, id, status, der(0x18, Buffer.from('20260101000000Z')));
  };
  const responder = der(0xa2, der(0x04, Buffer.alloc(20)));
  const time = der(0x18, Buffer.from('20260101000000Z'));
  const data = der(0x30, responder, time, der(0x30, ...answers.map(single)));
  const basic = der(0x30, data, der(0x30), der(0x03, Buffer.alloc(65)));
  const bytes = der(0x30, der(0x06, Buffer.alloc(9)), der(0x04, basic));
  return der(0x30, der(0x0a, Buffer.from([0])), der(0xa0, bytes));
}

describe('an OCSP staple', () => {
  it.each([
    ['revoked', aStaple(['0066', REVOKED]), true],
    ['revoked as one of several', aStaple(['01', GOOD], ['66', REVOKED]), true],
    ['good', aStaple(['66', GOOD]), false],
    ['not known', aStaple(['66', UNKNOWN]), false],
    ['about another one', aStaple(['67', REVOKED]), false],
    ['of an error', der(0x30, der(0x0a, Buffer.from([6]))), false],
    ['empty', Buffer.alloc(0), false],
    ['too large', Buffer.alloc(100_000, 0x30), false],
    ['of the indefinite form', Buffer.from([0x30, 0x80, 0, 0]), false],
    ['of more than there is', Buffer.from([0x30, 0x82, 0xff, 0xff, 0]), false],
  ])('that is %s', (_what, staple, isRevoked) => {
    expect(isRevokedBy(staple, '66')).toBe(isRevoked);
  });

  it('that is broken anywhere is read to its end, and throws nothing', () => {
    const random = new SeededRandom(5);
    const staple = aStaple(['01', GOOD], ['66', REVOKED]);
    for (let round = 0; round < 5_000; round += 1) {
      const broken = Buffer.from(staple);
      const at = Math.floor(random.fraction() * broken.length);
      broken[at] = Math.floor(random.fraction() * 256);
      isRevokedBy(broken.subarray(0, broken.length - (round % 7)), '66');
    }
  });
});
