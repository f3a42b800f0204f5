/**
 * What the keepers of registrations and peers ask of SIP: carry one request through transaction and
 * challenges, and tell the outcome once. One exchange is one to three requests in one dialogless
 * sequence: the request, and its repeats with credentials (RFC 3261 section 22.2).
 */
import type { Fault } from '../../base/fault.ts';
import type { Instant } from '../../base/instant.ts';
import type { AuthNews, DigestSession } from '../digest/session.ts';
import type { Target } from '../locate/target.ts';
import type { SipMessage } from '../message/message.ts';
import type { Flow, TlsPolicy } from '../transport/ports.ts';

/** The parts of a request that do not change from one sending to the next, rendered once. */
export interface RequestTemplate {
  readonly method: 'REGISTER' | 'OPTIONS';
  readonly requestUri: string;
  readonly callId: string;
  readonly fromTag: string;
  /** Header lines between Via and CSeq, each ended by CR LF: Max-Forwards, From, To, Call-ID. */
  readonly head: string;
}

export interface ExchangeRequest {
  readonly template: RequestTemplate;
  /** Header lines after CSeq, each ended by CR LF: Contact, Expires and so on; may depend on the flow. */
  readonly tail: (flow: Flow) => string;
  readonly target: Target;
  /**
   * Route URIs of the hops from the target on, where there are several: the first is the target's own.
   * Our own proxy in front of it (`target.via`) is added by the user agent.
   */
  readonly route?: readonly string[] | undefined;
  /** The pacer's lane, where that is not the target. */
  readonly lane?: string;
  /** Further addresses that answers may come from when `sourceCheck` is `set`. */
  readonly alternatives: readonly string[];
  readonly sourceCheck: SourceCheck;
  readonly localSocket: string | undefined;
  readonly tls: TlsPolicy | undefined;
  /** Whose connection it takes, where that is not shared. */
  readonly owner?: string | undefined;
  /** `tcp`: one that is too large for a datagram goes over TCP, if the target takes it; undefined: `udp`. */
  readonly sizePolicy?: SizePolicy | undefined;
  /** Called once for each request that is sent; RFC 3261 section 10.2.4 wants it to rise. */
  readonly nextCseq: () => number;
  /** Undefined: a challenge is the outcome, and is not answered. */
  readonly session: DigestSession | undefined;
  /** For each request of the exchange, counted from its sending; at most 64 x T1 (32 s). */
  readonly timeoutMs: number;
  /** The same once a provisional answer came, if that is longer: somebody works on it. */
  readonly patienceMs?: number;
  /** Called when each request leaves; pacing has been paid for then. */
  readonly sent?: (at: Instant, wire: string) => void;
  /** Told of what is odd about a challenge that is answered all the same, or about the server's proof. */
  readonly authNews?: (news: AuthNews) => void;
}

/** What becomes of requests over UDP of more than 1,300 octets (RFC 3261 section 18.1.1). */
export type SizePolicy = 'udp' | 'tcp';

/** Whose answers count (design.md 6): the IP asked, IP and port, any address of the name, anybody. */
export type SourceCheck = 'host' | 'strict' | 'set' | 'off';

export type ExchangeOutcome =
  | {
      readonly kind: 'response';
      readonly response: SipMessage;
      readonly status: number;
      readonly flow: Flow;
      /** When the request that this answers was first sent. */
      readonly sentAt: Instant;
      readonly rttMs: number;
      readonly requests: number;
      /** Why a 401 or 407 is the end of it; undefined for every other answer. */
      readonly refusal: Refusal | undefined;
      /** The request that this answers carried credentials: the answer is worth what they are. */
      readonly isAuthenticated: boolean;
    }
  | {
      readonly kind: 'failed';
      readonly fault: Fault;
      /** False when nothing left the machine: no connection, or a local fault. */
      readonly wasSent: boolean;
      readonly requests: number;
    };

/** Why an exchange ended with 401 or 407. */
export type Refusal =
  /** Credentials for a fresh nonce were refused: they are wrong. */
  | { readonly kind: 'credentials'; readonly realm: string }
  /** The challenge's realm is not the one that the configuration pins. */
  | { readonly kind: 'realm'; readonly offered: string; readonly expected: string }
  /** Only weaker algorithms than this server accepted before, and the configuration forbids that. */
  | { readonly kind: 'downgrade'; readonly offered: string; readonly proven: string }
  /** No challenge, or none with a scheme and algorithm that we have. */
  | { readonly kind: 'unusable'; readonly reason: string }
  /** The server kept asking for another nonce. */
  | { readonly kind: 'loop' }
  /** We have no credentials for this request. */
  | { readonly kind: 'noCredentials' };

export interface Exchange {
  /** Gives up; the outcome `failed` with code `cancelled` is not reported. */
  cancel(): void;
}

/** Implemented by user-agent.ts. */
export interface UserAgentPort {
  /** Within it nearly every answer of a slow target (or lane) comes; 0 of one that has the usual T1. At most 16 s. */
  answerMs(target: string): number;
  /**
   * Starts an exchange whose first request has been granted by the pacer; repeats ask the pacer
   * themselves, ahead of everybody else. `receive` is called exactly once, never before it returns.
   */
  start(request: ExchangeRequest, receive: (outcome: ExchangeOutcome) => void): Exchange;
}

/**
 * In which order the waiting requests to one target go: lower first, then by deadline. `repeat` is the
 * answer to a challenge or one of the first copies of a request; `resend` a late copy, which must not
 * take the turns of bindings that have to be refreshed.
 */
export const PRIORITY = {
  repeat: 0,
  probe: 1,
  living: 2,
  resend: 3,
  unbound: 4,
  removal: 5,
} as const;
export type Priority = (typeof PRIORITY)[keyof typeof PRIORITY];

export interface PacerTicket {
  cancel(): void;
}

/** One bucket and one window for each target, for requests of all kinds. Implemented by pacer.ts. */
export interface PacerPort {
  /** `grant` is called from a later step, once, in turn. */
  enqueue(
    target: string,
    wish: { readonly priority: Priority; readonly deadline: Instant; readonly grant: () => void },
  ): PacerTicket;
  /**
   * A grant at once, where nobody waits and nothing is in the way; false where one has to enqueue.
   * It spares a turn through the timer queue, which costs more than the request itself.
   */
  enter(target: string): boolean;
  /** Gives an unused grant back. */
  refund(target: string): void;
}

/** design.md 3, `pacing`: requests a second to one target, of all kinds. */
export interface PacingSpec {
  /** 0: no rate, burst, growth or halving. */
  readonly perTarget: number;
  readonly burst: number;
  readonly max: number;
}
