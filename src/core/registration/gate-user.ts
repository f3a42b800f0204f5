/** Between a target gate and those whose attempts it lets through. */
import type { Cause } from '../base/cause.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { TimerQueue } from '../base/timer-queue.ts';
import { retryAfterSec } from '../sip/header/retry-after.ts';
import type { ProxyNamed } from '../sip/proxy/ports.ts';
import type { ExchangeOutcome, PacerPort, PacingSpec } from '../sip/user-agent/ports.ts';
import type { Entry } from './entry.ts';
import type { TargetGate } from './target-gate.ts';

/** What the end of an attempt says about its target. */
export type Evidence =
  | { readonly kind: 'heard' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'busy'; readonly retryAfterSec: number | undefined }
  /** It answers, and did not prove who it is: others are better. */
  | { readonly kind: 'unfit' }
  /** It answered with a challenge, and left what followed without an answer. */
  | { readonly kind: 'unanswered' }
  /** Our own fault, or given up by ourselves. */
  | { readonly kind: 'nothing' };

/** Whose attempts the gate lets through. */
export interface GateUser {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly random: Random;
  readonly pacer: PacerPort;
  readonly pacing: PacingSpec;
  /** SIP proxies of ours, through which targets with a `via` are reached. */
  readonly proxyNamed: ProxyNamed;
  /** May it still go? Its registrar may have begun to refuse everybody while it was in line. */
  isWelcome(entry: Entry): boolean;
  /** It was taken out of the line, since it is not welcome. */
  turnedAway(entry: Entry): void;
  /** The turn of this registration has come; `canaryMs`: how long the canary waits for an answer. */
  start(entry: Entry, gate: TargetGate, canaryMs: number | undefined): void;
  /** It waits in line at a target that is dead or busy. */
  held(entry: Entry, why: Cause): void;
  noticed(entry: Entry, why: Cause): void;
  /** A target closed or opened: who waits in the wrong line may go to another. */
  turned(): void;
}

/** Faults of the way to the target; others are our own, or prove that something is there. */
const SILENT_FAULTS: ReadonlySet<string> = new Set([
  'timeout.response',
  'timeout.connect',
  'timeout.tlsHandshake',
  'transport.refused',
  'transport.unreachable',
  'transport.closed',
  'proxy.hopFailed',
]);

export function evidenceOf(outcome: ExchangeOutcome): Evidence {
  if (outcome.kind === 'response') {
    // With a list of Contacts a 503 means that one address of record has too many of them.
    const isBusy = outcome.status === 503 && outcome.response.first('Contact') === undefined;
    return isBusy ? { kind: 'busy', retryAfterSec: retryAfterSec(outcome.response) } : HEARD;
  }
  // More than one request: a challenge came, so the target lives.
  const { fault, requests } = outcome;
  const isSilent = fault.blame !== 'local' && SILENT_FAULTS.has(fault.code);
  if (isSilent && requests <= 1) return SILENT;
  if (LEAVES_OUT.has(fault.code)) return UNANSWERED;
  return fault.code.startsWith('tls.') ? UNFIT : NOTHING;
}

/** No answer, of a target that is there. */
export const LEAVES_OUT: ReadonlySet<string> = new Set(['timeout.response', 'proxy.hopFailed']);

/** Given up by ourselves; or a proxy of ours is away, behind which all targets are. */
const ENDS_IT: ReadonlySet<string> = new Set(['cancelled', 'proxy.silent']);

/**
 * RFC 3263 section 4.3: the next target is tried after a transport failure, a time-out and a 503, and
 * after no other answer. Whatever kept us from talking to one target may be different at the next.
 */
export function mayGoOn(outcome: ExchangeOutcome, evidence: Evidence): boolean {
  return outcome.kind === 'response' ? evidence.kind === 'busy' : !ENDS_IT.has(outcome.fault.code);
}

const HEARD: Evidence = { kind: 'heard' };
const UNFIT: Evidence = { kind: 'unfit' };
const UNANSWERED: Evidence = { kind: 'unanswered' };
export const SILENT: Evidence = { kind: 'silent' };
export const NOTHING: Evidence = { kind: 'nothing' };
