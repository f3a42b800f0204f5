/**
 * Whether a SIP proxy of ours answers. Pure; design.md 3, `via`.
 *
 *                  any answer                 2 probes unanswered,
 *   +---------+ --------------> +----+    or the way to it is gone     +--------+
 *   | unknown |                 | up | -----------------------------> | silent |
 *   +---------+                 +----+ <----------------------------- +--------+
 *        |                             any answer                          ^
 *        +-----------------------------------------------------------------+
 *
 * Nothing is sent through it but while it is up. It is our own machine, mostly on this very host, so that
 * it is asked often, and believed at once when it answers.
 *
 * `restarted`: the connections behind it are gone. An answer tells by its incarnation (the field
 * `X-Trunkd-Incarnation`, another text after each start); a proxy that gives none is taken for a new one
 * whenever it was silent.
 */
import type { Fault } from '../../base/fault.ts';
import type { Instant } from '../../base/instant.ts';

export type ProxyState = 'unknown' | 'up' | 'silent';

export interface ProxyMachineState {
  readonly name: ProxyState;
  readonly since: Instant;
  /** In a row. */
  readonly unanswered: number;
  readonly incarnation: string | undefined;
  /** Why the last probe failed; undefined once one was answered. */
  readonly reason: Fault | undefined;
}

export type ProxyInput =
  | { readonly kind: 'answered'; readonly incarnation: string | undefined }
  /** Something came through it, which is as good as an answer. */
  | { readonly kind: 'heard' }
  | { readonly kind: 'unanswered'; readonly fault: Fault }
  /** Its port is closed, or the connection to it was lost. */
  | { readonly kind: 'unreachable'; readonly fault: Fault };

export interface ProxyStep {
  readonly state: ProxyMachineState;
  readonly restarted: boolean;
}

/** Probes in a row. */
const FALL = 2;

export function newProxyState(since: Instant): ProxyMachineState {
  return { name: 'unknown', since, unanswered: 0, incarnation: undefined, reason: undefined };
}

export function stepProxy(state: ProxyMachineState, input: ProxyInput, now: Instant): ProxyStep {
  switch (input.kind) {
    case 'answered':
      return answered(state, input.incarnation, now);
    case 'heard':
      // While it is silent only its own answer counts: that one tells whether it was restarted.
      if (state.name !== 'up' || state.unanswered === 0) return { state, restarted: false };
      return { state: { ...state, unanswered: 0, reason: undefined }, restarted: false };
    case 'unanswered':
      return failed(state, state.unanswered + 1, input.fault, now);
    case 'unreachable':
      return failed(state, FALL, input.fault, now);
  }
}

function answered(
  state: ProxyMachineState,
  incarnation: string | undefined,
  now: Instant,
): ProxyStep {
  const isOther = incarnation !== state.incarnation;
  const restarted =
    state.name === 'silent' ? isOther || incarnation === undefined : state.name === 'up' && isOther;
  return {
    state: {
      ...named(state, 'up', now),
      unanswered: 0,
      incarnation,
      reason: undefined,
    },
    restarted,
  };
}

function failed(
  state: ProxyMachineState,
  unanswered: number,
  reason: Fault,
  now: Instant,
): ProxyStep {
  const counted = { ...state, unanswered, reason };
  return {
    state: unanswered >= FALL ? named(counted, 'silent', now) : counted,
    restarted: false,
  };
}

function named(state: ProxyMachineState, name: ProxyState, now: Instant): ProxyMachineState {
  return state.name === name ? state : { ...state, name, since: now };
}
