/**
 * Requests, answers and junk that reach us from everybody, mutated: strangers hear nothing, nobody hears more
 * than the limit allows, each answer is a sound one to its request, and a copy gets the same.
 */
import { parseMessage } from '../../../src/core/sip/message/parse.ts';
import { type SipEvent, SipStack } from '../../../src/core/sip/user-agent/stack.ts';
import { nodeHasher } from '../node-hasher.ts';
import { RecordingTransport, testFlow } from '../recording-transport.ts';
import { SeededRandom } from '../seeded-random.ts';
import { VirtualTime } from '../virtual-time.ts';
import { requestWire } from '../wire.ts';
import { type Draw, hold, holdSame } from './draw.ts';
import { aSeed, mutated } from './mutate.ts';

const ALLOWED = '192.0.2.1';
const TARGET = '192.0.2.2';
const STRANGER = '203.0.113.66';
/** Our own lines and tag: what an answer may have beyond what it echoes. */
const OWN_OCTETS = 400;
const TIMER_J_MS = 32_000;

export function runServer(draw: Draw): string {
  const time = new VirtualTime();
  const transport = new RecordingTransport();
  const events: SipEvent[] = [];
  const rate = draw.pick([1, 3, 100]);
  const stack = new SipStack({
    ...{ clock: time, timers: time.timers, random: new SeededRandom(1), hasher: nodeHasher },
    ...{ transport, pacing: { perTarget: 6, burst: 3, max: 6 }, maxInboundRate: rate },
    senderOf: (address) =>
      address === ALLOWED ? 'allowed' : address === TARGET ? 'target' : 'stranger',
    publish: (event) => events.push(event),
  });
  let elapsedMs = 0;
  let answered = 0;
  for (let count = 1 + draw.below(6); count > 0; count -= 1) {
    const flow = testFlow(draw.pick(['udp', 'udp', 'tcp']), {
      address: draw.pick([ALLOWED, ALLOWED, TARGET, STRANGER]),
      port: draw.pick([5060, 40_000]),
    });
    const wire = aRequest(draw);
    const first = heard(wire);
    const copy = draw.isOneIn(3) ? heard(wire) : undefined;
    if (copy !== undefined && first !== undefined) holdSame(copy, first, 'the answer to a copy');
    hold(transport.sent.length <= rate + (rate * elapsedMs) / 1000, 'answers keep to the limit');
    const pauseMs = draw.pick([0, 0, 200, 5_000]);
    time.run(pauseMs);
    elapsedMs += pauseMs;

    function heard(text: string): string | undefined {
      const before = transport.sent.length;
      stack.received(text, flow, time.now());
      const sent = transport.sent.slice(before);
      hold(sent.length <= 1, 'one answer at most');
      const [reply] = sent;
      if (reply === undefined) return undefined;
      answered += 1;
      // The stored answer of another request in the same transaction, as far as RFC 3261 section 17.2.3 can tell.
      if (transport.sent.slice(0, before).some(({ wire }) => wire === reply.wire))
        return reply.wire;
      isSoundAnswer(reply.wire, text, flow);
      holdSame(reply.flow.remote.address, flow.remote.address, 'who is answered');
      return reply.wire;
    }
  }
  hold(events.length <= 6, 'little is told');
  time.run(2 * TIMER_J_MS);
  holdSame(stack.transactions.server, 0, 'transactions that are left');
  return answered > 0 ? 'answered' : 'unanswered';
}

function aRequest(draw: Draw): string {
  const text = draw.isOneIn(3)
    ? requestWire(draw.pick(['OPTIONS', 'OPTIONS', 'INVITE', 'BYE', 'ACK', 'FOO']))
    : aSeed(draw);
  return draw.isOneIn(4) ? text : mutated(text, draw);
}

function isSoundAnswer(
  reply: string,
  text: string,
  {
    remote,
    protocol,
  }: { readonly remote: { readonly address: string }; readonly protocol: string },
): void {
  hold(remote.address !== STRANGER, 'strangers are not answered');
  const answer = parseMessage(reply, 'stream');
  // What it echoes was at a limit, and with the lines that are ours it is beyond.
  if (!answer.ok && (answer.reason === 'tooManyFields' || answer.reason === 'lineTooLong')) return;
  hold(answer.ok && answer.message.kind === 'response', 'an answer is a response');
  hold(answer.message.status >= 200, 'an answer is final');
  const asked = parseMessage(text, protocol === 'udp' ? 'datagram' : 'stream');
  const request = asked.ok ? asked.message : asked.reply?.message;
  hold(request?.kind === 'request' && request.method !== 'ACK', 'only requests are answered');
  holdSame(answer.message.first('Call-ID'), request.first('Call-ID'), 'Call-ID of an answer');
  holdSame(answer.message.first('CSeq'), request.first('CSeq'), 'CSeq of an answer');
  hold(reply.length <= text.length + OWN_OCTETS, 'an answer is hardly larger than its request');
}
