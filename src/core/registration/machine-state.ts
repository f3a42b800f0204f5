/**
 * What the machine of a registration knows, what it is told and what it asks for. The state is one
 * flat record rather than a union: it exists once for each of 100,000 registrations, and most of
 * its facts outlive the changes of its name.
 */
import type { Cause } from '../base/cause.ts';
import type { Instant } from '../base/instant.ts';
import type { Random } from '../base/random.ts';
import type { RegistrationState } from './events.ts';
import type { Verdict } from './outcome.ts';

export interface MachineState {
  readonly name: RegistrationState;
  /** When the name changed last. */
  readonly since: Instant;
  /** A try was asked for: it waits for its turn, or its request is under way. */
  readonly isTrying: boolean;
  /** When the next try is due; while one is under way, when that one was; unregistering: the end of it. */
  readonly dueAt: Instant;
  /** The end of the granted binding; undefined: none, or it ran out. */
  readonly boundUntil: Instant | undefined;
  /** Of the last grant; 0 before the first. */
  readonly grantedSec: number;
  /** In a row, for the back-off; a success sets it to 0. */
  readonly failures: number;
  readonly refusals: number;
  /** The longest Min-Expires that the registrar insisted on; 0: none. */
  readonly learnedMinSec: number;
  /** What was tried already in this cycle, `ADAPTED` bits; a success or a failure ends the cycle. */
  readonly adapted: number;
  readonly cause: Cause | undefined;
}

/**
 * What may be adapted once before it counts as a failure; and, kept until it is bound again, that with outbound
 * in force its flow is gone: calls do not find the way over it (RFC 5626 section 4.5).
 */
export const ADAPTED = {
  minExpires: 1,
  callId: 2,
  beforeExpiry: 4,
  outbound: 8,
  minExpiresAgain: 16,
  flowLost: 32,
  credentials: 64,
} as const;

export type Input =
  | { readonly kind: 'start' }
  | { readonly kind: 'due' }
  /** The first request of a try leaves. */
  | { readonly kind: 'begun' }
  /** The try waits until its target or registrar is free again. */
  | { readonly kind: 'held'; readonly cause: Cause }
  /** The try ended; `refreshAt` is planned by the keeper where the verdict is `bound`. */
  | { readonly kind: 'outcome'; readonly verdict: Verdict; readonly refreshAt: Instant }
  /** `cause`: where that is not the usual one. */
  | { readonly kind: 'expired'; readonly cause?: Cause }
  /** The connection that carried the binding is gone; bound again at that time. */
  | {
      readonly kind: 'flowLost';
      readonly againAt: Instant;
      /** Outbound is in force: its rules say how fast the flow is replaced. */
      readonly hasOutbound: boolean;
    }
  /** Requests reach the registrar from another address of ours, or reach it again; tried then at the latest. */
  | { readonly kind: 'wayChanged'; readonly againAt: Instant }
  /** Try now, whatever the plan was; `isFresh` forgets former failures (new credentials, a command). */
  | { readonly kind: 'urge'; readonly isFresh: boolean }
  /** trunkd did not run for that long, and the registrar's clock went on. */
  | { readonly kind: 'aged'; readonly ms: number }
  | {
      readonly kind: 'unregister';
      readonly deadline: Instant;
      /** A request is under way that may yet make a binding. */
      readonly maybeBound: boolean;
      readonly cause: Cause | undefined;
    }
  /** Nothing more is sent, and the binding is left as it is. */
  | { readonly kind: 'forget'; readonly cause: Cause | undefined }
  /** The attempt to remove the binding is over. */
  | { readonly kind: 'removed'; readonly cause: Cause | undefined };

export type Effect = 'try' | 'arm' | 'cancel' | 'remove' | 'renewCallId' | 'finished';

export interface Step {
  readonly state: MachineState;
  /** In this order; `try`, `remove` and `finished` come last, since they may lead to another step. */
  readonly effects: readonly Effect[];
}

export interface Context {
  readonly now: Instant;
  readonly random: Random;
  /** Another binding of the same registration lives, over another flow. */
  readonly hasOtherFlow?: boolean;
}

export function initialState(now: Instant): MachineState {
  return {
    name: 'idle',
    since: now,
    isTrying: false,
    dueAt: now,
    boundUntil: undefined,
    grantedSec: 0,
    failures: 0,
    refusals: 0,
    learnedMinSec: 0,
    adapted: 0,
    cause: undefined,
  };
}

/** True as long as a granted binding has not run out. */
export function isBound(state: MachineState, now: Instant): boolean {
  return state.boundUntil !== undefined && state.boundUntil > now;
}
