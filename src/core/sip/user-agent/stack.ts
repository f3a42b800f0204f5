/**
 * Keeper of the whole SIP side: takes what the sockets bring, sends responses to the client
 * transactions and requests to the UAS, and counts what it drops. Everything that comes in is
 * hostile until parsed; nothing that it does may throw.
 */
import { putNewest } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import type { Fault } from '../../base/fault.ts';
import { after, type Instant } from '../../base/instant.ts';
import type { Random } from '../../base/random.ts';
import type { TimerQueue } from '../../base/timer-queue.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { Hasher } from '../digest/ports.ts';
import { FlowKeeper } from '../keep-alive/flow-keeper.ts';
import { isStun } from '../keep-alive/stun.ts';
import type { SipMessage } from '../message/message.ts';
import { parseMessage } from '../message/parse.ts';
import { validateResponse } from '../message/validate.ts';
import type { ProxyNamed } from '../proxy/ports.ts';
import type { RelayAnswer } from '../relay/refusals.ts';
import type { CallRelay, RelayPorts } from '../relay/relay.ts';
import { ClientLayer } from '../transaction/client-layer.ts';
import { RoundTrips } from '../transaction/round-trips.ts';
import { ServerLayer } from '../transaction/server-layer.ts';
import { DEFAULT_TIMERS } from '../transaction/timers.ts';
import type { Flow, TransportPort, TransportUser } from '../transport/ports.ts';
import { Pacer } from './pacer.ts';
import type { PacingSpec } from './ports.ts';
import { type Reply, Responder } from './responder.ts';
import { react, type Sender } from './uas.ts';
import { UserAgent } from './user-agent.ts';

/** What an operator should hear of the SIP side; seldom, since each kind is told once in a while. */
export type SipEvent =
  | {
      /** A provider sent a call to us, and nothing says where it shall go. */
      readonly type: 'inbound.callRefused';
      readonly at: Instant;
      readonly from: string;
      readonly localSocket: string;
    }
  | {
      /** More calls come in than are relayed (`inbound.maxRate`). */
      readonly type: 'inbound.limited';
      readonly at: Instant;
      readonly from: string;
      readonly localSocket: string;
    }
  | {
      /** A call could not be relayed to the proxy (`inbound.forwardTo`). */
      readonly type: 'inbound.proxyUnreachable';
      readonly at: Instant;
      readonly target: string;
      readonly cause: Fault;
    }
  | {
      /** The right answer to a request of ours, from an address that `sourceCheck` does not trust. */
      readonly type: 'response.strayed';
      readonly at: Instant;
      readonly from: string;
      readonly localSocket: string;
    }
  | {
      readonly type: 'request.large';
      readonly at: Instant;
      readonly target: string;
      readonly octets: number;
    };

/** Events that only tell who sent something. */
type Told = 'inbound.callRefused' | 'inbound.limited' | 'response.strayed';

/** Says who an address is; implemented by the daemon from `inbound.allow` and our own targets. */
export type SenderOf = (address: string) => Sender;

/** Counters since the start; whoever reads them must not write. */
export interface SipCounters {
  received: number;
  readonly dropped: Map<string, number>;
  /** Requests of others that were answered, by status. */
  readonly answered: Map<number, number>;
}

/** What RFC 3261 section 8.2 looks at after merged requests: extensions, content, the request itself. */
const AFTER_MERGED: ReadonlySet<number> = new Set([200, 415, 420]);
const TELL_AGAIN_AFTER_MS = 600_000;
/** Different senders and targets about which something was told; the oldest are forgotten. */
const MAX_TOLD = 1000;

export class SipStack implements TransportUser {
  readonly pacer: Pacer;
  readonly userAgent: UserAgent;
  readonly flowKeeper: FlowKeeper;
  readonly counters: SipCounters = { received: 0, dropped: new Map(), answered: new Map() };
  readonly #clock: Clock;
  readonly #client: ClientLayer;
  readonly #server: ServerLayer;
  readonly #responder: Responder;
  readonly #senderOf: SenderOf;
  readonly #publish: (event: SipEvent) => void;
  /** Takes the calls that arrive; set once, by whoever makes it. */
  relay: CallRelay | undefined;
  #requests: TokenBucket;
  #isStopping = false;
  readonly #heardAt = new WeakMap<Flow, Instant>();
  readonly #told = new Map<string, Instant>();

  constructor(ports: {
    readonly clock: Clock;
    readonly timers: TimerQueue;
    readonly random: Random;
    readonly hasher: Hasher;
    readonly transport: TransportPort;
    readonly pacing: PacingSpec;
    readonly senderOf: SenderOf;
    /** Requests a second that are answered. */
    readonly maxInboundRate: number;
    readonly publish: (event: SipEvent) => void;
    /** SIP proxies of ours; none where left out. */
    readonly proxyNamed?: ProxyNamed;
  }) {
    const { clock, timers, random, transport, maxInboundRate } = ports;
    this.#clock = clock;
    this.#senderOf = ports.senderOf;
    this.#publish = ports.publish;
    this.#requests = new TokenBucket(maxInboundRate, maxInboundRate, clock.now());
    this.pacer = new Pacer({ clock, timers, pacing: ports.pacing });
    const sipTimers = DEFAULT_TIMERS;
    const { pacer } = this;
    const roundTrips = new RoundTrips();
    this.#client = new ClientLayer({ clock, timers, transport, pacer, sipTimers, roundTrips });
    this.#server = new ServerLayer({ clock, timers, transport, sipTimers });
    this.flowKeeper = new FlowKeeper({ clock, timers, random, transport });
    this.#responder = new Responder({ transport, hasher: ports.hasher, random });
    this.userAgent = new UserAgent({
      clock,
      timers,
      random,
      transport,
      client: this.#client,
      pacer,
      roundTrips,
      isQuietSince: (flow, since) => (this.#heardAt.get(flow) ?? since) <= since,
      large: (target, octets) => this.#tellLarge(target, octets),
      proxyNamed: ports.proxyNamed ?? (() => undefined),
    });
  }

  /** Transactions that are held, of both kinds, for metrics. */
  get transactions(): {
    readonly client: number;
    readonly server: number;
    readonly resends: number;
  } {
    return {
      client: this.#client.size,
      server: this.#server.size,
      resends: this.#client.resends,
    };
  }

  /** Requests a second that are answered, from now on. */
  setMaxInboundRate(ratePerSec: number): void {
    this.#requests = new TokenBucket(ratePerSec, ratePerSec, this.#clock.now());
  }

  /** From now on OPTIONS gets 503: who asks for our health shall send nothing here. */
  becomeStopping(): void {
    this.#isStopping = true;
  }

  received(wire: string, flow: Flow, at: Instant): void {
    this.counters.received += 1;
    const isStream = flow.protocol !== 'udp';
    if (isStream) this.#heardAt.set(flow, at);
    else if (isStun(wire)) {
      if (!this.flowKeeper.receive(wire, flow)) this.#count('stun');
      return;
    }
    const parsed = parseMessage(wire, isStream ? 'stream' : 'datagram');
    if (!parsed.ok) {
      const { reply } = parsed;
      this.#count(parsed.reason);
      if (reply !== undefined) this.#refuse(reply.message, flow, reply.status, reply.phrase);
    } else if (parsed.message.kind === 'response') {
      this.#receiveResponse(parsed.message, flow, at);
    } else {
      this.#receiveRequest(parsed.message, flow, at);
    }
  }

  ponged(flow: Flow, at: Instant): void {
    this.#heardAt.set(flow, at);
  }

  flowFailed(flow: Flow, reason: Fault): void {
    this.#client.flowFailed(flow, reason);
    this.relay?.flowFailed(flow, reason);
  }

  /** What the relay of calls has to say. */
  readonly relayTold: RelayPorts['told'] = {
    limited: (flow) => this.#tell('inbound.limited', flow, this.#clock.now()),
    unreachable: (target, cause) => {
      const at = this.#clock.now();
      if (this.#mayTell(`unreachable ${target}`, at)) {
        this.#publish({ type: 'inbound.proxyUnreachable', at, target, cause });
      }
    },
  };

  dropped(reason: string): void {
    this.#count(reason);
  }

  #receiveResponse(response: SipMessage, flow: Flow, at: Instant): void {
    const wrong = validateResponse(response) ?? this.#client.receive(response, flow, at);
    if (wrong === undefined) return;
    // Another Via below ours: a request of somebody else, which passed here.
    const isForOthers = wrong === 'viaCount' && this.relay !== undefined;
    if (isForOthers && this.relay?.response(response, flow, this.#senderOf(flow.remote.address))) {
      return;
    }
    this.#count(wrong);
    if (wrong === 'source') this.#tell('response.strayed', flow, at);
  }

  #receiveRequest(request: SipMessage, flow: Flow, at: Instant): void {
    const sender = this.#senderOf(flow.remote.address);
    const whose = this.relay?.request(request, flow, sender, (answer) =>
      this.#answerForRelay(request, flow, answer),
    );
    if (whose === 'taken') return;
    const reaction = react(request, whose === 'trusted' ? 'allowed' : sender, this.#isStopping);
    if (reaction.kind === 'drop') {
      this.#count(reaction.reason);
      return;
    }
    // Before anything else: a copy makes us send as well, and its source may be forged.
    if (!this.#requests.take(at)) {
      this.#count('rateLimit');
      return;
    }
    if (request.method !== 'INVITE' && this.#server.absorb(request)) return;
    const { status, phrase, lines } = reaction.answer;
    if (AFTER_MERGED.has(status) && this.#server.isMerged(request)) {
      this.#answer(request, flow, 482, 'Loop Detected', []);
      return;
    }
    this.#answer(request, flow, status, phrase, lines);
    if (reaction.kind === 'refuseCall') this.#tell('inbound.callRefused', flow, at);
  }

  /** A request too broken to be looked into, from somebody who may be told so. */
  #refuse(request: SipMessage, flow: Flow, status: number, phrase: string): void {
    if (request.method === 'ACK') return;
    if (this.#senderOf(flow.remote.address) === 'stranger') return;
    if (!this.#requests.take(this.#clock.now())) return;
    this.#answer(request, flow, status, phrase, []);
  }

  #answer(
    request: SipMessage,
    flow: Flow,
    status: number,
    phrase: string,
    lines: readonly string[],
  ): void {
    const reply = this.#prepare(request, flow, status, phrase, lines);
    if (reply === undefined) return;
    // An INVITE has a transaction of another kind; a stateless answer serves it (section 8.2.7).
    if (request.method === 'INVITE') this.#responder.send(reply);
    else this.#server.answer(request, reply.wire, reply.flow);
  }

  /** Without state, as the relay itself: the same request gets the same answer. */
  #answerForRelay(request: SipMessage, flow: Flow, answer: RelayAnswer): void {
    if (!this.#requests.take(this.#clock.now())) {
      this.#count('rateLimit');
      return;
    }
    const { status, phrase, lines, toTag } = answer;
    const reply = this.#prepare(request, flow, status, phrase, lines, toTag);
    if (reply !== undefined) this.#responder.send(reply);
  }

  /** Counted as answered; undefined, and counted as dropped, where there is no way back. */
  #prepare(
    request: SipMessage,
    flow: Flow,
    status: number,
    phrase: string,
    lines: readonly string[],
    toTag?: string,
  ): Reply | undefined {
    const reply = this.#responder.prepare(request, flow, status, phrase, lines, toTag);
    if (reply === undefined) this.#count('noReturnAddress');
    else this.counters.answered.set(status, (this.counters.answered.get(status) ?? 0) + 1);
    return reply;
  }

  #tell(type: Told, flow: Flow, at: Instant): void {
    const { address } = flow.remote;
    if (!this.#mayTell(`${type} ${address}`, at)) return;
    const { localSocket } = flow;
    this.#publish({ type, at, from: address, localSocket });
  }

  #tellLarge(target: string, octets: number): void {
    const at = this.#clock.now();
    if (this.#mayTell(`large ${target}`, at)) {
      this.#publish({ type: 'request.large', at, target, octets });
    }
  }

  #mayTell(topic: string, at: Instant): boolean {
    const told = this.#told.get(topic);
    if (told !== undefined && after(told, TELL_AGAIN_AFTER_MS) > at) return false;
    putNewest(this.#told, topic, at, MAX_TOLD);
    return true;
  }

  #count(reason: string): void {
    const { dropped } = this.counters;
    dropped.set(reason, (dropped.get(reason) ?? 0) + 1);
  }
}
