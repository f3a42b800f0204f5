/**
 * Keeper of the non-INVITE server transactions: RFC 3261 sections 17.2.2 and 17.2.3. A copy of a
 * request gets the stored answer. Bounded: past the limit requests are answered without state, which
 * section 8.2.7 allows, since our answers depend on nothing but the request.
 */
import type { Clock } from '../../base/clock.ts';
import { after, type Instant } from '../../base/instant.ts';
import { Timer, type TimerQueue } from '../../base/timer-queue.ts';
import { tagOf } from '../header/name-addr.ts';
import { topVia } from '../header/via.ts';
import type { SipMessage } from '../message/message.ts';
import type { Flow, TransportPort } from '../transport/ports.ts';
import {
  type ServerContext,
  type ServerInput,
  type ServerState,
  stepServer,
} from './non-invite-server.ts';
import type { SipTimers } from './timers.ts';

/** At 100 answers a second and 32 s of timer J there are 3,200. */
const MAX_TRANSACTIONS = 5_000;

interface ServerTransaction {
  readonly key: string;
  /** What copies have in common that took other ways to us; undefined in a dialog. */
  readonly mergeKey: string | undefined;
  readonly wire: string;
  readonly flow: Flow;
  readonly context: ServerContext;
  state: ServerState;
}

export class ServerLayer {
  readonly #live = new Map<string, ServerTransaction>();
  /** The transaction that a request belongs to which came first, by what all its copies share. */
  readonly #firsts = new Map<string, string>();
  /** In order of timer J, which is the same for all. */
  readonly #ends: { readonly key: string; readonly at: Instant }[] = [];
  readonly #timer = new Timer((now) => this.#endDue(now));
  readonly #clock: Clock;
  readonly #timers: TimerQueue;
  readonly #transport: TransportPort;
  readonly #sipTimers: SipTimers;

  constructor(ports: {
    readonly clock: Clock;
    readonly timers: TimerQueue;
    readonly transport: TransportPort;
    readonly sipTimers: SipTimers;
  }) {
    this.#clock = ports.clock;
    this.#timers = ports.timers;
    this.#transport = ports.transport;
    this.#sipTimers = ports.sipTimers;
  }

  get size(): number {
    return this.#live.size;
  }

  /** Sends the stored answer when the request is a copy; false when it is a new one. */
  absorb(request: SipMessage): boolean {
    const transaction = this.#live.get(serverKey(request));
    if (transaction === undefined) return false;
    this.#step(transaction, 'request');
    return true;
  }

  /**
   * RFC 3261 section 8.2.2.2: the request reached us before, by another way, and is being answered there. Asked
   * of requests that are no copies within one transaction (`absorb`).
   */
  isMerged(request: SipMessage): boolean {
    const mergeKey = mergeKeyOf(request);
    const first = mergeKey === undefined ? undefined : this.#firsts.get(mergeKey);
    return first !== undefined && first !== serverKey(request);
  }

  /** Sends the final response, and keeps it for copies of the request. */
  answer(request: SipMessage, wire: string, flow: Flow): void {
    const context = { timers: this.#sipTimers, isReliable: flow.protocol !== 'udp' };
    const key = serverKey(request);
    const mergeKey = mergeKeyOf(request);
    const transaction: ServerTransaction = { key, mergeKey, wire, flow, context, state: 'trying' };
    if (this.#live.size < MAX_TRANSACTIONS) {
      this.#live.set(key, transaction);
      if (mergeKey !== undefined && !this.#firsts.has(mergeKey)) this.#firsts.set(mergeKey, key);
    }
    this.#step(transaction, 'final');
  }

  #step(transaction: ServerTransaction, input: ServerInput): void {
    const { state, effects } = stepServer(transaction.state, input, transaction.context);
    transaction.state = state;
    for (const effect of effects) {
      if (effect.kind === 'send') this.#transport.send(transaction.flow, transaction.wire);
      else if (effect.kind === 'forget') this.#forget(transaction);
      else if (this.#live.has(transaction.key)) this.#endLater(transaction.key, effect.afterMs);
    }
  }

  #forget({ key, mergeKey }: ServerTransaction): void {
    this.#live.delete(key);
    if (mergeKey !== undefined && this.#firsts.get(mergeKey) === key) this.#firsts.delete(mergeKey);
  }

  #endLater(key: string, afterMs: number): void {
    const at = after(this.#clock.now(), afterMs);
    this.#ends.push({ key, at });
    if (!this.#timer.isArmed) this.#timers.arm(this.#timer, at);
  }

  #endDue(now: Instant): void {
    let count = 0;
    for (const { key, at } of this.#ends) {
      if (at > now) break;
      count += 1;
      const transaction = this.#live.get(key);
      if (transaction !== undefined) this.#step(transaction, 'timerJ');
    }
    this.#ends.splice(0, count);
    const next = this.#ends[0];
    if (next !== undefined) this.#timers.arm(this.#timer, next.at);
  }
}

/** Section 8.2.2.2: From tag, Call-ID and CSeq, where the request is in no dialog. */
function mergeKeyOf(request: SipMessage): string | undefined {
  if (tagOf(request.first('To') ?? '') !== undefined) return undefined;
  const tag = tagOf(request.first('From') ?? '');
  const callId = request.first('Call-ID');
  const cseq = request.first('CSeq');
  return tag === undefined ? undefined : `${tag}|${callId ?? ''}|${cseq ?? ''}`;
}

/**
 * RFC 3261 section 17.2.3: branch, sent-by and method; without the magic cookie the fields that RFC
 * 2543 compared.
 */
function serverKey(request: SipMessage): string {
  const via = topVia(request);
  const cseq = request.first('CSeq') ?? '';
  if (via?.branch?.startsWith('z9hG4bK') === true && via.branch.length > 7) {
    return `${via.branch}|${via.host}:${via.port ?? ''}|${request.method}`;
  }
  const from = tagOf(request.first('From') ?? '') ?? '';
  const to = tagOf(request.first('To') ?? '') ?? '';
  const first = request.first('Via') ?? '';
  return `${request.requestUri}|${to}|${from}|${request.first('Call-ID') ?? ''}|${cseq}|${first}`;
}
