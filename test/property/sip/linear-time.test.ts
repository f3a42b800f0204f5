/**
 * That no input makes the parsers slow out of proportion. CPU time of one process is compared with
 * itself: eight times the input may cost some eight times as much, where a square would cost 64.
 */
import { describe, expect, it } from 'vitest';
import { parseAuthParams } from '../../../src/core/sip/digest/auth-params.ts';
import { parseNameAddr, splitList } from '../../../src/core/sip/header/name-addr.ts';
import { parseVia } from '../../../src/core/sip/header/via.ts';
import { StreamFramer } from '../../../src/core/sip/message/framing.ts';
import { parseMessage } from '../../../src/core/sip/message/parse.ts';
import { parseUri, sameUri } from '../../../src/core/sip/message/uri.ts';
import { stampedVia } from '../../../src/core/sip/message/write.ts';
import { RelayRig, requestText, UDP } from '../../support/relay-rig.ts';
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

/** Field lines of which a whole message is made, each repeated within one line of some 200 octets. */
const LINES = [
  'Via: SIP/2.0/UDP a;branch=z9hG4bK-tr.x~y~z',
  'Route: <sip:a;lr>',
  'Contact: <sip:a>;q=1',
];
LINES.push(
  'WWW-Authenticate: Digest realm="r", nonce="n"',
  'X-Unknown: a',
  'Record-Route: <sip:a>',
);

function manyOf(line: string, octets: number): string {
  const [name = '', value = ''] = line.split(/: /);
  const joined = `${name}: ${Array<string>(Math.ceil(200 / value.length))
    .fill(value)
    .join(', ')}`;
  const lines = Array<string>(Math.floor(octets / (joined.length + 2))).fill(joined);
  return requestText({ lines: lines.slice(0, 240) });
}

/** Parser, relay and answer, for a message from a provider; and as an answer to us. */
function throughEverything(text: string): void {
  const rig = new RelayRig();
  rig.receive(text, UDP);
  rig.receive(text.replace(/^INVITE .*/, 'SIP/2.0 401 No'), UDP);
}

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
            parseVia(`SIP/2.0/UDP a${value}`);
            parseAuthParams(`Digest ${value}`, 8);
            stampedVia(`SIP/2.0/UDP a;${value}`, { received: '192.0.2.1', rport: 5060 });
          };
        },
      ],
    ),
    ...([':', '1:', '[', '%41', ';a', '&a=%41', '?', '@', '.'] as const).map(
      (unit): readonly [string, (octets: number) => () => void] => [
        `a URI of ${JSON.stringify(unit)}`,
        (octets) => {
          const long = unit.repeat(octets / unit.length);
          const texts = [`sip:${long}`, `sip:[${long}g]`, `sip:a@b;${long}`, `sip:a@b?${long}`];
          return () => {
            for (const text of texts) {
              const uri = parseUri(text);
              if (uri !== undefined) sameUri(uri, { ...uri, headers: `${uri.headers ?? ''}&` });
            }
          };
        },
      ],
    ),
    ...LINES.map((line): readonly [string, (octets: number) => () => void] => [
      `a message of ${line}`,
      (octets) => {
        const text = manyOf(line, octets);
        return () => throughEverything(text);
      },
    ]),
  ])('%s', (_, work) => {
    expect(ratioOf(work)).toBeLessThan(30);
  });
});
