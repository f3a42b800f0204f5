/**
 * Exchanges of a user agent with a server that answers anything: any code, in any order, twice, late, mutated,
 * from elsewhere, for another request; connections that break. Whatever comes, each exchange has one outcome,
 * and nothing of it is left.
 */
import { fault } from '../../../src/core/base/fault.ts';
import { LIMITS } from '../../../src/core/sip/message/limits.ts';
import { parseMessage } from '../../../src/core/sip/message/parse.ts';
import { challenge, setUpExchange, TARGET } from '../exchange-rig.ts';
import { answerTo, fieldOf, testFlow } from '../recording-transport.ts';
import { type Draw, hold, holdSame } from './draw.ts';
import { mutated } from './mutate.ts';
import { ANSWER_LINES } from './seeds.ts';

type Rig = ReturnType<typeof setUpExchange> & {
  /** A server that challenges with the same nonce always, and is as good as its word otherwise. */
  readonly hasOneNonce: boolean;
};

const STATUS = [
  ...['100 Trying', '180 Ringing', '200 OK', '200 OK', '202 Accepted', '302 Moved', '401 No'],
  ...['401 No', '401 No', '407 No', '403 Forbidden', '408 Late', '423 Brief', '480 Away'],
  ...['494 Secure', '500 Error', '503 Busy', '600 Busy', '699 Odd'],
] as const;
/** Longer than any transaction with all of its rounds. */
const LONG_AFTER_MS = 1_000_000;
/** Timer E over 32 s gives 11 sendings at most. */
const MOST_SENDINGS = 11;
/** Two tries, a third after stale, and two servers more on the way (rounds.ts). */
const MOST_WITH_CREDENTIALS = 5;

export function runClient(draw: Draw): string {
  const isStream = draw.isOneIn(3);
  const perTarget = draw.pick([0, 6, 100]);
  const hasOneNonce = draw.isOneIn(4);
  const rig: Rig = { ...setUpExchange({ perTarget, burst: 3, max: perTarget }), hasOneNonce };
  if (isStream) rig.transport.next = { ok: true, value: testFlow('tcp') };
  const starts = 1 + draw.below(3);
  const target = { ...TARGET, protocol: isStream ? ('tcp' as const) : ('udp' as const) };
  for (let count = 0; count < starts; count += 1) rig.start({ target });
  for (let count = 3 + draw.below(20); count > 0; count -= 1) {
    step(rig, draw);
    hold(rig.outcomes.length <= starts, 'an exchange has one outcome');
  }
  rig.time.run(LONG_AFTER_MS);
  hold(rig.outcomes.length === starts, 'an exchange ends');
  const { client, server } = rig.stack.transactions;
  holdSame(client + server, 0, 'transactions that are left');
  isSoundTraffic(rig, starts);
  return `${isStream ? 'stream' : 'datagram'} ${rig.outcomes.map(({ kind }) => kind).join(' ')}`;
}

function step(rig: Rig, draw: Draw): void {
  const { transport, stack, time } = rig;
  const sent = transport.sent.length === 0 ? undefined : draw.pick(transport.sent);
  switch (draw.below(10)) {
    case 0:
      time.run(draw.pick([1, 500, 4_000, 33_000]));
      return;
    case 1:
      if (sent !== undefined) stack.flowFailed(sent.flow, fault('transport.closed', 'peer'));
      return;
    case 2:
      if (sent !== undefined) fromElsewhere(rig, answer(rig, sent.wire, draw));
      return;
    case 3:
      if (sent === undefined || rig.hasOneNonce) return;
      stack.received(mutated(answer(rig, sent.wire, draw), draw), sent.flow, time.now());
      return;
    case 4:
      if (sent !== undefined) guessed(rig, answer(rig, sent.wire, draw), draw);
      return;
    default: {
      const last = transport.sent.at(-1);
      if (last === undefined) return;
      const wire = answer(rig, last.wire, draw);
      for (let copies = draw.pick([1, 1, 2]); copies > 0; copies -= 1) {
        stack.received(wire, last.flow, time.now());
      }
    }
  }
}

function answer({ hasOneNonce }: Rig, request: string, draw: Draw): string {
  const status = draw.pick(STATUS);
  const nonce = `nonce${hasOneNonce ? 0 : draw.below(2 ** 48)}`;
  const lines = [
    ...(status.startsWith('401') ? [challenge(nonce, draw.pick(['', ', stale=true']))] : []),
    ...(!hasOneNonce && draw.isOneIn(2) ? [draw.pick(ANSWER_LINES)] : []),
  ];
  return answerTo(request, status, ...lines);
}

/** The right answer from an address that was not asked: nothing may come of it. */
function fromElsewhere(rig: Rig, wire: string): void {
  const flow = testFlow('udp', { address: '203.0.113.66', port: 5060 });
  changesNothing(rig, () => rig.stack.received(wire, flow, rig.time.now()), 'another address');
}

const GUESSES: readonly (readonly [RegExp, string])[] = [
  [/branch=z9hG4bK(.)/, 'branch=z9hG4bKx$1'],
  [/^CSeq: \d+/m, 'CSeq: 4000000000'],
  [/^CSeq: (\d+) REGISTER/m, 'CSeq: $1 OPTIONS'],
  [/^Call-ID: /m, 'Call-ID: x'],
  [/^(From: .*tag=)/m, '$1x'],
  [/^(Via: SIP\/2.0\/\w+ )[^;]+/m, '$1192.0.2.200:5070'],
  [/^Via: /m, 'Via: SIP/2.0/UDP 192.0.2.200:5070;branch=z9hG4bKother\r\nVia: '],
];

/** From the right address, with one thing wrong. */
function guessed(rig: Rig, wire: string, draw: Draw): void {
  const [from, to] = draw.pick(GUESSES);
  const { flow } = rig.transport.sent.at(-1) ?? {};
  const wrong = wire.replace(from, to);
  if (flow === undefined || wrong === wire) return;
  changesNothing(rig, () => rig.stack.received(wrong, flow, rig.time.now()), `${from}`);
}

function changesNothing({ transport, outcomes }: Rig, feed: () => void, what: string): void {
  const [sent, ended] = [transport.sent.length, outcomes.length];
  feed();
  hold(transport.sent.length === sent && outcomes.length === ended, `forged answer: ${what}`);
}

/** Every request is sound, new ones have a CSeq of their own, and secrets go to the one who is asked only. */
function isSoundTraffic({ transport }: Rig, starts: number): void {
  const sendings = new Map<string, { readonly wire: string; count: number }>();
  const used = new Set<string>();
  let withCredentials = 0;
  for (const { wire, flow } of transport.sent) {
    const known = sendings.get(fieldOf(wire, 'Via'));
    if (known !== undefined) {
      holdSame(wire, known.wire, 'a copy');
      known.count += 1;
      hold(
        known.count <= MOST_SENDINGS && flow.protocol === 'udp',
        'copies are few, and of datagrams',
      );
      continue;
    }
    sendings.set(fieldOf(wire, 'Via'), { wire, count: 1 });
    const read = parseMessage(wire, 'stream');
    hold(read.ok && read.message.kind === 'request', 'what we send can be read');
    hold(wire.length < LIMITS.messageOctets, 'what we send is not large');
    isFirst(used, fieldOf(wire, 'CSeq'));
    holdSame(flow.remote.address, TARGET.address, 'where requests go');
    if (!/^(?:Proxy-)?Authorization:/m.test(wire)) continue;
    withCredentials += 1;
    const nonce = /[ ,]nonce="[^"]*"/.exec(wire)?.[0];
    const count = /[ ,]nc=\w+/.exec(wire)?.[0];
    if (count !== undefined) isFirst(used, `${nonce} ${count} ${/realm="[^"]*"/.exec(wire)?.[0]}`);
  }
  // A connection that proved dead repeats one of them.
  hold(withCredentials <= 2 * MOST_WITH_CREDENTIALS * starts, 'credentials are not sent on and on');
}

function isFirst(used: Set<string>, one: string): void {
  hold(!used.has(one), `${one} is used once`);
  used.add(one);
}
