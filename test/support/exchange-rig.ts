/** One exchange over a stack whose transport only writes down what is sent. */
import { Secret } from '../../src/core/base/secret.ts';
import type { Credentials } from '../../src/core/sip/digest/ports.ts';
import { DigestSession } from '../../src/core/sip/digest/session.ts';
import type { ExchangeOutcome, ExchangeRequest } from '../../src/core/sip/user-agent/ports.ts';
import { type SipEvent, SipStack } from '../../src/core/sip/user-agent/stack.ts';
import { nodeHasher as hasher } from './node-hasher.ts';
import { answerTo, RecordingTransport, testFlow } from './recording-transport.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualTime } from './virtual-time.ts';

export const TARGET = { protocol: 'udp', address: '192.0.2.1', port: 5060, family: 4 } as const;

/** The whole stack on virtual time, with one request to send. */
export function setUpExchange(
  pacing = { perTarget: 0, burst: 3, max: 0 },
  credentials: Partial<Credentials> = {},
) {
  const time = new VirtualTime();
  const transport = new RecordingTransport();
  const random = new SeededRandom(3);
  const events: SipEvent[] = [];
  const stack = new SipStack({
    clock: time,
    timers: time.timers,
    random,
    hasher,
    transport,
    pacing,
    senderOf: () => 'stranger',
    maxInboundRate: 100,
    publish: (event) => events.push(event),
  });
  const session = new DigestSession(
    {
      username: 'alice',
      password: new Secret('wonderland'),
      ha1: undefined,
      realm: undefined,
      ...credentials,
    },
    hasher,
    random,
  );
  let cseq = 0;
  const outcomes: ExchangeOutcome[] = [];
  const request: ExchangeRequest = {
    template: {
      method: 'REGISTER',
      requestUri: 'sip:registrar.test',
      callId: 'call-1',
      fromTag: 'ft1',
      head:
        'Max-Forwards: 70\r\nFrom: <sip:alice@registrar.test>;tag=ft1\r\n' +
        'To: <sip:alice@registrar.test>\r\nCall-ID: call-1\r\n',
    },
    tail: (flow) => `Contact: <sip:alice@${flow.contactHost}>\r\n`,
    target: TARGET,
    alternatives: ['192.0.2.99'],
    sourceCheck: 'host',
    localSocket: undefined,
    tls: undefined,
    nextCseq: () => {
      cseq += 1;
      return cseq;
    },
    session,
    timeoutMs: 32_000,
  };
  const start = (more: Partial<ExchangeRequest> = {}) =>
    stack.userAgent.start({ ...request, ...more }, (outcome) => outcomes.push(outcome));
  const answer = (status: string, ...lines: string[]) =>
    stack.received(answerTo(transport.last, status, ...lines), testFlow(), time.now());
  return { time, transport, stack, outcomes, start, answer, events, session };
}

export const challenge = (nonce: string, more = '') =>
  `WWW-Authenticate: Digest realm="registrar.test", nonce="${nonce}", qop="auth"${more}`;
