/**
 * Is the port of a silent UDP peer closed? The kernel tells that to connected sockets only, by the ICMP message
 * that comes back; ours are unconnected, so that answers from other ports and addresses arrive (decision 13).
 * So a connected socket of its own asks, for a moment: two double CRLFs, which SIP servers let pass in silence
 * (RFC 3261 section 7.5). Only two refusals count, the second one later than a probe waits for its answer: one
 * ICMP message may be forged, or come from a router that changes its mind.
 *
 *   asked --refused--> asked once more --refused--> the flow is told
 *     \________________ nothing, anything else: closed without a word
 */
import dgram from 'node:dgram';
import { fault } from '../core/base/fault.ts';
import { after, elapsedMs, type Instant } from '../core/base/instant.ts';
import { Timer } from '../core/base/timer-queue.ts';
import type { Flow } from '../core/sip/transport/ports.ts';
import { isUnspecified, literalLookup } from './local-address.ts';
import type { NetContext } from './net-context.ts';
import { errorCode } from './socket-fault.ts';

const QUESTION = Buffer.from('\r\n\r\n', 'latin1');
/** From the first question to the second one, and from there to the end. */
const STEP_MS = 600;
/** One peer is asked no more often. */
const AGAIN_AFTER_MS = 10_000;
/** Questions that are open, and peers that are remembered as asked; more are not asked. */
const MAX_OPEN = 64;
const MAX_REMEMBERED = 10_000;

export class PortInquiries {
  readonly #context: NetContext;
  readonly #open = new Set<Inquiry>();
  readonly #askedAt = new Map<string, Instant>();

  constructor(context: NetContext) {
    this.#context = context;
  }

  /** Nothing came back over the flow for seconds. */
  ask(flow: Flow): void {
    const { address, port } = flow.remote;
    const key = `${address} ${port}`;
    const now = this.#context.clock.now();
    const askedAt = this.#askedAt.get(key);
    if (askedAt !== undefined && elapsedMs(askedAt, now) < AGAIN_AFTER_MS) return;
    if (this.#open.size >= MAX_OPEN) return;
    if (this.#askedAt.size >= MAX_REMEMBERED) this.#askedAt.clear();
    this.#askedAt.set(key, now);
    const inquiry = new Inquiry(flow, this.#context, (isClosed) => {
      this.#open.delete(inquiry);
      if (isClosed && !this.#context.lifetime.isOver) this.#tell(flow);
    });
    this.#open.add(inquiry);
    inquiry.start();
  }

  destroy(): void {
    for (const inquiry of [...this.#open]) inquiry.end(false);
  }

  #tell(flow: Flow): void {
    const text = 'The other side reported the UDP port closed (ICMP), twice.';
    this.#context.user.flowFailed(flow, fault('transport.refused', 'peer', text));
  }
}

class Inquiry {
  readonly #flow: Flow;
  readonly #context: NetContext;
  readonly #done: (isClosed: boolean) => void;
  readonly #timer = new Timer(() => this.#next());
  readonly #socket: dgram.Socket;
  #questions = 0;
  #refusals = 0;
  #isOver = false;

  constructor(flow: Flow, context: NetContext, done: (isClosed: boolean) => void) {
    this.#flow = flow;
    this.#context = context;
    this.#done = done;
    const isIpv6 = flow.remote.address.includes(':');
    this.#socket = dgram.createSocket({ type: isIpv6 ? 'udp6' : 'udp4', lookup: literalLookup });
  }

  start(): void {
    const socket = this.#socket;
    const { address: own } = this.#flow.local;
    socket.on('error', (error) => this.#refused(error));
    // What comes in answers nothing of ours.
    socket.on('message', () => undefined);
    const { address, port } = this.#flow.remote;
    // Not as the callback of `connect`: that is called with the error too, and then nothing is connected.
    socket.once('connect', () => this.#next());
    const connect = (): void => socket.connect(port, address);
    try {
      socket.bind(
        { port: 0, ...(isUnspecified(own) ? {} : { address: own }), exclusive: true },
        connect,
      );
    } catch {
      // No descriptor is left, or the address is gone: then nothing is found out.
      this.end(false);
    }
  }

  end(isClosed: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#context.timers.disarm(this.#timer);
    this.#socket.close();
    this.#done(isClosed);
  }

  #next(): void {
    if (this.#isOver) return;
    // A question that was not refused: there is somebody, or nobody tells.
    if (this.#questions > this.#refusals || this.#questions === 2) {
      this.end(false);
      return;
    }
    this.#questions += 1;
    this.#context.timers.arm(this.#timer, after(this.#context.clock.now(), STEP_MS));
    this.#socket.send(QUESTION, (error) => {
      if (error !== null) this.#refused(error);
    });
  }

  /** Told on reading, or by the next sending; one refusal a question counts. */
  #refused(error: Error): void {
    if (this.#isOver) return;
    if (errorCode(error) !== 'ECONNREFUSED') {
      this.end(false);
      return;
    }
    this.#refusals = Math.min(this.#refusals + 1, this.#questions);
    if (this.#refusals === 2) this.end(true);
  }
}
