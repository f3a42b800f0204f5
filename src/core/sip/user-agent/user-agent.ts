/**
 * The user agent client: starts exchanges and gives them what they share. What the answers of a
 * target say about its load goes to the pacer.
 */
import type { Clock } from '../../base/clock.ts';
import type { Fault } from '../../base/fault.ts';
import type { Instant } from '../../base/instant.ts';
import type { Random } from '../../base/random.ts';
import { Timer, type TimerQueue } from '../../base/timer-queue.ts';
import { targetKey } from '../locate/target.ts';
import type { ProxyNamed } from '../proxy/ports.ts';
import type { ClientLayer } from '../transaction/client-layer.ts';
import type { RoundTrips } from '../transaction/round-trips.ts';
import type { Flow, TransportPort } from '../transport/ports.ts';
import { RunningExchange } from './exchange.ts';
import { LARGE_REQUEST_OCTETS, LargeRequests } from './large-requests.ts';
import type { Pacer } from './pacer.ts';
import type { Exchange, ExchangeOutcome, ExchangeRequest, UserAgentPort } from './ports.ts';

/** An answer slower than this is a sign of load (reliability: half a second). */
const QUICK_ANSWER_MS = 500;
/** Up to here a few exchanges at a time are as good as many. */
const PROMPT_ANSWER_MS = 200;

/** What an exchange may use. */
export interface ExchangePorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly random: Random;
  readonly transport: TransportPort;
  readonly client: ClientLayer;
  readonly pacer: Pacer;
  readonly largeRequests: LargeRequests;
  /** True when nothing at all came in on the flow since then. */
  isQuietSince(flow: Flow, since: Instant): boolean;
  /** Runs the step in a later turn of the timer queue. */
  later(step: () => void): void;
  sent(target: string, flow: Flow, wire: string): void;
  /** `wasRepeated`: the request was sent more than once, so that the answer may be to a copy. */
  /** Within it nearly every answer of a slow target comes; 0 of one that has the usual T1. */
  answerMs(target: string): number;
  heard(target: string, status: number, rttMs: number, wasRepeated: boolean): void;
  silent(target: string, flow: Flow | undefined, since: Instant, reason: Fault): void;
  ended(target: string): void;
}

export class UserAgent implements UserAgentPort, ExchangePorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly random: Random;
  readonly transport: TransportPort;
  readonly client: ClientLayer;
  readonly pacer: Pacer;
  readonly largeRequests: LargeRequests;
  readonly isQuietSince: (flow: Flow, since: Instant) => boolean;
  readonly #large: (target: string, octets: number) => void;
  readonly #proxyNamed: ProxyNamed;
  readonly #roundTrips: RoundTrips;
  #steps: (() => void)[] = [];
  readonly #stepTimer = new Timer(() => this.#runSteps());

  constructor(ports: {
    readonly clock: Clock;
    readonly timers: TimerQueue;
    readonly random: Random;
    readonly transport: TransportPort;
    readonly client: ClientLayer;
    readonly pacer: Pacer;
    /** True when nothing at all came in on the flow since then. */
    readonly isQuietSince: (flow: Flow, since: Instant) => boolean;
    /** Told of each request over UDP that is larger than a path may carry in one piece. */
    readonly large: (target: string, octets: number) => void;
    readonly proxyNamed: ProxyNamed;
    readonly roundTrips: RoundTrips;
  }) {
    this.clock = ports.clock;
    this.random = ports.random;
    this.transport = ports.transport;
    this.client = ports.client;
    this.pacer = ports.pacer;
    this.timers = ports.timers;
    this.largeRequests = new LargeRequests(ports.clock);
    this.isQuietSince = ports.isQuietSince;
    this.#large = ports.large;
    this.#proxyNamed = ports.proxyNamed;
    this.#roundTrips = ports.roundTrips;
  }

  start(request: ExchangeRequest, receive: (outcome: ExchangeOutcome) => void): Exchange {
    const { target, lane = targetKey(target) } = request;
    const proxy = target.via === undefined ? undefined : this.#proxyNamed(target.via);
    const exchange = new RunningExchange(this, request, lane, proxy, receive);
    exchange.start();
    return exchange;
  }

  later(step: () => void): void {
    this.#steps.push(step);
    if (!this.#stepTimer.isArmed) this.timers.arm(this.#stepTimer, this.clock.now());
  }

  sent(target: string, flow: Flow, wire: string): void {
    if (flow.protocol === 'udp' && wire.length > LARGE_REQUEST_OCTETS) {
      this.#large(target, wire.length);
    }
  }

  heard(target: string, status: number, rttMs: number, wasRepeated: boolean): void {
    const usualMs = this.#roundTrips.answerMs(target);
    this.#roundTrips.measured(target, rttMs, wasRepeated);
    if (status === 503) this.pacer.signal(target, 'overloaded');
    else if (rttMs <= PROMPT_ANSWER_MS) this.pacer.signal(target, 'prompt');
    else if (rttMs <= QUICK_ANSWER_MS) this.pacer.signal(target, 'quick');
    else this.pacer.signal(target, rttMs <= usualMs ? 'usual' : 'slow');
  }

  answerMs(target: string): number {
    return this.#roundTrips.answerMs(target);
  }

  /** A connection on which nothing comes back any more is dead, whatever TCP believes. */
  silent(target: string, flow: Flow | undefined, since: Instant, reason: Fault): void {
    this.pacer.signal(target, 'silent');
    if (flow === undefined || flow.protocol === 'udp') return;
    if (this.isQuietSince(flow, since)) this.transport.close(flow, reason);
  }

  ended(target: string): void {
    this.pacer.release(target);
  }

  #runSteps(): void {
    const steps = this.#steps;
    this.#steps = [];
    for (const step of steps) step();
  }
}
