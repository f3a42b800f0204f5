import { describe, expect, it } from 'vitest';
import { instant } from '../../../../src/core/base/instant.ts';
import {
  againAt,
  type LearnedAddress,
  sight,
} from '../../../../src/core/registration/learned-address.ts';
import { seenAs } from '../../../../src/core/sip/header/seen-as.ts';
import { parseMessage } from '../../../../src/core/sip/message/parse.ts';

const [A, B, C] = ['203.0.113.5:1', '203.0.113.5:2', '203.0.113.5:3'] as const;

/** The changes that a row of sightings leads to. */
function changes(...sightings: (readonly [sec: number, address: string])[]) {
  let known: LearnedAddress | undefined;
  return sightings.map(([sec, address]) => {
    const { address: next, change } = sight(known, address, instant(sec * 1000));
    known = next;
    return `${change} ${next.followed}`;
  });
}

describe('our address', () => {
  it('is followed where it goes, once in 30 s at most', () => {
    expect(changes([0, A], [40, A], [50, B], [60, C], [80, C])).toEqual([
      `first ${A}`,
      `none ${A}`,
      `moved ${B}`,
      `later ${B}`,
      `moved ${C}`,
    ]);
  });

  it('is not followed to and fro', () => {
    expect(changes([0, A], [40, B], [80, A], [120, B], [200, A], [700, A])).toEqual([
      `first ${A}`,
      `moved ${B}`,
      `alternates ${B}`,
      `none ${B}`,
      `none ${B}`,
      `moved ${A}`,
    ]);
  });

  it('may come back after a while', () => {
    expect(changes([0, A], [40, B], [700, A]).at(-1)).toBe(`moved ${A}`);
  });

  it('says when to look again', () => {
    const first = sight(undefined, A, instant(0)).address;
    expect(againAt(first)).toBe(30_000);
    const b = sight(first, B, instant(40_000)).address;
    expect(againAt(sight(b, A, instant(80_000)).address)).toBe(680_000);
  });
});

describe('the Via of an answer', () => {
  const answer = (via: string) => {
    const text = `SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP ${via};branch=z9hG4bKx\r\nContent-Length: 0\r\n\r\n`;
    const parsed = parseMessage(text, 'datagram');
    return parsed.ok ? seenAs(parsed.message) : 'unparsed';
  };

  it.each([
    ['10.0.0.1:5060;received=203.0.113.7;rport=40001', '203.0.113.7:40001'],
    ['10.0.0.1:5060;rport=40001', '10.0.0.1:40001'],
    ['[2001:db8::1]:5060;received=[2001:DB8:0::2];rport=7', '[2001:db8::2]:7'],
    ['10.0.0.1:5060;received=203.0.113.7', undefined],
    ['10.0.0.1:5060;rport;received=203.0.113.7', undefined],
    ['10.0.0.1:5060;rport=;received=:abc', undefined],
    ['10.0.0.1:5060;rport=0;received=203.0.113.7', undefined],
    ['10.0.0.1:5060;rport=70000;received=203.0.113.7', undefined],
    ['10.0.0.1:5060;rport=1;received=0.0.0.0', undefined],
    ['10.0.0.1:5060;rport=1;received=239.1.1.1', undefined],
    ['pbx.example:5060;rport=1', undefined],
    ['10.0.0.1:5060;rport=1;received=evil.example', undefined],
  ])('%s says %s', (via, seen) => {
    expect(answer(via)).toBe(seen);
  });
});
