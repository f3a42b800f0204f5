/** Streams of messages, sound and broken, with pings between them: the cuts of the network change nothing. */
import { type FramerEvent, StreamFramer } from '../../../src/core/sip/message/framing.ts';
import { LIMITS } from '../../../src/core/sip/message/limits.ts';
import { parseMessage } from '../../../src/core/sip/message/parse.ts';
import { type Draw, hold, holdSame } from './draw.ts';
import { aSeed, mutated } from './mutate.ts';

export interface StreamInput {
  readonly text: string;
  /** Where we sent a ping ourselves, in octets of what had come until then; -1: nowhere. */
  readonly pingAt: number;
  /** Several ways to cut the same stream, each in order. */
  readonly cuts: readonly (readonly number[])[];
}

const BETWEEN = [
  '',
  '',
  '\r\n',
  '\r\n\r\n',
  '\r\n\r\n\r\n',
  '\n',
  '\r',
  '\r\n\r\n\r\n\r\n',
] as const;

export function streamInput(draw: Draw): StreamInput {
  let text = '';
  for (let count = 1 + draw.below(5); count > 0; count -= 1) {
    text +=
      draw.pick(BETWEEN) + (draw.isOneIn(3) ? mutated(aSeed(draw), draw) : framed(aSeed(draw)));
  }
  const pingAt = draw.isOneIn(3) ? draw.below(text.length + 1) : -1;
  const cuts = Array.from({ length: 4 }, () =>
    Array.from({ length: draw.pick([1, 3, 20, 200]) }, () => draw.below(text.length + 1)),
  );
  return { text, pingAt, cuts };
}

/** With its true length, so that the stream goes on after it. */
export function framed(wire: string): string {
  const end = wire.indexOf('\r\n\r\n');
  if (end < 0) return wire;
  const head = wire
    .slice(0, end)
    .replace(/^(?:l|Content-Length)[ \t]*:.*(?:\r\n[ \t].*)*(?:\r\n|$)/gim, '');
  const body = wire.slice(end + 4);
  return `${head.replace(/\r\n$/, '')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

export function readStream({ text, pingAt, cuts }: StreamInput): string {
  const whole = eventsOf(text, pingAt, []);
  for (const positions of cuts) isSame(eventsOf(text, pingAt, positions), whole);
  if (text.length < 600)
    isSame(
      eventsOf(
        text,
        pingAt,
        [...text].map((_, at) => at),
      ),
      whole,
    );
  return isSound(text, whole);
}

function eventsOf(text: string, pingAt: number, cuts: readonly number[]): readonly FramerEvent[] {
  const framer = new StreamFramer();
  const events: FramerEvent[] = [];
  let from = 0;
  for (const position of [...cuts, ...(pingAt < 0 ? [] : [pingAt]), text.length].sort(
    (a, b) => a - b,
  )) {
    events.push(...framer.push(text.slice(from, position)));
    if (position === pingAt && from !== pingAt) framer.expectPong();
    from = position;
  }
  return events;
}

function isSame(is: readonly FramerEvent[], wanted: readonly FramerEvent[]): void {
  holdSame(is.map(textOf).join('\n--\n'), wanted.map(textOf).join('\n--\n'), 'what a stream holds');
}

function textOf(event: FramerEvent): string {
  const reason = event.kind === 'error' ? event.reason : '';
  return 'wire' in event ? `${event.kind} ${reason} ${event.wire}` : event.kind;
}

/** Messages in order, each a piece of the stream and none too large; nothing after an error. */
function isSound(text: string, events: readonly FramerEvent[]): string {
  let from = 0;
  let messages = 0;
  for (const [index, event] of events.entries()) {
    if (event.kind === 'error') {
      holdSame(index, events.length - 1, 'nothing comes after an error');
      return 'failed stream';
    }
    if (event.kind !== 'message') continue;
    messages += 1;
    const at = text.indexOf(event.wire, from);
    hold(at >= from, 'a message is a piece of the stream');
    from = at + event.wire.length;
    hold(event.wire.length <= LIMITS.messageOctets, 'no message is too large');
    const read = parseMessage(event.wire, 'stream');
    hold(read.ok || read.reason !== 'truncated', 'a message that was cut out is whole');
  }
  return messages > 1 ? 'several messages' : 'at most one message';
}
