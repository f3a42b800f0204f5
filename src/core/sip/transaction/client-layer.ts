/**
 * Keeper of the non-INVITE client transactions: RFC 3261 sections 17.1.2 and 17.1.3. Finds the
 * transaction of a response, checks that the response is an answer to what we sent and comes from
 * where we sent it, steps the machine and carries its effects out.
 */
import type { Clock } from '../../base/clock.ts';
import type { Fault } from '../../base/fault.ts';
import { after, earlier, type Instant } from '../../base/instant.ts';
import { type Deadline, Timer, type TimerQueue } from '../../base/timer-queue.ts';
import { topVia } from '../header/via.ts';
import type { SipMessage } from '../message/message.ts';
import type { Flow, TransportPort } from '../transport/ports.ts';
import { type PacerPort, type PacerTicket, PRIORITY } from '../user-agent/ports.ts';
import { BranchTable } from './branch-table.ts';
import { type ClientRequest, isSameRemote, type Mismatch, mismatchOf } from './client-request.ts';
import {
  type ClientContext,
  type ClientEffect,
  type ClientInput,
  type ClientState,
  clientContext,
  stepClient,
} from './non-invite-client.ts';
import type { RoundTrips } from './round-trips.ts';
import type { SipTimers } from './timers.ts';

/** The transaction user of RFC 3261 section 17; each transaction ends with exactly one call. */
export interface ClientUser {
  answered(response: SipMessage, at: Instant): void;
  timedOut(): void;
  failed(reason: Fault): void;
}

/** What may be under way at once, over all targets; the windows of the pacer keep it far below. */
const MAX_TRANSACTIONS = 250_000;
/** A part of what remains of a binding, a canary's pause with its jitter: no two would be the same. */
const TIMEOUT_STEP_MS = 100;

/** One request on its way, and its own timer; only the layer looks inside. */
export class ClientTransaction implements Deadline {
  readonly request: ClientRequest;
  readonly context: ClientContext;
  readonly #layer: TimerOwner;
  user: ClientUser | undefined;
  state: ClientState;
  resendAt: Instant | undefined;
  timeoutAt: Instant | undefined;
  isPatient = false;
  /** How often the request was sent again. */
  copies = 0;
  ticket: PacerTicket | undefined;
  isPrompt = false;
  deadline: Instant;
  order = 0;

  constructor(
    request: ClientRequest,
    context: ClientContext,
    user: ClientUser,
    state: ClientState,
    layer: TimerOwner,
    now: Instant,
  ) {
    this.request = request;
    this.context = context;
    this.user = user;
    this.state = state;
    this.#layer = layer;
    this.deadline = now;
  }

  fire(now: Instant): void {
    this.#layer.timerFired(this, now);
  }
}

interface TimerOwner {
  timerFired(transaction: ClientTransaction, now: Instant): void;
}

export class ClientLayer {
  /**
   * By branch, which alone is unique enough to find the one candidate. Completed ones are all alike, so that
   * only their branches are kept, in two generations that take turns every T4: a copy is absorbed for T4 at
   * least and 2 x T4 at most (timer K).
   */
  readonly #table = new BranchTable<ClientTransaction>();
  readonly #byFlow = new Map<Flow, Set<ClientTransaction>>();
  readonly #lingerTimer = new Timer((now) => this.#endLingering(now));
  readonly #contexts = new Map<number, ClientContext>();
  readonly #clock: Clock;
  readonly #timers: TimerQueue;
  readonly #transport: TransportPort;
  readonly #pacer: PacerPort;
  readonly #sipTimers: SipTimers;
  readonly #roundTrips: RoundTrips;
  #resends = 0;
  #now: Instant;

  constructor(ports: {
    readonly clock: Clock;
    readonly timers: TimerQueue;
    readonly transport: TransportPort;
    readonly pacer: PacerPort;
    readonly sipTimers: SipTimers;
    readonly roundTrips: RoundTrips;
  }) {
    this.#clock = ports.clock;
    this.#timers = ports.timers;
    this.#transport = ports.transport;
    this.#pacer = ports.pacer;
    this.#sipTimers = ports.sipTimers;
    this.#roundTrips = ports.roundTrips;
    this.#now = ports.clock.now();
  }

  /** Transactions alive, those that wait for timer K included. */
  get size(): number {
    return this.#table.waiting + this.#table.lingering;
  }

  /** Requests that were sent again (timer E) since the start. */
  get resends(): number {
    return this.#resends;
  }

  /** True when no more transactions can be held; the caller has to let the request wait. */
  get isFull(): boolean {
    return this.#table.waiting >= MAX_TRANSACTIONS;
  }

  start(request: ClientRequest, user: ClientUser): ClientTransaction {
    this.#now = this.#clock.now();
    const context = this.#contextFor(request);
    const transaction = new ClientTransaction(
      request,
      context,
      user,
      context.first.state,
      this,
      this.#now,
    );
    this.#table.add(transaction);
    if (context.isReliable) this.#watchFlow(transaction);
    for (const effect of context.first.effects) this.#carryOut(transaction, effect);
    this.#armEarliest(transaction);
    return transaction;
  }

  /** Forgets the transaction without telling its user; late answers are then strays. */
  abandon(transaction: ClientTransaction): void {
    this.#forget(transaction);
  }

  /** RFC 3261 section 17.1.3, hardened: answers `undefined` when the response was taken. */
  receive(response: SipMessage, flow: Flow, at: Instant): Mismatch | undefined {
    const via = topVia(response);
    if (via?.branch === undefined) return 'via';
    const transaction = this.#table.find(via.branch);
    if (transaction === undefined) {
      return this.#table.absorbs(via.branch) ? undefined : 'noTransaction';
    }
    const mismatch = mismatchOf(response, via, transaction.request, flow);
    if (mismatch !== undefined) return mismatch;
    this.#now = at;
    this.#step(transaction, { kind: 'response', status: response.status }, response);
    return undefined;
  }

  /** A transport error reaches every transaction on that flow (section 17.1.4). */
  flowFailed(flow: Flow, reason: Fault): void {
    this.#now = this.#clock.now();
    for (const transaction of [...(this.#byFlow.get(flow) ?? this.#datagramsOn(flow))]) {
      this.#step(transaction, { kind: 'networkFault' }, undefined, reason);
    }
  }

  /** A UDP send error is rare, so that finding its transactions may walk over all of them. */
  #datagramsOn(flow: Flow): ClientTransaction[] {
    if (flow.protocol !== 'udp') return [];
    const found: ClientTransaction[] = [];
    for (const transaction of this.#table.allWaiting()) {
      const { remote } = transaction.request.flow;
      if (transaction.user !== undefined && isSameRemote(remote, flow.remote))
        found.push(transaction);
    }
    return found;
  }

  #step(
    transaction: ClientTransaction,
    input: ClientInput,
    response?: SipMessage,
    reason?: Fault,
  ): void {
    const { state, effects } = stepClient(transaction.state, input, transaction.context);
    transaction.state = state;
    for (const effect of effects) this.#carryOut(transaction, effect, response, reason);
    this.#armEarliest(transaction);
  }

  #carryOut(
    transaction: ClientTransaction,
    effect: ClientEffect,
    response?: SipMessage,
    reason?: Fault,
  ): void {
    switch (effect.kind) {
      case 'send':
        this.#transport.send(transaction.request.flow, transaction.request.wire);
        if (this.#isSilent(transaction)) this.#transport.inquire(transaction.request.flow);
        return;
      case 'arm':
        this.#arm(transaction, effect.timer, effect.afterMs);
        return;
      case 'deliver':
        if (response !== undefined && response.status >= 200) {
          this.#settle(transaction)?.answered(response, this.#now);
        } else {
          bePatient(transaction);
        }
        return;
      case 'timedOut':
        this.#settle(transaction)?.timedOut();
        return;
      case 'failed':
        if (reason !== undefined) this.#settle(transaction)?.failed(reason);
        return;
      default:
        this.#forget(transaction);
    }
  }

  /** The user hears once; from then on the transaction only absorbs copies. */
  #settle(transaction: ClientTransaction): ClientUser | undefined {
    const { user } = transaction;
    transaction.user = undefined;
    transaction.ticket?.cancel();
    transaction.ticket = undefined;
    transaction.resendAt = undefined;
    transaction.timeoutAt = undefined;
    this.#timers.disarm(transaction);
    return user;
  }

  #arm(transaction: ClientTransaction, timer: 'E' | 'F' | 'K', afterMs: number): void {
    if (timer === 'K') {
      this.#linger(transaction);
      return;
    }
    const at = after(this.#now, afterMs);
    if (timer === 'E') transaction.resendAt = at;
    else transaction.timeoutAt = at;
  }

  /** Once the effects of a step are carried out; does nothing for a transaction that is over. */
  #armEarliest(transaction: ClientTransaction): void {
    const { resendAt, timeoutAt } = transaction;
    if (timeoutAt === undefined) return;
    this.#timers.arm(
      transaction,
      resendAt === undefined ? timeoutAt : earlier(resendAt, timeoutAt),
    );
  }

  /** For the transactions alone: timer E or F of one of them is due. */
  timerFired(transaction: ClientTransaction, now: Instant): void {
    this.#now = now;
    const { timeoutAt, resendAt } = transaction;
    if (timeoutAt !== undefined && timeoutAt <= now) {
      this.#step(transaction, { kind: 'timer', timer: 'F' });
      return;
    }
    if (resendAt !== undefined && resendAt <= now) {
      transaction.resendAt = undefined;
      this.#askToResend(transaction);
    }
    this.#armEarliest(transaction);
  }

  /** A resend is a request like any other to the far side's flood guard: it needs a token. */
  #askToResend(transaction: ClientTransaction): void {
    if (transaction.ticket !== undefined) return;
    const { target } = transaction.request;
    const { state, copies } = transaction;
    const isSoon = copies === 0 || (state.name === 'trying' && state.resendAfterMs < this.#soonMs);
    transaction.ticket = this.#pacer.enqueue(target, {
      priority: isSoon ? PRIORITY.repeat : PRIORITY.resend,
      deadline: this.#now,
      grant: () => {
        transaction.ticket = undefined;
        if (transaction.user === undefined) return;
        this.#now = this.#clock.now();
        this.#resends += 1;
        transaction.copies += 1;
        this.#step(transaction, { kind: 'timer', timer: 'E' });
      },
    });
  }

  /** From the fourth sending on, after 3.5 s (or the first copy on a slow path): nothing at all was answered. */
  #isSilent({ state, copies }: ClientTransaction): boolean {
    const isTrying = state.name === 'trying' && copies > 0;
    return isTrying && state.resendAfterMs >= this.#sipTimers.t2Ms;
  }

  /** Copies that go as soon as this belong to the request; later ones give way to bindings. */
  get #soonMs(): number {
    return 4 * this.#sipTimers.t1Ms;
  }

  #linger(transaction: ClientTransaction): void {
    this.#table.linger(transaction);
    this.#leave(transaction);
    if (this.#lingerTimer.isArmed) return;
    this.#timers.arm(this.#lingerTimer, after(this.#now, this.#sipTimers.t4Ms));
  }

  #endLingering(now: Instant): void {
    this.#table.age();
    if (this.#table.lingering === 0) return;
    this.#timers.arm(this.#lingerTimer, after(now, this.#sipTimers.t4Ms));
  }

  #forget(transaction: ClientTransaction): void {
    this.#table.remove(transaction);
    this.#leave(transaction);
  }

  #leave(transaction: ClientTransaction): void {
    this.#settle(transaction);
    const siblings = this.#byFlow.get(transaction.request.flow);
    siblings?.delete(transaction);
    if (siblings?.size === 0) this.#byFlow.delete(transaction.request.flow);
  }

  #watchFlow(transaction: ClientTransaction): void {
    const { flow } = transaction.request;
    const siblings = this.#byFlow.get(flow);
    if (siblings === undefined) this.#byFlow.set(flow, new Set([transaction]));
    else siblings.add(transaction);
  }

  /** Contexts are shared: in steps of a tenth of a second there are few different time-outs, and fewer of T1. */
  #contextFor({ flow, target, timeoutMs: wantedMs }: ClientRequest): ClientContext {
    const isReliable = flow.protocol !== 'udp';
    const timeoutMs = Math.ceil(wantedMs / TIMEOUT_STEP_MS) * TIMEOUT_STEP_MS;
    const usual = this.#sipTimers;
    const t1Ms = isReliable ? usual.t1Ms : this.#roundTrips.t1Ms(target, timeoutMs);
    // T1 goes in whole milliseconds, up to T2.
    const key = (isReliable ? -timeoutMs : timeoutMs) * (usual.t2Ms + 1) + t1Ms;
    let context = this.#contexts.get(key);
    if (context === undefined) {
      if (this.#contexts.size > 1000) this.#contexts.clear();
      const timers = t1Ms === usual.t1Ms ? usual : { ...usual, t1Ms };
      context = clientContext(timers, isReliable, timeoutMs);
      this.#contexts.set(key, context);
    }
    return context;
  }
}

/** Somebody works on it: timer F is moved, once, to where the user wants it then. */
function bePatient(transaction: ClientTransaction): void {
  const { timeoutAt, isPatient, context, request } = transaction;
  if (isPatient || timeoutAt === undefined) return;
  transaction.isPatient = true;
  transaction.timeoutAt = after(timeoutAt, Math.max(0, request.patienceMs - context.timeoutMs));
}
