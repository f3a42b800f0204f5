/**
 * Keeper of the keep-alives: one machine and one timer for each UDP flow that something depends on, however
 * many registrations share it. Connections keep themselves alive at the edge; they are only told how often.
 */
import type { Clock } from '../../base/clock.ts';
import { type Fault, fault } from '../../base/fault.ts';
import { after } from '../../base/instant.ts';
import { between, type Random } from '../../base/random.ts';
import { Timer, type TimerQueue } from '../../base/timer-queue.ts';
import type { Flow, TransportPort } from '../transport/ports.ts';
import type { FlowKeeperPort, FlowNews, KeepAliveWish, KeptAlive } from './ports.ts';
import { bindingRequest, parseStunAnswer, STUN_ID_DIGITS } from './stun.ts';
import {
  KEEP_ALIVE_START,
  stepUdpKeepAlive,
  type UdpKeepAliveContext,
  type UdpKeepAliveInput,
  type UdpKeepAliveState,
} from './udp-machine.ts';

/** RFC 5626 section 4.4.2: between two STUN requests; section 4.4.1: between two pings on a stream. */
const UDP_INTERVAL_MS: readonly [number, number] = [24_000, 29_000];
const STREAM_INTERVAL_MS: readonly [number, number] = [95_000, 120_000];
/** The first one follows soon, so that the address is known from then on. */
const FIRST_AFTER_MS = 1_000;
/** More flows than this are not kept alive; far more than the sockets remember. */
const MAX_FLOWS = 100_000;
const UNUSED: Fault = fault(
  'transport.closed',
  'local',
  'Closed by us: nothing is registered over it any more.',
);
const DOUBLE_CRLF = '\r\n\r\n';

class KeptFlow implements KeptAlive {
  readonly flow: Flow;
  readonly timer: Timer;
  wish: KeepAliveWish;
  state: UdpKeepAliveState = KEEP_ALIVE_START;
  context: UdpKeepAliveContext;
  /** Of the request under way. */
  id = '';

  constructor(
    flow: Flow,
    wish: KeepAliveWish,
    context: UdpKeepAliveContext,
    due: (kept: KeptFlow) => void,
  ) {
    this.flow = flow;
    this.wish = wish;
    this.context = context;
    this.timer = new Timer(() => due(this));
  }

  get method(): 'stun' | 'crlf' {
    return this.state.name === 'plain' || !this.context.hasStun ? 'crlf' : 'stun';
  }
}

/** The edge pings on every connection of ours. */
const PINGED: KeptAlive = { method: 'ping' };
/** More flows than can be kept alive: as if nothing were done. */
const LEFT_ALONE: KeptAlive = { method: 'crlf' };

export interface FlowKeeperCounters {
  keepAlivesSent: number;
  /** STUN answers that were ours. */
  stunAnswers: number;
}

export class FlowKeeper implements FlowKeeperPort {
  /** Told what keep-alives find out, never from inside `keep`; whoever depends on the flows sets it. */
  onNews: ((flow: Flow, news: FlowNews) => void) | undefined;
  readonly counters: FlowKeeperCounters = { keepAlivesSent: 0, stunAnswers: 0 };
  readonly #flows = new Map<Flow, KeptFlow>();
  readonly #clock: Clock;
  readonly #timers: TimerQueue;
  readonly #random: Random;
  readonly #transport: TransportPort;

  constructor(ports: {
    readonly clock: Clock;
    readonly timers: TimerQueue;
    readonly random: Random;
    readonly transport: TransportPort;
  }) {
    this.#clock = ports.clock;
    this.#timers = ports.timers;
    this.#random = ports.random;
    this.#transport = ports.transport;
  }

  /** UDP flows that are kept alive. */
  get size(): number {
    return this.#flows.size;
  }

  keep(flow: Flow, wish: KeepAliveWish): KeptAlive {
    if (flow.protocol !== 'udp') {
      const { flowTimerSec, isPongDue } = wish;
      const intervalMs = intervalOf(flowTimerSec, STREAM_INTERVAL_MS);
      this.#transport.keepAlive(flow, { intervalMs, isPongDue });
      return PINGED;
    }
    const known = this.#flows.get(flow);
    if (known === undefined) return this.#begin(flow, wish);
    if (known.wish.kind !== wish.kind || known.wish.flowTimerSec !== wish.flowTimerSec) {
      known.wish = wish;
      known.context = this.#contextFor(wish);
      this.#timers.arm(known.timer, after(this.#clock.now(), FIRST_AFTER_MS));
    }
    return known;
  }

  release(flow: Flow): void {
    const kept = this.#flows.get(flow);
    if (kept === undefined) return;
    this.#timers.disarm(kept.timer);
    this.#flows.delete(flow);
  }

  abandon(flow: Flow): void {
    this.release(flow);
    if (flow.isOwned === true && flow.isOpen) this.#transport.close(flow, UNUSED);
  }

  /** A datagram that is STUN (`isStun`); false when it is no answer to us, and to be counted as dropped. */
  receive(wire: string, flow: Flow): boolean {
    const answer = parseStunAnswer(wire);
    const kept = this.#flows.get(flow);
    if (answer === undefined || kept === undefined || kept.id !== answer.id) return false;
    this.counters.stunAnswers += 1;
    this.#step(kept, { kind: 'answer', mapped: answer.mapped });
    return true;
  }

  /** trunkd did not run for a while, and a NAT on the way may have forgotten us: all are asked soon. */
  stoodStill(): void {
    const now = this.#clock.now();
    for (const { state, timer } of this.#flows.values()) {
      const at = after(now, between(this.#random, 0, FIRST_AFTER_MS));
      if (state.sendings === 0) this.#timers.arm(timer, at);
    }
  }

  /** The daemon stops. */
  stop(): void {
    for (const flow of [...this.#flows.keys()]) this.release(flow);
  }

  #begin(flow: Flow, wish: KeepAliveWish): KeptAlive {
    if (this.#flows.size >= MAX_FLOWS) return LEFT_ALONE;
    const due = (one: KeptFlow): void => this.#step(one, { kind: 'timer' });
    const kept = new KeptFlow(flow, wish, this.#contextFor(wish), due);
    this.#flows.set(flow, kept);
    this.#timers.arm(kept.timer, after(this.#clock.now(), FIRST_AFTER_MS));
    return kept;
  }

  #contextFor({ kind, flowTimerSec }: KeepAliveWish): UdpKeepAliveContext {
    const intervalMs = intervalOf(flowTimerSec, UDP_INTERVAL_MS);
    return { random: this.#random, hasStun: kind === 'stun', intervalMs };
  }

  #step(kept: KeptFlow, input: UdpKeepAliveInput): void {
    const { flow, timer } = kept;
    const before = kept.state.mapped;
    const { state, send, failed, timerMs } = stepUdpKeepAlive(kept.state, input, kept.context);
    kept.state = state;
    if (timerMs !== undefined) this.#timers.arm(timer, after(this.#clock.now(), timerMs));
    if (send !== undefined) {
      if (send === 'ask') kept.id = this.#random.hex(STUN_ID_DIGITS);
      this.counters.keepAlivesSent += 1;
      this.#transport.send(flow, send === 'crlf' ? DOUBLE_CRLF : bindingRequest(kept.id));
    }
    if (failed === 'silent') this.onNews?.(flow, { kind: 'silent' });
    if (failed === 'moved' && before !== undefined && state.mapped !== undefined) {
      this.onNews?.(flow, { kind: 'moved', before, mapped: state.mapped });
    }
  }
}

/** Flow-Timer: 80 to 100 percent of it (section 4.4.1); a NAT on the way of UDP wants no less than usual. */
function intervalOf(
  flowTimerSec: number | undefined,
  usual: readonly [number, number],
): readonly [number, number] {
  if (flowTimerSec === undefined) return usual;
  const flowTimerMs = flowTimerSec * 1000;
  if (flowTimerMs >= usual[1] && usual === UDP_INTERVAL_MS) return usual;
  return [0.8 * flowTimerMs, flowTimerMs];
}
