import { type FaultCode, fault } from '../../../src/core/base/fault.ts';
import { Timer } from '../../../src/core/base/timer-queue.ts';
import { targetKey } from '../../../src/core/sip/locate/target.ts';
import type { Flow } from '../../../src/core/sip/transport/ports.ts';
import type { Pacer } from '../../../src/core/sip/user-agent/pacer.ts';
import type {
  Exchange,
  ExchangeOutcome,
  ExchangeRequest,
  Refusal,
  UserAgentPort,
} from '../../../src/core/sip/user-agent/ports.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { aFlow, aResponse } from './answers.ts';

/** One exchange as the registrar sees it. */
export interface Call {
  readonly at: number;
  readonly user: string;
  readonly target: string;
  readonly requestUri: string;
  readonly callId: string;
  readonly cseq: number;
  readonly contact: string;
  /** A further Contact, which is removed. */
  readonly removed: string | undefined;
  readonly expiresSec: number;
  readonly timeoutMs: number;
  /** Of the Contact that is made; undefined: outbound is not offered. */
  readonly regId: string | undefined;
}

export type Reply =
  | {
      readonly status: number;
      readonly lines?: readonly string[];
      readonly reason?: string;
      readonly refusal?: Refusal;
      /** 2: a challenge came first. */
      readonly requests?: number;
      /** The challenge names another realm than before. */
      readonly realms?: readonly [from: string, to: string];
      readonly delayMs?: number;
      /** Our address as the registrar sees it, `host:port`. */
      readonly seenAs?: string;
      readonly isAuthenticated?: boolean;
    }
  /** `requests`: 2: a challenge came first, and nothing after it. */
  | { readonly fault: FaultCode; readonly delayMs?: number; readonly requests?: number }
  | 'silence';

/**
 * Plays user agent, network and registrar at once: `script` decides what comes back. It watches what
 * any registrar may expect: CSeq rises for a Call-ID, and one request at a time for each user and target.
 */
export class ScriptedUserAgent implements UserAgentPort {
  readonly calls: Call[] = [];
  readonly violations: string[] = [];
  script: (call: Call) => Reply = (call) => granted(call, call.expiresSec);
  protocol: 'udp' | 'tcp' | 'tls' = 'udp';
  /** The connection to use; undefined: a flow of its own for each request. */
  flow: Flow | undefined;
  /** Set: requests are too large for `flow`, and take this one, under the same Contact. */
  tcpForSize: Flow | undefined;
  /** False: calls are not kept, for long runs. */
  keepsCalls = true;
  /** What is known of its targets: within this they answer. */
  usualMs = 0;
  count = 0;
  readonly #time: VirtualTime;
  readonly #pacer: Pacer;
  readonly #open = new Map<string, string>();
  readonly #lastCseq = new Map<string, number>();

  constructor(time: VirtualTime, pacer: Pacer) {
    this.#time = time;
    this.#pacer = pacer;
  }

  answerMs(): number {
    return this.usualMs;
  }

  /** Exchanges under way. */
  get open(): number {
    return this.#open.size;
  }

  isOpen(user: string): boolean {
    return [...this.#open.keys()].some((asked) => asked.startsWith(`${user} `));
  }

  start(request: ExchangeRequest, receive: (outcome: ExchangeOutcome) => void): Exchange {
    const call = this.#send(request);
    const asked = `${call.user} ${call.target}`;
    if (this.#open.has(asked)) this.violations.push(`two requests at a time for ${call.user}`);
    this.#open.set(asked, call.callId);
    const reply = this.script(call);
    const sentAt = this.#time.now();
    const challenged = reply !== 'silence' && (reply.requests ?? 1) > 1;
    const delayMs = reply === 'silence' ? request.timeoutMs : (reply.delayMs ?? 20);
    const timer = new Timer(() => {
      if (challenged) this.#send(request);
      const realms = reply !== 'silence' && 'status' in reply ? reply.realms : undefined;
      if (realms !== undefined) {
        request.authNews?.({ kind: 'realmChanged', from: realms[0], to: realms[1] });
      }
      this.#open.delete(asked);
      const flow = this.tcpForSize ?? this.flow ?? aFlow(this.protocol);
      receive(outcomeOf(reply, sentAt, flow));
      this.#pacer.release(call.target);
    });
    this.#time.timers.arm(timer, (sentAt + delayMs) as typeof sentAt);
    return {
      cancel: () => {
        if (!timer.isArmed) return;
        this.#time.timers.disarm(timer);
        this.#open.delete(asked);
        this.#pacer.release(call.target);
      },
    };
  }

  #send({ template, nextCseq, tail, target, timeoutMs }: ExchangeRequest): Call {
    const cseq = nextCseq();
    const text = tail(this.flow ?? aFlow(this.protocol));
    const call: Call = {
      at: this.#time.elapsedMs,
      user: /To: <sips?:([^@]*)@/.exec(template.head)?.[1] ?? '',
      target: targetKey(target),
      requestUri: template.requestUri,
      callId: template.callId,
      cseq,
      contact: /Contact: <([^>]*)>(?!;expires=0\r\nContact:)/.exec(text)?.[1] ?? '',
      regId: /;reg-id=(\d+)\r\n/.exec(text)?.[1],
      removed: /Contact: <([^>]*)>;expires=0\r\nContact:/.exec(text)?.[1],
      expiresSec: Number(/Expires: (\d+)/.exec(text)?.[1]),
      timeoutMs,
    };
    this.count += 1;
    if (this.keepsCalls) this.calls.push(call);
    const last = this.#lastCseq.get(call.callId) ?? 0;
    if (cseq <= last) this.violations.push(`CSeq ${cseq} after ${last} in ${call.callId}`);
    this.#lastCseq.set(call.callId, cseq);
    return call;
  }
}

/** The 200 of a registrar that stores what it is told. */
export function granted(call: Call, expiresSec: number): Reply {
  return { status: 200, reason: 'OK', lines: [`Contact: <${call.contact}>;expires=${expiresSec}`] };
}

function outcomeOf(
  reply: Reply,
  sentAt: ReturnType<VirtualTime['now']>,
  flow: Flow,
): ExchangeOutcome {
  if (reply === 'silence' || 'fault' in reply) {
    const code = reply === 'silence' ? 'timeout.response' : reply.fault;
    const blame = code === 'transport.local' ? 'local' : 'peer';
    const requests = reply === 'silence' ? 1 : (reply.requests ?? 1);
    return { kind: 'failed', fault: fault(code, blame), wasSent: true, requests };
  }
  const { status, lines, reason, refusal, requests } = reply;
  return {
    kind: 'response',
    response: aResponse(status, lines, reason, reply.seenAs),
    status,
    flow,
    sentAt,
    rttMs: 20,
    requests: requests ?? 1,
    refusal,
    isAuthenticated: reply.isAuthenticated ?? true,
  };
}
