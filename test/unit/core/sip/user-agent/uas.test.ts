import { describe, expect, it } from 'vitest';
import { type SipEvent, SipStack } from '../../../../../src/core/sip/user-agent/stack.ts';
import type { Sender } from '../../../../../src/core/sip/user-agent/uas.ts';
import { nodeHasher } from '../../../../support/node-hasher.ts';
import { fieldOf, RecordingTransport, testFlow } from '../../../../support/recording-transport.ts';
import { SeededRandom } from '../../../../support/seeded-random.ts';
import { VirtualTime } from '../../../../support/virtual-time.ts';

function setUp(sender: Sender = 'allowed', maxInboundRate = 100) {
  const time = new VirtualTime();
  const transport = new RecordingTransport();
  const events: SipEvent[] = [];
  const stack = new SipStack({
    clock: time,
    timers: time.timers,
    random: new SeededRandom(1),
    hasher: nodeHasher,
    transport,
    pacing: { perTarget: 6, burst: 3, max: 6 },
    senderOf: () => sender,
    maxInboundRate,
    publish: (event) => events.push(event),
  });
  const receive = (wire: string, flow = testFlow()) => stack.received(wire, flow, time.now());
  return { time, transport, stack, receive, events };
}

interface Parts {
  readonly method?: string;
  readonly uri?: string;
  readonly maxForwards?: number;
  readonly branch?: string;
  readonly via?: string;
  readonly to?: string;
  readonly lines?: readonly string[];
  readonly body?: string;
}

function request(parts: Parts = {}): string {
  const { method = 'OPTIONS', uri = 'sip:trunkd@198.51.100.7', branch = 'z9hG4bKabc' } = parts;
  return [
    `${method} ${uri} SIP/2.0`,
    parts.via ?? `Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=${branch}`,
    `Max-Forwards: ${parts.maxForwards ?? 70}`,
    'From: <sip:monitor@192.0.2.1>;tag=1',
    parts.to ?? 'To: <sip:trunkd@198.51.100.7>',
    'Call-ID: c1',
    `CSeq: 1 ${method}`,
    ...(parts.lines ?? []),
    `Content-Length: ${parts.body?.length ?? 0}`,
    '',
    parts.body ?? '',
  ].join('\r\n');
}

describe('requests that reach us', () => {
  it.each<[string, Parts, number]>([
    ['OPTIONS', {}, 200],
    ['OPTIONS with Max-Forwards 0', { maxForwards: 0 }, 200],
    ['a known method', { method: 'MESSAGE' }, 405],
    ['REGISTER', { method: 'REGISTER', uri: 'sip:198.51.100.7' }, 405],
    ['an INVITE from a proxy of ours', { method: 'INVITE' }, 405],
    ['an unknown method', { method: 'FROBNICATE' }, 501],
    ['OPTIONS in a dialog', { to: 'To: <sip:trunkd@198.51.100.7>;tag=x' }, 481],
    ['BYE', { method: 'BYE', to: 'To: <sip:trunkd@198.51.100.7>;tag=x' }, 481],
    ['CANCEL', { method: 'CANCEL' }, 481],
    ['another scheme', { uri: 'tel:+34911234567' }, 416],
    ['a required extension', { lines: ['Require: 100rel'] }, 420],
    ['a body of another type', { lines: ['Content-Type: text/plain'], body: 'x' }, 415],
    [
      'a body of another type that may be passed over',
      {
        lines: ['Content-Type: text/plain', 'Content-Disposition: render ; Handling=optional'],
        body: 'x',
      },
      200,
    ],
    ['a body with an encoding', { lines: ['Content-Encoding: gzip'], body: 'x' }, 415],
    ['a session description', { lines: ['Content-Type: application/SDP;v=0'], body: 'x' }, 200],
    ['a content type without a body', { lines: ['Content-Type: text/plain'] }, 200],
  ])('%s', (_name, parts, status) => {
    const { receive, transport } = setUp();
    receive(request(parts));
    expect(transport.sent).toHaveLength(1);
    expect(Number(transport.last.slice(8, 11))).toBe(status);
  });

  it('says what it allows, and which extension it lacks', () => {
    const { receive, transport } = setUp();
    receive(request({ method: 'MESSAGE' }));
    expect(fieldOf(transport.last, 'Allow')).toBe('OPTIONS');
    receive(request({ lines: ['Require: 100rel, timer'], branch: 'z9hG4bKdef' }));
    expect(fieldOf(transport.last, 'Unsupported')).toBe('100rel, timer');
  });

  it('once it stops, OPTIONS gets 503 with the time to come back; the rest is as before', () => {
    const { receive, transport, stack } = setUp();
    stack.becomeStopping();
    receive(request());
    expect(transport.last).toMatch(/^SIP\/2\.0 503 Service Unavailable\r\n/);
    expect(fieldOf(transport.last, 'Retry-After')).toBe('5');
    receive(request({ branch: 'z9hG4bKghi', method: 'MESSAGE' }));
    expect(transport.last).toMatch(/^SIP\/2\.0 405 /);
  });

  it('never answers an ACK, nor a stranger, nor a response', () => {
    const allowed = setUp();
    allowed.receive(request({ method: 'ACK' }));
    allowed.receive('SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\r\n');
    expect(allowed.transport.sent).toEqual([]);
    const stranger = setUp('stranger');
    stranger.receive(request());
    stranger.receive(request({ lines: ['Content-Length: nonsense'] }));
    stranger.receive(request({ method: 'INVITE' }));
    expect(stranger.transport.sent).toEqual([]);
    expect(stranger.stack.counters.dropped.get('stranger')).toBe(2);
  });

  it('gives a copy the very same answer, and another request another one', () => {
    const { receive, transport, stack, time } = setUp();
    receive(request());
    receive(request());
    receive(request({ branch: 'z9hG4bKother' }));
    const [first, copy, other] = transport.sent;
    expect(copy?.wire).toBe(first?.wire);
    expect(other?.wire).not.toBe(first?.wire);
    expect(stack.transactions.server).toBe(2);
    time.run(33_000);
    expect(stack.transactions.server).toBe(0);
  });

  it('answers 482 to a request that came by another way before, until timer J', () => {
    const { receive, transport, time } = setUp();
    const statusOf = (index: number) =>
      /^SIP\/2\.0 (\d+)/.exec(transport.sent[index]?.wire ?? '')?.[1];
    receive(request());
    receive(request({ branch: 'z9hG4bKother' }));
    receive(request({ branch: 'z9hG4bKother' }));
    // A copy of the first is still its copy.
    receive(request());
    expect([0, 1, 2, 3].map(statusOf)).toEqual(['200', '482', '482', '200']);
    time.run(33_000);
    receive(request({ branch: 'z9hG4bKthird' }));
    expect(statusOf(4)).toBe('200');
  });

  it('answers to the source port with rport, else to the port of sent-by (RFC 3581, 18.2.2)', () => {
    const { receive, transport } = setUp();
    const from = testFlow('udp', { address: '192.0.2.50', port: 33_000 });
    receive(request(), from);
    expect(transport.sent[0]?.flow).toBe(from);
    expect(fieldOf(transport.last, 'Via')).toContain('received=192.0.2.50');
    expect(fieldOf(transport.last, 'Via')).toContain('rport=33000');
    receive(request({ via: 'Via: SIP/2.0/UDP 10.0.0.1:5080;branch=z9hG4bKq' }), from);
    expect(transport.sent[1]?.flow.remote).toEqual({ address: '192.0.2.50', port: 5080 });
    receive(request({ via: 'Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKr' }), from);
    expect(transport.sent[2]?.flow.remote).toEqual({ address: '192.0.2.50', port: 5060 });
  });

  it('refuses a call of a provider with 480, and tells the operator once', () => {
    const { receive, transport, events, time } = setUp('target');
    receive(request({ method: 'INVITE' }));
    receive(request({ method: 'INVITE', branch: 'z9hG4bKsecond' }));
    expect(transport.last.slice(8, 11)).toBe('480');
    expect(events).toEqual([
      {
        type: 'inbound.callRefused',
        at: time.now(),
        from: '192.0.2.1',
        localSocket: 'test',
      },
    ]);
  });

  it('answers no more than its rate', () => {
    const { receive, transport, stack } = setUp('allowed', 10);
    for (let i = 0; i < 50; i += 1) receive(request({ branch: `z9hG4bK${i}` }));
    expect(transport.sent).toHaveLength(10);
    expect(stack.counters.dropped.get('rateLimit')).toBe(40);
  });

  it('copies count as well: the source of a flood of one request may be forged', () => {
    const { receive, transport, stack } = setUp('allowed', 10);
    for (let i = 0; i < 50; i += 1) receive(request());
    expect(transport.sent).toHaveLength(10);
    expect(stack.counters.dropped.get('rateLimit')).toBe(40);
  });

  it('survives what is no SIP at all', () => {
    const { receive, transport, stack } = setUp();
    for (const junk of [
      '',
      '\r\n\r\n',
      '\0\0\0\0',
      'x'.repeat(70_000),
      'OPTIONS',
      '\u00ff\u00fe',
    ]) {
      receive(junk);
    }
    expect(transport.sent).toEqual([]);
    const dropped = [...stack.counters.dropped.values()].reduce((a, b) => a + b, 0);
    expect(dropped).toBe(6);
  });
});
