/**
 * One established TCP or TLS connection. Cuts messages from the stream (RFC 3261 section 18.3), gathers
 * what is written in one turn of the event loop into one write, and finds out when the other side is gone.
 *
 *   open --(reset, pong missed, overflow, half message, core)--> broken: told once, socket destroyed
 *   open --(framing lost, or ended by the other side)--> lingering: answers are written out, then broken
 *
 * Keep-alive (RFC 5626 section 4.4.1), on connections that we opened: a double CRLF every 95 to 120 s, a
 * CRLF expected within 10 s; as often as the other side asks for where it does (Flow-Timer). Many servers
 * never answer; only one that has answered a ping before or promised to (outbound), and has sent nothing
 * since the latest, is taken for dead. On connections that others opened: closed after 120 s
 * without an octet. Pings are answered on both.
 *
 * A stream that lost its framing (no or contradictory Content-Length, too large) cannot go on. The octets
 * at hand are given to the core like a message: its parser finds the same flaw, and answers 400 where
 * there is somebody to answer. Then the connection is closed.
 */
import type { Socket } from 'node:net';
import { type Fault, fault } from '../core/base/fault.ts';
import { after, elapsedMs, type Instant } from '../core/base/instant.ts';
import { between } from '../core/base/random.ts';
import { Timer } from '../core/base/timer-queue.ts';
import type { TransportProtocol } from '../core/sip/locate/target.ts';
import { type FramerEvent, StreamFramer } from '../core/sip/message/framing.ts';
import type {
  Flow,
  LocalSocketSpec,
  SocketAddress,
  StreamKeepAlive,
} from '../core/sip/transport/ports.ts';
import type { NetContext } from './net-context.ts';
import { hostPort } from './sent-by.ts';
import { streamFault } from './socket-fault.ts';

const PING = '\r\n\r\n';
const PONG = '\r\n';

/** What is known about a connection before its first message. */
export interface StreamFlowSpec {
  readonly protocol: TransportProtocol;
  readonly localSocket: string;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly sentBy: string;
  /** Who opened it decides who keeps it alive. */
  readonly isOurs: boolean;
  readonly isOwned?: boolean;
}

export class StreamFlow implements Flow {
  readonly protocol: TransportProtocol;
  readonly localSocket: string;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly sentBy: string;
  readonly contactHost: string;
  readonly isOwned: boolean;
  readonly #context: NetContext;
  readonly #socket: Socket;
  readonly #isOurs: boolean;
  readonly #broken: (flow: StreamFlow) => void;
  readonly #framer = new StreamFramer();
  /** Keep-alive on connections of ours, idle time on those of others. */
  readonly #pulse = new Timer((now) =>
    this.#isOurs ? this.#keepAlive(now) : this.#checkIdle(now),
  );
  /** Ends a message that began and does not go on, and the time for a last answer. */
  readonly #patience = new Timer(() => this.#outOfPatience());
  #state: 'open' | 'lingering' | 'broken' = 'open';
  #outbox = '';
  #isFlushPlanned = false;
  #heardAt: Instant;
  /** When a message last went either way. */
  #usedAt: Instant;
  #pingedAt: Instant | undefined;
  /** Since when more waits to be written than should; found out when something is written. */
  #fullSince: Instant | undefined;
  #hasPonged = false;
  #keepAlivePlan: StreamKeepAlive;
  /** Why it lingers; what comes after is only the consequence. */
  #lastReason: Fault | undefined;
  #isWordDue = false;

  constructor(
    context: NetContext,
    socket: Socket,
    spec: StreamFlowSpec,
    broken: (flow: StreamFlow) => void,
  ) {
    this.#context = context;
    this.#socket = socket;
    this.#broken = broken;
    this.#isOurs = spec.isOurs;
    this.protocol = spec.protocol;
    this.localSocket = spec.localSocket;
    this.local = spec.local;
    this.remote = spec.remote;
    this.sentBy = spec.sentBy;
    this.contactHost = spec.sentBy;
    this.isOwned = spec.isOwned === true;
    this.#heardAt = context.clock.now();
    this.#usedAt = this.#heardAt;
    this.#keepAlivePlan = { intervalMs: context.limits.keepAliveMs, isPongDue: false };
    context.counters.connectionsOpen += 1;
    socket.on('data', (octets: Buffer) => this.#read(octets));
    socket.on('error', (error) => this.#fail(streamFault(error, 'open')));
    socket.on('end', () => this.#linger(fault('transport.closed', 'peer')));
    socket.on('close', () => this.#fail(fault('transport.closed', 'peer')));
    this.#armPulse();
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Queues one message. */
  write(wire: string): void {
    if (this.#state !== 'open') {
      this.#tellLater(fault('transport.closed', 'peer'));
      return;
    }
    const { clock, counters } = this.#context;
    const now = clock.now();
    if (!this.#put(wire, now)) return;
    counters.streamMessagesSent += 1;
    this.#usedAt = now;
  }

  /** Pings from now on as planned; the first one after a whole interval of the new plan. */
  keepAlive(plan: StreamKeepAlive): void {
    const { intervalMs, isPongDue } = this.#keepAlivePlan;
    const [least, most] = plan.intervalMs;
    const isSame = least === intervalMs[0] && most === intervalMs[1];
    if (isSame && plan.isPongDue === isPongDue) return;
    this.#keepAlivePlan = plan;
    if (this.#state !== 'open' || !this.#isOurs || isSame) return;
    if (this.#pingedAt === undefined) this.#armPing(this.#context.clock.now());
  }

  /** Pings now, unless an answer to a ping is awaited already; the connections of others are not pinged. */
  inquire(): void {
    const isAsked = this.#pingedAt !== undefined || !this.#isOurs;
    if (this.#state === 'open' && !isAsked) this.#ping(this.#context.clock.now());
  }

  /** The core gives the connection up; it hears of it like of any other loss. */
  end(reason: Fault): void {
    if (this.#break()) this.#tellLater(reason);
  }

  /** The whole transport stops: no word to anybody. */
  destroy(): void {
    this.#break();
  }

  #read(octets: Buffer): void {
    if (this.#state !== 'open') return;
    const { clock, counters } = this.#context;
    const now = clock.now();
    this.#heardAt = now;
    counters.octetsReceived += octets.length;
    let completed = 0;
    for (const event of this.#framer.push(octets.toString('latin1'))) {
      if (event.kind === 'message') completed += 1;
      this.#take(event, now);
      if (this.#state !== 'open') return;
    }
    if (!this.#framer.isInMessage) this.#context.timers.disarm(this.#patience);
    else if (completed > 0 || !this.#patience.isArmed) this.#armPatience(now);
  }

  #take(event: FramerEvent, now: Instant): void {
    switch (event.kind) {
      case 'message':
        this.#context.counters.streamMessagesReceived += 1;
        this.#usedAt = now;
        this.#context.user.received(event.wire, this, now);
        return;
      case 'ping':
        this.#put(PONG, now);
        return;
      case 'pong':
        this.#pong(now);
        return;
      case 'error':
        this.#loseFraming(event.reason, event.wire, now);
    }
  }

  /** A single CRLF between messages is also just decoration: only an awaited one is a pong. */
  #pong(now: Instant): void {
    if (this.#pingedAt === undefined) return;
    this.#pingedAt = undefined;
    this.#hasPonged = true;
    this.#context.user.ponged(this, now);
    this.#armPing(now);
  }

  #loseFraming(reason: string, wire: string, now: Instant): void {
    const { counters, user } = this.#context;
    counters.framingErrors += 1;
    if (wire !== '') user.received(wire, this, now);
    user.dropped(reason, this);
    const text = 'Closed by us: the other side sent a message whose end cannot be told.';
    this.#linger(fault('transport.closed', 'peer', text));
  }

  /** Nothing more is read; what was written may leave, for a while. */
  #linger(reason: Fault): void {
    if (this.#state !== 'open') return;
    this.#state = 'lingering';
    this.#lastReason = reason;
    this.#flush();
    this.#socket.end();
    const { clock, limits, timers } = this.#context;
    timers.arm(this.#patience, after(clock.now(), limits.lingerMs));
  }

  #outOfPatience(): void {
    if (this.#state === 'open') this.#context.counters.incompleteMessages += 1;
    const text = 'Closed by us: the other side sent half a message, and no more of it.';
    this.#fail(fault('transport.closed', 'peer', text));
  }

  #armPatience(now: Instant): void {
    this.#context.timers.arm(this.#patience, after(now, this.#context.limits.messageMs));
  }

  #keepAlive(now: Instant): void {
    const { counters, limits } = this.#context;
    if (this.#pingedAt !== undefined) {
      counters.pongsMissed += 1;
      const isExpected = this.#hasPonged || this.#keepAlivePlan.isPongDue;
      if (isExpected && this.#heardAt <= this.#pingedAt) {
        const text = 'The other side no longer answers keep-alives on the connection.';
        this.#fail(fault('transport.closed', 'peer', text));
        return;
      }
      this.#pingedAt = undefined;
      this.#framer.forgetPong();
      this.#armPing(now);
      return;
    }
    if (elapsedMs(this.#usedAt, now) > limits.unusedMs) {
      this.#fail(fault('transport.closed', 'local', 'Closed by us: unused for days.'));
      return;
    }
    this.#ping(now);
  }

  #ping(now: Instant): void {
    const { counters, limits, timers } = this.#context;
    counters.pingsSent += 1;
    this.#pingedAt = now;
    this.#framer.expectPong();
    this.#put(PING, now);
    timers.arm(this.#pulse, after(now, limits.pongMs));
  }

  #checkIdle(now: Instant): void {
    if (elapsedMs(this.#heardAt, now) < this.#context.limits.idleMs) this.#armPulse();
    else this.#fail(fault('transport.closed', 'local', 'Closed by us: idle for too long.'));
  }

  #armPulse(): void {
    if (this.#isOurs) this.#armPing(this.#heardAt);
    else this.#context.timers.arm(this.#pulse, after(this.#heardAt, this.#context.limits.idleMs));
  }

  #armPing(now: Instant): void {
    const { random, timers } = this.#context;
    timers.arm(this.#pulse, after(now, between(random, ...this.#keepAlivePlan.intervalMs)));
  }

  #isOverfull(added: number, now: Instant): boolean {
    const { writeQueueOctets, writeStallMs, writeBurstOctets } = this.#context.limits;
    const waiting = this.#socket.writableLength + this.#outbox.length;
    if (waiting <= writeQueueOctets) {
      this.#fullSince = undefined;
      return false;
    }
    this.#fullSince ??= now;
    return waiting + added > writeBurstOctets || elapsedMs(this.#fullSince, now) > writeStallMs;
  }

  /** False when nothing more fits: the connection is given up then. */
  #put(text: string, now: Instant): boolean {
    if (this.#isOverfull(text.length, now)) {
      this.#context.counters.writeOverflows += 1;
      this.end(fault('transport.overflow', 'peer'));
      return false;
    }
    this.#outbox += text;
    if (!this.#isFlushPlanned) {
      this.#isFlushPlanned = true;
      process.nextTick(() => this.#flush());
    }
    return true;
  }

  #flush(): void {
    this.#isFlushPlanned = false;
    const text = this.#outbox;
    if (text === '' || this.#state === 'broken' || !this.#socket.writable) return;
    this.#outbox = '';
    this.#context.counters.octetsSent += text.length;
    this.#socket.write(text, 'latin1');
  }

  #fail(reason: Fault): void {
    if (this.#break()) this.#context.user.flowFailed(this, this.#lastReason ?? reason);
  }

  /** From inside a call of the core, which hears of it in a turn of its own, once for all it wrote. */
  #tellLater(reason: Fault): void {
    if (this.#isWordDue) return;
    this.#isWordDue = true;
    setImmediate(() => {
      this.#isWordDue = false;
      if (!this.#context.lifetime.isOver) this.#context.user.flowFailed(this, reason);
    });
  }

  /** False when it was broken already. */
  #break(): boolean {
    if (this.#state === 'broken') return false;
    this.#state = 'broken';
    this.#outbox = '';
    this.#context.timers.disarm(this.#pulse);
    this.#context.timers.disarm(this.#patience);
    this.#context.counters.connectionsOpen -= 1;
    this.#broken(this);
    this.#socket.destroy();
    return true;
  }
}

/** An established connection as a flow. Where the socket listens, that port is where requests reach us. */
export function streamFlowSpec(
  spec: LocalSocketSpec,
  socket: Socket,
  isOurs: boolean,
): StreamFlowSpec {
  const local = { address: socket.localAddress ?? spec.address, port: socket.localPort ?? 0 };
  const remote = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
  const reachable = spec.port === 0 ? local : { address: local.address, port: spec.port };
  const sentBy = spec.advertise ?? hostPort(reachable);
  return { protocol: spec.protocol, localSocket: spec.name, local, remote, sentBy, isOurs };
}
