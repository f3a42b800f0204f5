/**
 * Connections that die at every octet of what the other side says, under the whole SIP stack (on real sockets):
 * each exchange has one outcome, no transaction and no descriptor is left.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { TimerQueue } from '../../../src/core/base/timer-queue.ts';
import type { ExchangeOutcome } from '../../../src/core/sip/user-agent/ports.ts';
import { SipStack } from '../../../src/core/sip/user-agent/stack.ts';
import { monotonicClock } from '../../../src/net/clock.ts';
import { nodeHasher } from '../../../src/net/hash.ts';
import { EntropyRandom } from '../../../src/net/random.ts';
import { TimerDriver } from '../../../src/net/timer-driver.ts';
import { Transport } from '../../../src/net/transport.ts';
import { aLocalSocket, aTarget, openSockets, soon } from '../../support/edge.ts';
import { type RawConnection, RawServer } from '../../support/raw-peer.ts';
import { answerTo } from '../../support/recording-transport.ts';
import { requestWire } from '../../support/wire.ts';

/** As many as an answer has octets, and some more. */
const CONNECTIONS = 300;
const OPTIONS = requestWire('OPTIONS');

class Rig {
  readonly outcomes: ExchangeOutcome[] = [];
  readonly transport: Transport;
  readonly stack: SipStack;
  readonly #driver: TimerDriver;

  constructor() {
    const timers = new TimerQueue();
    const random = new EntropyRandom();
    const clock = monotonicClock;
    this.#driver = new TimerDriver(timers, clock, 10);
    const specs = Array.from({ length: CONNECTIONS }, (_, at) =>
      aLocalSocket('tcp', { name: `socket${at}` }),
    );
    this.transport = new Transport(specs, {
      user: {
        received: (wire, flow, at) => this.stack.received(wire, flow, at),
        ponged: (flow, at) => this.stack.ponged(flow, at),
        flowFailed: (flow, reason) => this.stack.flowFailed(flow, reason),
        dropped: (reason) => this.stack.dropped(reason),
        localAddressChanged: () => undefined,
      },
      ...{ clock, random, timers, notify: () => undefined },
      limits: { connectsPerTarget: 1_000, connects: 1_000 },
    });
    this.stack = new SipStack({
      ...{ clock, timers, random, hasher: nodeHasher, transport: this.transport },
      pacing: { perTarget: 0, burst: 1, max: 0 },
      senderOf: () => 'allowed',
      maxInboundRate: 100_000,
      publish: () => undefined,
    });
  }

  async start(): Promise<void> {
    this.#driver.start();
    await this.transport.bind();
  }

  async stop(): Promise<void> {
    await this.transport.stop();
    this.#driver.stop();
  }

  /** One REGISTER over a connection of its own. */
  register(port: number, at: number): void {
    let cseq = 0;
    this.stack.userAgent.start(
      {
        template: {
          ...{ method: 'REGISTER', requestUri: 'sip:registrar.test' },
          ...{ callId: `call-${at}`, fromTag: `tag${at}` },
          head:
            `Max-Forwards: 70\r\nFrom: <sip:u${at}@registrar.test>;tag=tag${at}\r\n` +
            `To: <sip:u${at}@registrar.test>\r\nCall-ID: call-${at}\r\n`,
        },
        tail: () => '',
        target: aTarget('tcp', port),
        ...{ alternatives: [], sourceCheck: 'host', localSocket: `socket${at}`, tls: undefined },
        nextCseq: () => {
          cseq += 1;
          return cseq;
        },
        session: undefined,
        timeoutMs: 32_000,
      },
      (outcome) => this.outcomes.push(outcome),
    );
  }
}

/** Says the first octets of it, then ends the connection; true where that was a whole answer. */
function breakOff(
  { socket, received }: RawConnection,
  at: number,
  says: (request: string) => string,
  how: 'reset' | 'ended',
): boolean {
  const text = says(received);
  const isAnswer = text.startsWith('SIP/');
  // What is written has to leave before a reset, which would take it back.
  socket.write(text.slice(0, isAnswer ? at : 3 * at), 'latin1', () =>
    setTimeout(() => (how === 'reset' ? socket.resetAndDestroy() : socket.end()), 20),
  );
  return isAnswer && at >= text.length;
}

describe('a connection under an exchange', () => {
  const cleanUps: (() => unknown)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  it.each([
    ['reset', 'after each octet of an answer', (request: string) => answerTo(request, '200 OK')],
    ['ended', 'after each octet of an answer', (request: string) => answerTo(request, '200 OK')],
    ['reset', 'in a burst of requests', () => OPTIONS.repeat(3)],
    ['ended', 'in a burst of requests', () => OPTIONS.repeat(3)],
  ] as const)('that is %s %s leaves nothing behind', async (how, _, says) => {
    const server = await RawServer.tcp();
    cleanUps.push(() => server.close());
    const before = openSockets();
    const rig = new Rig();
    cleanUps.push(() => rig.stop());
    await rig.start();
    for (let at = 0; at < CONNECTIONS; at += 1) rig.register(server.port, at);
    const last = await server.connection(CONNECTIONS - 1);
    await soon(
      () => server.connections.every(({ received }) => received.includes('\r\n\r\n')),
      'every request',
    );
    expect(last.isClosed).toBe(false);
    const whole = server.connections.filter((peer, at) => breakOff(peer, at, says, how)).length;
    await soon(() => rig.outcomes.length >= CONNECTIONS, 'every outcome');
    expect(rig.outcomes).toHaveLength(CONNECTIONS);
    expect(rig.outcomes.filter(({ kind }) => kind === 'response')).toHaveLength(whole);
    for (const outcome of rig.outcomes) {
      if (outcome.kind === 'failed') expect(outcome.fault.code).toBe('transport.closed');
    }
    // Both ends were met: whole messages, and none.
    const answered = rig.stack.counters.answered.get(200) ?? 0;
    expect(whole + answered).toBeGreaterThan(CONNECTIONS / 10);
    expect(rig.stack.transactions).toMatchObject({ client: 0, server: 0 });
    await soon(() => rig.transport.stats().connectionsOpen === 0, 'every connection to be closed');
    await soon(() => openSockets() <= before, 'every descriptor');
  });
});
