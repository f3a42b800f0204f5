/**
 * One exchange: a request, the transactions that carry it, and its repeats with credentials, until
 * there is one outcome. Owned by the user agent, which lends it the ports.
 *
 *   opening --flow--> sending --401/407--> challenged --token--> opening (same target)
 *      |                 |                     |
 *      +---- fault ------+--- final, F --------+--> reported
 *
 * Through a proxy of ours (`target.via`) the request goes to the proxy, with Route headers for it and for
 * the target. What the proxy answers in place of the target is the target's silence (`proxy.hopFailed`);
 * silence is the target's only where the proxy lived meanwhile, else ours (`proxy.silent`).
 *
 * A connection that was there already may be dead without anybody knowing: where it is closed under the
 * request, or nothing at all comes back over it (kept-silence.ts), the request goes over a new one, once.
 *
 * With `sizePolicy: tcp` a request that is too large for a datagram is drafted anew for a connection to the same
 * address and port (RFC 3261 section 18.1.1). It is the same request, under the same Contact.
 */
import { type Fault, fault } from '../../base/fault.ts';
import { elapsedMs, type Instant } from '../../base/instant.ts';
import type { SipMessage } from '../message/message.ts';
import { hopFault, silentFault } from '../proxy/events.ts';
import { isMadeByProxy, type OwnProxy } from '../proxy/ports.ts';
import type { ClientTransaction, ClientUser } from '../transaction/client-layer.ts';
import type { Flow, OpenFlow } from '../transport/ports.ts';
import { type Draft, newDraft, wireOf } from './draft.ts';
import { printableAnswer, TOO_MANY } from './exchange-faults.ts';
import { KeptSilence } from './kept-silence.ts';
import { LARGE_REQUEST_OCTETS } from './large-requests.ts';
import {
  type Exchange,
  type ExchangeOutcome,
  type ExchangeRequest,
  type PacerTicket,
  PRIORITY,
  type Refusal,
} from './ports.ts';
import { nextRound, type Rounds } from './rounds.ts';
import type { ExchangePorts } from './user-agent.ts';

const NO_ROUNDS: Rounds = { carried: 'nothing', freshTries: 0, further: 0 };
const AHEAD: Rounds = { ...NO_ROUNDS, carried: 'cachedNonce' };

const REOPEN_WITHIN_MS = 2_000;

export class RunningExchange implements Exchange, ClientUser {
  readonly #ports: ExchangePorts;
  readonly #request: ExchangeRequest;
  readonly #target: string;
  /** The proxy of ours that it goes through; undefined also where it is gone by now. */
  readonly #proxy: OwnProxy | undefined;
  #receive: ((outcome: ExchangeOutcome) => void) | undefined;
  #flow: Flow | undefined;
  /** The flow over UDP that the last request would have taken, had it not been too large. */
  #ownFlow: Flow | undefined;
  /** The last request went over UDP, and was to go over TCP for its size. */
  #isLarge = false;
  /** What waits for a connection. */
  #draft: Draft | undefined;
  #transaction: ClientTransaction | undefined;
  #ticket: PacerTicket | undefined;
  #rounds: Rounds = NO_ROUNDS;
  #requests = 0;
  /** The last request carried credentials. */
  #isAuthorized = false;
  #sentAt: Instant;
  /** True once the flow of the last request failed, and a new one was tried for the repeat. */
  #wasReopened = false;
  /** The flow of the last request was there before it. */
  #isKept = false;
  /** True once a kept connection proved dead, and the request went over another. */
  #wasRevived = false;
  /** Ends the wait for a kept connection. */
  #silence: KeptSilence | undefined;

  constructor(
    ports: ExchangePorts,
    request: ExchangeRequest,
    target: string,
    proxy: OwnProxy | undefined,
    receive: (outcome: ExchangeOutcome) => void,
  ) {
    this.#ports = ports;
    this.#request = request;
    this.#target = target;
    this.#proxy = proxy;
    this.#receive = receive;
    this.#sentAt = ports.clock.now();
  }

  start(): void {
    if (this.#request.session?.begin() === true) this.#rounds = AHEAD;
    this.#openAndSend();
  }

  cancel(): void {
    if (this.#receive === undefined) return;
    this.#receive = undefined;
    this.#endSilence();
    this.#ticket?.cancel();
    if (this.#transaction !== undefined) this.#ports.client.abandon(this.#transaction);
    this.#ports.ended(this.#target);
  }

  answered(response: SipMessage, at: Instant): void {
    const wasRepeated = (this.#transaction?.copies ?? 0) > 0;
    this.#transaction = undefined;
    this.#endSilence();
    // It has proved that it lives.
    this.#isKept = false;
    const { status } = response;
    const { session, authNews } = this.#request;
    if (this.#isLarge) this.#ports.largeRequests.endedByUdp(this.#target, true);
    this.#proxy?.heard(at);
    if (this.#proxy !== undefined && isMadeByProxy(response)) {
      this.#hopFailed(this.#proxy, response);
      return;
    }
    this.#ports.heard(this.#target, status, elapsedMs(this.#sentAt, at), wasRepeated);
    if (status === 401 || status === 407) {
      this.#challenged(response, at);
      return;
    }
    if (status < 300) session?.succeeded(response, this.#rounds.carried, authNews);
    this.#reportResponse(response, at, undefined);
  }

  timedOut(): void {
    this.#transaction = undefined;
    this.#endSilence();
    const silence = fault('timeout.response', 'peer');
    if (this.#proxy === undefined) {
      this.#ports.silent(this.#target, this.#flow, this.#sentAt, silence);
      this.#reportFault(silence, true);
      return;
    }
    const { name } = this.#proxy.spec;
    this.#proxy.vouch(this.#sentAt, (wasAlive) => {
      if (this.#receive === undefined) return;
      // The connection is one to our own proxy, which answers others.
      if (wasAlive) this.#ports.silent(this.#target, undefined, this.#sentAt, silence);
      this.#reportFault(wasAlive ? silence : silentFault(name), true);
    });
  }

  failed(reason: Fault): void {
    this.#transaction = undefined;
    this.#endSilence();
    const now = this.#ports.clock.now();
    if (this.#mayRevive(reason)) {
      this.#wasRevived = true;
      this.#flow = undefined;
      this.#repeatInTurn(now);
      return;
    }
    if (this.#mayReopen(reason, now)) {
      this.#repeatInTurn(now);
      return;
    }
    this.#reportFault(this.#ownFault(reason), reason.blame !== 'local');
  }

  #openAndSend(): void {
    const { target, localSocket, tls, owner } = this.#request;
    const { via } = target;
    if (via === undefined) {
      this.#open({ target, localSocket, tls, owner });
      return;
    }
    const proxy = this.#proxy;
    if (proxy?.target === undefined) {
      this.#failLater(silentFault(via));
      return;
    }
    const { spec } = proxy;
    const socket = localSocket ?? spec.localSocket;
    this.#open({ target: proxy.target, localSocket: socket, tls: spec.tls });
  }

  #open(request: OpenFlow): void {
    this.#ownFlow = undefined;
    // What is there already is given at once (TransportPort).
    let isAtOnce = true;
    this.#ports.transport.open(request, (result) => {
      if (this.#receive === undefined) return;
      this.#isKept = isAtOnce && request.target.protocol !== 'udp';
      if (!result.ok) this.#failLater(this.#ownFault(result.fault));
      else if (isAtOnce) this.#send(result.value);
      else this.#sendInTurn(result.value);
    });
    isAtOnce = false;
  }

  /** Turns that were granted while it was made would all be used now, at once: each is taken anew. */
  #sendInTurn(flow: Flow): void {
    this.#flow = flow;
    this.#repeatInTurn(this.#ports.clock.now());
  }

  /** What went wrong between us and a proxy of ours says nothing of the target. */
  #ownFault(reason: Fault): Fault {
    const proxy = this.#proxy;
    if (proxy === undefined || reason.blame === 'local') return reason;
    proxy.unreachable();
    return silentFault(proxy.spec.name);
  }

  #hopFailed({ spec }: OwnProxy, response: SipMessage): void {
    const answer = printableAnswer(response);
    const silence = hopFault(spec.name, this.#target, answer);
    this.#ports.silent(this.#target, undefined, this.#sentAt, silence);
    this.#reportFault(silence, true);
  }

  #send(flow: Flow): void {
    if (this.#ports.client.isFull) {
      this.#failLater(TOO_MANY);
      return;
    }
    const { template } = this.#request;
    const draft = this.#draft ?? newDraft(this.#request, this.#ports.random);
    const { cseq, branch, authorization } = draft;
    const wire = wireOf(draft, this.#request, flow, this.#ownFlow, this.#proxy?.target);
    this.#isLarge = this.#wantsTcp(flow, wire);
    if (this.#isLarge && this.#ports.largeRequests.mayGoByTcp(this.#target)) {
      this.#draft = draft;
      this.#openByTcp(flow);
      return;
    }
    this.#draft = undefined;
    this.#flow = flow;
    this.#isAuthorized = authorization !== '';
    this.#sentAt = this.#ports.clock.now();
    this.#requests += 1;
    const { sourceCheck, alternatives, timeoutMs, patienceMs = timeoutMs } = this.#request;
    this.#transaction = this.#ports.client.start(
      {
        wire,
        branch,
        method: template.method,
        callId: template.callId,
        fromTag: template.fromTag,
        cseq,
        flow,
        target: this.#target,
        sourceCheck,
        alternatives,
        timeoutMs,
        patienceMs,
      },
      this,
    );
    // A proxy of ours is watched by itself: the silence may be that of the target behind it.
    const mayBeDead = this.#isKept && !this.#wasRevived && this.#proxy === undefined;
    if (mayBeDead) {
      const times = { timeoutMs, usualMs: this.#ports.answerMs(this.#target) };
      this.#silence = new KeptSilence(this.#ports, flow, this.#sentAt, times);
    }
    this.#ports.sent(this.#target, flow, wire);
    this.#request.sent?.(this.#sentAt, wire);
  }

  #wantsTcp({ protocol }: Flow, wire: string): boolean {
    const isLarge = protocol === 'udp' && wire.length > LARGE_REQUEST_OCTETS;
    return isLarge && this.#request.sizePolicy === 'tcp' && this.#proxy === undefined;
  }

  /** Where TCP is refused it goes over UDP after all. */
  #openByTcp(flow: Flow): void {
    const target = { ...this.#request.target, protocol: 'tcp' } as const;
    let isAtOnce = true;
    this.#ports.transport.open({ target, localSocket: undefined, tls: undefined }, (result) => {
      if (this.#receive === undefined) return;
      if (!result.ok) this.#ports.largeRequests.failedByTcp(this.#target);
      this.#ownFlow = result.ok ? flow : undefined;
      this.#isKept = result.ok && isAtOnce;
      if (result.ok && isAtOnce) this.#send(result.value);
      else this.#sendInTurn(result.ok ? result.value : flow);
    });
    isAtOnce = false;
  }

  #challenged(response: SipMessage, at: Instant): void {
    const { session, authNews } = this.#request;
    if (session === undefined) {
      this.#reportResponse(response, at, { kind: 'noCredentials' });
      return;
    }
    const verdict = session.accept(response, this.#rounds.carried, authNews);
    const decision = nextRound(this.#rounds, verdict);
    if (decision.kind === 'refused') {
      // What was refused is not offered again by itself: the next attempt asks for a new challenge.
      session.refused();
      this.#reportResponse(response, at, decision.refusal);
      return;
    }
    this.#rounds = decision.rounds;
    this.#repeatInTurn(at);
  }

  #repeatInTurn(at: Instant): void {
    if (this.#ports.pacer.takeNow(this.#target)) {
      this.#repeat();
      return;
    }
    this.#ticket = this.#ports.pacer.enqueue(this.#target, {
      priority: PRIORITY.repeat,
      deadline: at,
      grant: () => this.#repeat(),
    });
  }

  #endSilence(): void {
    this.#silence?.end();
    this.#silence = undefined;
  }

  /** A kept connection may have been dead or closed before the request was on it. */
  #mayRevive({ code }: Fault): boolean {
    const mayBeDead = this.#isKept && !this.#wasRevived && !this.#wasReopened;
    if (!mayBeDead || this.#flow?.isOpen !== false) return false;
    return code === 'transport.closed' || code === 'timeout.response';
  }

  /** Some servers close the connection with a challenge: the repeat was on its way when that was noticed. */
  #mayReopen({ code }: Fault, now: Instant): boolean {
    const flow = this.#flow;
    const isRepeat = this.#rounds.freshTries > 0 && !this.#wasReopened;
    if (code !== 'transport.closed' || !isRepeat || flow === undefined) return false;
    const isGone = flow.protocol !== 'udp' && !flow.isOpen;
    return isGone && elapsedMs(this.#sentAt, now) < REOPEN_WITHIN_MS;
  }

  /** RFC 3261 section 22.2 and RFC 3263 section 4: the repeat goes to the same target. */
  #repeat(): void {
    this.#ticket = undefined;
    const flow = this.#flow;
    if (flow?.isOpen === true) {
      this.#send(flow);
      return;
    }
    // Some servers close the connection after a challenge: the repeat gets a new one, once.
    if (flow !== undefined && this.#wasReopened) {
      this.#failLater(fault('transport.closed', 'peer'));
      return;
    }
    this.#wasReopened ||= flow !== undefined;
    this.#openAndSend();
  }

  #failLater(reason: Fault): void {
    const wasSent = this.#requests > 0 && reason.blame !== 'local';
    this.#ports.later(() => this.#reportFault(reason, wasSent));
  }

  #reportFault(reason: Fault, wasSent: boolean): void {
    const { largeRequests } = this.#ports;
    if (this.#ownFlow !== undefined) largeRequests.failedByTcp(this.#target);
    else if (this.#isLarge) largeRequests.endedByUdp(this.#target, false);
    this.#report({ kind: 'failed', fault: reason, wasSent, requests: this.#requests });
  }

  #reportResponse(response: SipMessage, at: Instant, refusal: Refusal | undefined): void {
    const flow = this.#flow;
    if (flow === undefined) return;
    this.#report({
      kind: 'response',
      response,
      status: response.status,
      flow,
      sentAt: this.#sentAt,
      rttMs: elapsedMs(this.#sentAt, at),
      requests: this.#requests,
      refusal,
      isAuthenticated: this.#isAuthorized,
    });
  }

  #report(outcome: ExchangeOutcome): void {
    const receive = this.#receive;
    if (receive === undefined) return;
    this.#receive = undefined;
    receive(outcome);
    this.#ports.ended(this.#target);
  }
}
