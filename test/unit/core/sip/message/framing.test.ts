import { describe, expect, it } from 'vitest';
import { type FramerEvent, StreamFramer } from '../../../../../src/core/sip/message/framing.ts';
import { LIMITS } from '../../../../../src/core/sip/message/limits.ts';
import { requestWire, responseWire } from '../../../../support/wire.ts';

const withBody = (body: string): string =>
  responseWire(200).replace('Content-Length: 0', `Content-Length: ${body.length}`) + body;

const pushAll = (framer: StreamFramer, text: string, octets: number): FramerEvent[] => {
  const events: FramerEvent[] = [];
  for (let at = 0; at < text.length; at += octets) {
    events.push(...framer.push(text.slice(at, at + octets)));
  }
  return events;
};

const message = (text: string): FramerEvent => ({ kind: 'message', wire: text });

describe('messages', () => {
  it.each([1, 2, 3, 7, 64, 10_000])('come out whole in segments of %i octets', (octets) => {
    const sent = [
      withBody('abc\r\n\r\nd'),
      responseWire(100),
      withBody('\xd0\xbd'),
      requestWire('OPTIONS'),
    ];
    expect(pushAll(new StreamFramer(), sent.join(''), octets)).toEqual(sent.map(message));
  });

  it('without Content-Length have no body', () => {
    const text = responseWire(200).replace('Content-Length: 0\r\n', '');
    expect(new StreamFramer().push(text + text)).toEqual([message(text), message(text)]);
  });

  it('may end their lines with a bare LF', () => {
    const text = responseWire(200).replaceAll('\r\n', '\n');
    expect(pushAll(new StreamFramer(), text + text, 1)).toEqual([message(text), message(text)]);
  });

  it('with a faulty header line are cut out all the same, for an answer', () => {
    const text = requestWire('OPTIONS', 'no colon');
    expect(new StreamFramer().push(text)).toEqual([message(text)]);
  });
});

describe('keep-alives', () => {
  const kinds = (events: readonly FramerEvent[]) => events.map(({ kind }) => kind);

  it('a single CR LF is a pong, told at once', () => {
    expect(kinds(new StreamFramer().push('\r\n'))).toEqual(['pong']);
  });

  it('the second CR LF in a row makes a ping, however they come', () => {
    expect(kinds(new StreamFramer().push('\r\n\r\n'))).toEqual(['pong', 'ping']);
    expect(kinds(pushAll(new StreamFramer(), '\r\n\r\n', 1))).toEqual(['pong', 'ping']);
    expect(kinds(new StreamFramer().push('\r\n\r\n\r\n\r\n'))).toEqual([
      'pong',
      'ping',
      'pong',
      'ping',
    ]);
  });

  it('two pongs that were due are no ping', () => {
    const framer = new StreamFramer();
    framer.expectPong();
    framer.expectPong();
    expect(kinds(framer.push('\r\n\r\n'))).toEqual(['pong', 'pong']);
    expect(kinds(framer.push('\r\n\r\n'))).toEqual(['pong', 'ping']);
  });

  it('a message between two CR LF keeps them apart', () => {
    const text = responseWire(200);
    const events = new StreamFramer().push(`\r\n${text}\r\n${text}`);
    expect(kinds(events)).toEqual(['pong', 'message', 'pong', 'message']);
  });

  it('a lone CR or LF between messages is skipped', () => {
    expect(kinds(new StreamFramer().push(`\n\r${responseWire(200)}`))).toEqual(['message']);
  });
});

describe('what ends a connection', () => {
  const filler = (octets: number) => 'x'.repeat(octets);

  it.each([1, 1000, 100_000])('a line that does not end, in segments of %i octets', (octets) => {
    const start = 'SIP/2.0 200 OK\r\nX: ';
    const events = pushAll(new StreamFramer(), start + filler(20_000), octets);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ kind: 'error', reason: 'lineTooLong' });
  });

  it.each([
    ['a line without end', filler(70_000), 'lineTooLong'],
    ['a long line with its end', `${filler(9_000)}\r\n\r\n`, 'lineTooLong'],
    ['too many lines', `${`${filler(1_000)}\r\nX: `.repeat(70)}\r\n`, 'tooLarge'],
  ])('%s: the same fault and octets, wherever the stream is cut', (_, text, reason) => {
    const wire = `SIP/2.0 200 OK\r\nX: ${text}`;
    const whole = new StreamFramer().push(wire);
    expect(whole).toMatchObject([{ kind: 'error', reason }]);
    for (const octets of [1, 7, 1_000, 8_191, 30_000]) {
      expect(pushAll(new StreamFramer(), wire, octets)).toEqual(whole);
    }
  });

  it('takes a line of just the limit', () => {
    const text = responseWire(200, `X: ${filler(LIMITS.lineOctets - 3)}`);
    expect(new StreamFramer().push(text)).toEqual([message(text)]);
    const [event] = new StreamFramer().push(text.replace('X: ', 'X: xx'));
    expect(event).toMatchObject({ kind: 'error', reason: 'lineTooLong' });
  });

  it.each([1, 5000])('headers that do not end, in segments of %i octets', (octets) => {
    const endless = `SIP/2.0 200 OK\r\n${`X: ${filler(1000)}\r\n`.repeat(100)}`;
    const events = pushAll(new StreamFramer(), endless, octets);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ kind: 'error', reason: 'tooLarge' });
    expect(events[0]).toMatchObject({ wire: expect.stringMatching(/^SIP\/2\.0 200 OK\r\nX/) });
  });

  it('a body that would go over the limit, before it comes', () => {
    const text = responseWire(200).replace('Content-Length: 0', 'Content-Length: 65536');
    expect(new StreamFramer().push(text)).toEqual([
      { kind: 'error', reason: 'tooLarge', wire: text },
    ]);
  });

  it.each(['Content-Length: -1', 'Content-Length: 1\r\nl: 2', 'Content-Length: 1e1'])(
    '%j, with the headers for an answer',
    (line) => {
      const text = requestWire('OPTIONS').replace('Content-Length: 0', line);
      const events = new StreamFramer().push(`${text}rest`);
      expect(events).toEqual([{ kind: 'error', reason: 'contentLength', wire: text }]);
    },
  );

  it('a Content-Length that stands in a line which cannot be read', () => {
    const text = requestWire('OPTIONS').replace('Content-Length: 0', 'Content-Length: 0\rX: y');
    expect(new StreamFramer().push(text)).toMatchObject([{ kind: 'error', reason: 'headerLine' }]);
  });

  it.each([
    ['Content-Length may be', []],
    ['another Content-Length may be', ['Content-Length: 0']],
  ])('too many header fields, since %s among those not seen', (_, first) => {
    const text = requestWire('OPTIONS', ...first, ...Array<string>(300).fill('X: y'));
    expect(new StreamFramer().push(text)).toMatchObject([
      { kind: 'error', reason: 'tooManyFields' },
    ]);
  });

  it('and nothing after the error is looked at', () => {
    const framer = new StreamFramer();
    framer.push(requestWire('OPTIONS').replace('Content-Length: 0', 'Content-Length: x'));
    expect(framer.push(`\r\n\r\n${responseWire(200)}`)).toEqual([]);
  });
});
