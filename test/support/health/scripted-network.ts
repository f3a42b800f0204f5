import { type Fault, failure, fault, type Result, success } from '../../../src/core/base/fault.ts';
import { after } from '../../../src/core/base/instant.ts';
import type { Random } from '../../../src/core/base/random.ts';
import { Timer } from '../../../src/core/base/timer-queue.ts';
import { targetKey } from '../../../src/core/sip/locate/target.ts';
import type { SipMessage } from '../../../src/core/sip/message/message.ts';
import type { Flow, OpenFlow } from '../../../src/core/sip/transport/ports.ts';
import type {
  Exchange,
  ExchangeOutcome,
  ExchangeRequest,
  UserAgentPort,
} from '../../../src/core/sip/user-agent/ports.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { parsed, responseWire } from '../wire.ts';

/** What one target does with requests; may be changed at any time. */
export interface Behaviour {
  /** Final answer, silence, or a fault that comes back instead. */
  does: number | 'silent' | Fault;
  /** A whole header line, for 503 with Retry-After. */
  header?: string;
  rttMs: number;
}

/** After so long the transport gives a connection up (NET_LIMITS). */
const CONNECT_MS = 4_000;

const USUAL: Behaviour = { does: 200, rttMs: 20 };

/** When timer E sends again over UDP (RFC 3261 section 17.1.2.2), from the first sending. */
const RESENDS_MS = [500, 1_500, 3_500, 7_500, 11_500];

export const FLOW: Flow = {
  protocol: 'udp',
  localSocket: 'udp',
  local: { address: '192.0.2.1', port: 5070 },
  remote: { address: '192.0.2.9', port: 5060 },
  sentBy: '192.0.2.1:5070',
  contactHost: '192.0.2.1:5070',
  isOpen: true,
};

const ANSWERS = new Map<string, SipMessage>();

function answerOf(status: number, header: string | undefined): SipMessage {
  const key = `${status} ${header ?? ''}`;
  let message = ANSWERS.get(key);
  if (message === undefined) {
    message = parsed(responseWire(status, ...(header === undefined ? [] : [header])));
    ANSWERS.set(key, message);
  }
  return message;
}

/**
 * A user agent over an imagined network: targets behave as told, datagrams are lost each way by the
 * seed, and requests are sent again as the transaction layer would.
 */
export class ScriptedNetwork implements UserAgentPort {
  /** Of behaviour by target key; targets that are not named answer 200 after 20 ms. */
  readonly behaviours = new Map<string, Behaviour>();
  readonly requests: {
    readonly key: string;
    readonly atMs: number;
    readonly request: ExchangeRequest;
  }[] = [];
  /** Off for long runs. */
  keepsRequests = true;
  started = 0;
  cancelled = 0;
  /** Connections that were asked for, and how many were closed, and given up. */
  readonly opened: OpenFlow[] = [];
  closed = 0;
  silentOpens = 0;
  /** As if by a bug: exchanges begin, and nothing is ever heard of them. */
  losesExchanges = false;
  /** Share of datagrams lost, each way by itself. */
  loss = 0;
  readonly #time: VirtualTime;
  readonly #random: Random;

  constructor(time: VirtualTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  answerMs(): number {
    return 0;
  }

  behave(key: string, does: Behaviour['does'], rttMs = 20, header?: string): void {
    this.behaviours.set(key, header === undefined ? { does, rttMs } : { does, rttMs, header });
  }

  start(request: ExchangeRequest, receive: (outcome: ExchangeOutcome) => void): Exchange {
    const key = targetKey(request.target);
    this.started += 1;
    if (this.losesExchanges) return { cancel: () => {} };
    if (this.keepsRequests) this.requests.push({ key, atMs: this.#time.elapsedMs, request });
    const sentAt = this.#time.now();
    const timer = new Timer(() => step());
    const { timers } = this.#time;
    let isOver = false;
    let attempt = 0;
    let timeoutIsNext = false;
    const end = (outcome: ExchangeOutcome): void => {
      isOver = true;
      timers.disarm(timer);
      receive(outcome);
    };
    const endLater = (ms: number, outcome: () => ExchangeOutcome): void => {
      const last = new Timer(() => {
        if (!isOver) end(outcome());
      });
      timers.arm(last, after(this.#time.now(), ms));
    };
    const step = (): void => {
      if (isOver) return;
      if (timeoutIsNext) {
        const silence = fault('timeout.response', 'peer');
        end({ kind: 'failed', fault: silence, wasSent: true, requests: 1 });
        return;
      }
      this.#attempt(key, sentAt, endLater);
      const resendMs = RESENDS_MS[attempt] ?? Number.POSITIVE_INFINITY;
      attempt += 1;
      timeoutIsNext = resendMs >= request.timeoutMs;
      timers.arm(timer, after(sentAt, Math.min(resendMs, request.timeoutMs)));
    };
    step();
    return {
      cancel: () => {
        if (!isOver) this.cancelled += 1;
        isOver = true;
        timers.disarm(timer);
      },
    };
  }

  /** A connection: one that answers requests accepts it. */
  open(request: OpenFlow, receive: (result: Result<Flow>) => void): void {
    this.opened.push(request);
    const { does, rttMs } = this.behaviours.get(targetKey(request.target)) ?? USUAL;
    const silence = fault('timeout.connect', 'peer');
    if (does === 'silent') this.silentOpens += 1;
    const refusal = does === 'silent' ? silence : does;
    const result = typeof refusal === 'object' ? failure(refusal) : success(FLOW);
    const timer = new Timer(() => receive(result));
    const ms = does === 'silent' ? CONNECT_MS : rttMs;
    this.#time.timers.arm(timer, after(this.#time.now(), ms));
  }

  close(): void {
    this.closed += 1;
  }

  #attempt(
    key: string,
    sentAt: ReturnType<VirtualTime['now']>,
    endLater: (ms: number, outcome: () => ExchangeOutcome) => void,
  ): void {
    const { does, rttMs, header } = this.behaviours.get(key) ?? USUAL;
    if (typeof does === 'object') {
      endLater(rttMs, () => ({ kind: 'failed', fault: does, wasSent: true, requests: 1 }));
      return;
    }
    if (does === 'silent' || this.#isLost() || this.#isLost()) return;
    endLater(rttMs, () => ({
      kind: 'response',
      response: answerOf(does, header),
      status: does,
      flow: FLOW,
      sentAt,
      rttMs: this.#time.now() - sentAt,
      requests: 1,
      refusal: undefined,
      isAuthenticated: false,
    }));
  }

  #isLost(): boolean {
    return this.loss > 0 && this.#random.fraction() < this.loss;
  }
}
