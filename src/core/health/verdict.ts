/**
 * What the end of one probe means (design.md 6, 'which answer is up'; conformance Q01). What a final
 * answer means, the policy says (answer-policy.ts); silence and refusal count against the server; what
 * went wrong on our side counts neither way.
 *
 *   2xx 3xx 4xx 5xx            good      404, 405, 481, 501 and the challenges are answers like any other
 *   483, 6xx                   impaired  it lives, but a loop or a general refusal stands in the way
 *   408 430 477 478 500        bad       it, or a proxy before it, does not reach what is behind
 *   502 503 504                          (all of this is the policy `standard`)
 *   503 with Retry-After       bad       and asked to be left alone until then, where the policy says bad
 *   483 to Max-Forwards 0      good      the first hop alone was asked, and answered
 *   connected                  good      `mode: connect`
 *   no answer in time          bad       (silent) never shown as a 408, which only a wire can bring
 *   refused, unreachable, TLS  bad       with the fault's own code
 *   local, DNS, cancelled      void
 *   made by our own proxy      void      (`via`): it, and not the server behind it, has spoken
 */
import { type Fault, type FaultCode, fault } from '../base/fault.ts';
import { retryAfterSec } from '../sip/header/retry-after.ts';
import type { SipMessage } from '../sip/message/message.ts';
import type { ExchangeOutcome } from '../sip/user-agent/ports.ts';
import { verdictOfStatus } from './answer-policy.ts';
import type { ProbePlan } from './spec.ts';

export type Verdict = 'good' | 'impaired' | 'bad' | 'void';

/** What one probe found out. */
export type Finding =
  | {
      readonly kind: 'answer';
      readonly verdict: 'good' | 'impaired' | 'bad';
      readonly code: number;
      /** At most 64 printable characters. */
      readonly reason: string;
      /** How long the server asked to be left alone; 0: not at all. */
      readonly holdMs: number;
      /** Impaired only because answers take so long; 0: not for that. */
      readonly slowMs: number;
    }
  /** A connection could be made, where that is all that is asked. */
  | { readonly kind: 'connected'; readonly verdict: 'good' | 'impaired'; readonly slowMs: number }
  /** Nobody answered in time. */
  | { readonly kind: 'silence'; readonly verdict: 'bad'; readonly fault: Fault }
  /** The other side or the way to it said no. */
  | { readonly kind: 'refusal'; readonly verdict: 'bad'; readonly fault: Fault }
  | { readonly kind: 'none'; readonly verdict: 'void'; readonly fault: Fault };

/** How one probe ended. */
export type ProbeOutcome =
  | ExchangeOutcome
  | { readonly kind: 'connected'; readonly rttMs: number }
  /** Of a REGISTER, which counts for a probe. */
  | { readonly kind: 'registerAnswered'; readonly status: number };

const TO_REGISTER = 'to a REGISTER';
const CONNECTED: Finding = { kind: 'connected', verdict: 'good', slowMs: 0 };

/** The longest that a 503 may keep its server out of use, so that no slip lasts for hours. */
export const MAX_HOLD_MS = 600_000;

/** The policy of the server says that such an answer proves nothing. */
const IGNORED: Finding = { kind: 'none', verdict: 'void', fault: fault('probe.ignored', 'config') };

const MAX_REASON_CHARACTERS = 64;
const UNPRINTABLE = /[^ -~]/g;

const SILENT_FAULTS: ReadonlySet<FaultCode> = new Set<FaultCode>([
  'timeout.response',
  'timeout.connect',
]);

/** What the outcome of a probe says about its target. */
export function findingOf(outcome: ProbeOutcome, plan?: ProbePlan): Finding {
  if (outcome.kind === 'failed') return findingOfFault(outcome.fault);
  if (outcome.kind === 'connected') return CONNECTED;
  const { status } = outcome;
  const response = outcome.kind === 'response' ? outcome.response : undefined;
  const isFirstHop = status === 483 && plan?.look?.maxForwards === 0;
  const verdict = isFirstHop ? 'good' : verdictOfStatus(status, plan?.answers);
  if (verdict === 'ignored') return IGNORED;
  return {
    kind: 'answer',
    verdict,
    code: status,
    reason: response === undefined ? TO_REGISTER : printableReason(response.reason),
    holdMs: status === 503 && verdict === 'bad' && response !== undefined ? holdMs(response) : 0,
    slowMs: 0,
  };
}

/** True when both are answers that say the same. */
export function isSameFinding(a: Finding | undefined, b: Finding): boolean {
  if (a === b) return true;
  return (
    a?.kind === 'answer' &&
    b.kind === 'answer' &&
    a.code === b.code &&
    a.holdMs === b.holdMs &&
    a.verdict === b.verdict &&
    a.reason === b.reason
  );
}

function findingOfFault(fault: Fault): Finding {
  const { code, blame } = fault;
  const isOurs =
    blame === 'local' ||
    code === 'cancelled' ||
    code === 'proxy.hopFailed' ||
    code.startsWith('dns.');
  if (isOurs || code === 'transport.local' || code === 'transport.noSocket') {
    return { kind: 'none', verdict: 'void', fault };
  }
  const kind = SILENT_FAULTS.has(code) ? 'silence' : 'refusal';
  return { kind, verdict: 'bad', fault };
}

/** A value that is no number of seconds is as good as none. */
function holdMs(response: SipMessage): number {
  return Math.min((retryAfterSec(response) ?? 0) * 1000, MAX_HOLD_MS);
}

/** The reason phrase is text of a stranger: cut, and without anything that a terminal could obey. */
export function printableReason(reason: string): string {
  const cut = reason.slice(0, MAX_REASON_CHARACTERS);
  for (let index = 0; index < cut.length; index += 1) {
    if (!isPrintable(cut.charCodeAt(index))) return cut.replace(UNPRINTABLE, '?');
  }
  return cut;
}

function isPrintable(code: number): boolean {
  return code >= 0x20 && code <= 0x7e;
}
