/**
 * That no input makes the parsers slow out of proportion. CPU time of one process is compared with
 * itself: eight times the input may cost some eight times as much, where a square would cost 64.
 */
import { describe, expect, it } from 'vitest';
import { parseNameAddr, splitList } from '../../../src/core/sip/header/name-addr.ts';
import { StreamFramer } from '../../../src/core/sip/message/framing.ts';
import { parseMessage } from '../../../src/core/sip/message/parse.ts';
import { requestWire, wire } from '../../support/wire.ts';

/** The least CPU time of some runs, in microseconds. */
function cpuOf(work: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 7; run += 1) {
    const from = process.cpuUsage();
    for (let times = 0; times < 8; times += 1) work();
    const { user, system } = process.cpuUsage(from);
    least = Math.min(least, user + system);
  }
  return Math.max(least, 1);
}

function ratioOf(work: (octets: number) => () => void): number {
  const [small, large] = [work(8_000), work(64_000)];
  small();
  large();
  return cpuOf(large) / cpuOf(small);
}

const request = requestWire('OPTIONS');

describe('eight times as much input costs no square of it', () => {
  it.each<readonly [string, (octets: number) => () => void]>([
    [
      'a message in segments of one octet',
      (octets) => {
        const body = 'x'.repeat(octets);
        const text = request.replace('Length: 0', `Length: ${octets}`) + body;
        return () => {
          const framer = new StreamFramer();
          let messages = 0;
          for (const octet of text) messages += framer.push(octet).length;
          expect(messages).toBe(1);
        };
      },
    ],
    [
      'headers in segments of one octet',
      (octets) => {
        const text = requestWire(
          'OPTIONS',
          ...Array<string>(Math.floor(octets / 500)).fill(`X: ${'y'.repeat(495)}`),
        );
        return () => {
          const framer = new StreamFramer();
          let messages = 0;
          for (const octet of text) messages += framer.push(octet).length;
          expect(messages).toBe(1);
        };
      },
    ],
    ...(
      [
        ['lines without a colon', 'x\r\n'],
        ['folded lines without a CR', '\n x'],
        ['blanks in folded lines', `\r\n${' '.repeat(200)}`],
        ['fields with bare LF', 'a:\n'],
        ['short fields', 'a:\r\n'],
        ['line ends that are none', 'a:\r'],
      ] as const
    ).map(([name, unit]): readonly [string, (octets: number) => () => void] => [
      name,
      (octets) => {
        const text = wire('OPTIONS sip:a SIP/2.0', `X: y${unit.repeat(octets / unit.length)}`);
        return () => {
          const result = parseMessage(text, 'datagram');
          if (result.ok) result.message.first('x');
        };
      },
    ]),
    ...(['"', ',', '<,', '\\"', ';', ';a=', '"<', ' ', 'a,'] as const).map(
      (unit): readonly [string, (octets: number) => () => void] => [
        `a value of ${JSON.stringify(unit)}`,
        (octets) => {
          const value = unit.repeat(octets / unit.length);
          return () => {
            splitList(value);
            parseNameAddr(value);
          };
        },
      ],
    ),
  ])('%s', (_, work) => {
    expect(ratioOf(work)).toBeLessThan(30);
  });
});
