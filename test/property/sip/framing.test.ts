import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type FramerEvent, StreamFramer } from '../../../src/core/sip/message/framing.ts';
import { Draw } from '../../support/fuzz/draw.ts';
import { SEEDS } from '../../support/fuzz/seeds.ts';
import { framed } from '../../support/fuzz/stream-input.ts';
import { scaled } from '../../support/scale.ts';
import { requestWire, responseWire } from '../../support/wire.ts';

const body = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});
const withBody = (text: string, octets: string): string =>
  text.replace('Content-Length: 0', `Content-Length: ${octets.length}`) + octets;

/** What a peer may send between messages and instead of them. */
const piece = fc.oneof(
  { weight: 4, arbitrary: body.map((octets) => withBody(responseWire(200), octets)) },
  {
    weight: 2,
    arbitrary: body.map((octets) => withBody(requestWire('OPTIONS', 'X: a\r\n b'), octets)),
  },
  fc.constantFrom('\r\n', '\r\n\r\n', '\n', '\r', '\r\n\r\n\r\n'),
  fc.constantFrom('junk\r\n\r\n', 'SIP/2.0 200 OK\r\nl: x\r\n\r\n', 'A b SIP/2.0\nl:0\n\n'),
);
const stream = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));

it('the result does not depend on where the stream is cut', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 40 }), (text, cuts) => {
      const whole = new StreamFramer().push(text);
      const positions = [...cuts.map((cut) => cut % (text.length + 1)), 0, text.length].sort(
        (a, b) => a - b,
      );
      const framer = new StreamFramer();
      const events: FramerEvent[] = [];
      positions.forEach((position, index) => {
        events.push(...framer.push(text.slice(positions[index - 1] ?? 0, position)));
      });
      expect(events).toEqual(whole);
      const single = new StreamFramer();
      expect([...text].flatMap((octet) => single.push(octet))).toEqual(whole);
    }),
    { numRuns: 1_000 },
  );
});

it('messages come out as they went in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('', '\r\n', '\r\n\r\n'), body), { maxLength: 6 }),
      (sent) => {
        const messages = sent.map(([, octets]) => withBody(responseWire(200), octets));
        const text = sent.map(([before], index) => before + messages[index]).join('');
        const cut = new StreamFramer()
          .push(text)
          .flatMap((event) => (event.kind === 'message' ? [event.wire] : []));
        expect(cut).toEqual(messages);
      },
    ),
    { numRuns: 500 },
  );
});

it('ten thousand messages with pings between them, cut anywhere, over and over', () => {
  const draw = new Draw(4475);
  const sound = SEEDS.map(framed).filter((wire) => {
    const [event, ...more] = new StreamFramer().push(wire);
    return event?.kind === 'message' && event.wire === wire && more.length === 0;
  });
  const sent = Array.from({ length: 10_000 }, () => draw.pick(sound));
  const text = sent.map((wire) => draw.pick(['', '\r\n', '\r\n\r\n']) + wire).join('');
  for (let times = scaled(100); times > 0; times -= 1) {
    const mean = draw.pick([7, 100, 1_460, 65_536]);
    const framer = new StreamFramer();
    let messages = 0;
    for (let from = 0; from < text.length; ) {
      const to = from + 1 + draw.below(2 * mean);
      for (const event of framer.push(text.slice(from, to))) {
        if (event.kind !== 'message') continue;
        if (event.wire !== sent[messages]) expect(event.wire).toBe(sent[messages]);
        messages += 1;
      }
      from = to;
    }
    expect(messages).toBe(sent.length);
  }
});
