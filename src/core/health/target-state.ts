/** What the machine of one target knows, is told, and wants done. See machine.ts. */
import type { Fault } from '../base/fault.ts';
import type { Instant } from '../base/instant.ts';
import { DOWN_GAP_MS } from './down-pace.ts';
import type { PeerState } from './events.ts';
import type { ProbePlan } from './spec.ts';
import type { Finding } from './verdict.ts';

/** A probe that was sent and has no outcome yet. */
export interface OpenProbe {
  readonly id: number;
  readonly sentAt: Instant;
  /** True once it has been open for so long that it counts as a failure. */
  readonly isMissed: boolean;
}

/** When the next probe is due. Compared by identity: a new object means a new decision. */
export type NextProbe =
  /** At the target's next regular turn. */
  | { readonly kind: 'round' }
  | { readonly kind: 'at'; readonly at: Instant }
  /** One is asked for, and waits for its turn to be sent. */
  | { readonly kind: 'asked' }
  /** As many are open as may be: not before one of them ends. */
  | { readonly kind: 'full' };

/** Written by the machine alone. */
export interface TargetState {
  name: PeerState;
  since: Instant;
  /** Bad results in a row, and good or impaired ones in a row. */
  failures: number;
  successes: number;
  /** Answers in a row that speak for `impaired` while up, or for `up` while impaired. */
  deviations: number;
  /** In order of sending. */
  open: readonly OpenProbe[];
  /** When the first probe of the present row of unanswered ones was sent. */
  silentSince: Instant | undefined;
  lastSentAt: Instant | undefined;
  /** False until somebody answered or refused: only then can a failure mean that it is gone. */
  isHeard: boolean;
  /** True when `fall` probes got no answer, and none ever got one: ranked last. */
  isMute: boolean;
  /** Why the last probe proved nothing; undefined once one of the present address proved anything. */
  voidFault: Fault | undefined;
  /** When the first probe of a row was sent that proved nothing for the same reason as the last one. */
  voidSince: Instant | undefined;
  /** Present distance of probes while down. */
  downGapMs: number;
  /** The last finding that the present name rests on. */
  reason: Finding | undefined;
  next: NextProbe;
  /** When `tick` has to be fed even though no probe is due. */
  checkAt: Instant | undefined;
}

export type TargetInput =
  /** Time passed; `isDue`: up to the moment that `next` named. */
  | { readonly kind: 'tick'; readonly isDue: boolean }
  | { readonly kind: 'sent'; readonly id: number }
  | { readonly kind: 'ended'; readonly id: number; readonly finding: Finding };

export interface TargetContext {
  readonly now: Instant;
  readonly plan: ProbePlan;
  /** How long a probe may be open before it counts as a failure, and the next one starts. */
  readonly patienceMs: number;
  /** How long a whole row of unanswered probes has to last. */
  readonly timeoutMs: number;
}

export type TargetEffect =
  | { readonly kind: 'probe' }
  /** Give up every probe that is still open: a later answer made them meaningless. */
  | { readonly kind: 'cancelOpen' };

/** A target that nothing is known of; `since` is when we began to look. */
export function newTarget(since: Instant): TargetState {
  return {
    name: 'unknown',
    since,
    failures: 0,
    successes: 0,
    deviations: 0,
    open: [],
    silentSince: undefined,
    lastSentAt: undefined,
    isHeard: false,
    isMute: false,
    voidFault: undefined,
    voidSince: undefined,
    downGapMs: DOWN_GAP_MS,
    reason: undefined,
    next: { kind: 'round' },
    checkAt: undefined,
  };
}

/** The same target under a new plan: what is known of it stays, what was under way is forgotten. */
export function carryOver(old: TargetState): TargetState {
  return {
    ...old,
    failures: old.name === 'down' || old.isMute ? old.failures : 0,
    successes: 0,
    deviations: 0,
    open: [],
    silentSince: undefined,
    next: { kind: 'round' },
    checkAt: undefined,
  };
}
