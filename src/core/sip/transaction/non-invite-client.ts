/**
 * The non-INVITE client transaction: RFC 3261 section 17.1.2, figure 6.
 *
 *              start: send, arm F, arm E on UDP
 *                   |
 *              +----v---+    1xx     +------------+
 *    E: send --| trying |----------->| proceeding |-- E: send
 *              +--------+            +------------+
 *               |     |  200..699        |     |
 *               |     +--------+---------+     |
 *   F, network  |              v               |  F, network
 *   fault: fail |        +-----------+         |  fault: fail
 *               |        | completed |         |
 *               |        +-----------+         |
 *               |              | K             |
 *               |       +------v-----+         |
 *               +------>| terminated |<--------+
 *                       +------------+
 *
 * Pure. The client layer owns the clock, the timers and the transport, and carries the effects out
 * in order.
 */
import { unreachable } from '../../base/assert.ts';
import { type SipTimers, transactionTimeoutMs } from './timers.ts';

export type ClientState =
  | { readonly name: 'trying'; readonly resendAfterMs: number }
  | { readonly name: 'proceeding' }
  | { readonly name: 'completed' }
  | { readonly name: 'terminated' };

export type ClientInput =
  | { readonly kind: 'response'; readonly status: number }
  | { readonly kind: 'timer'; readonly timer: 'E' | 'F' | 'K' }
  | { readonly kind: 'networkFault' };

export type ClientEffect =
  | { readonly kind: 'send' }
  | { readonly kind: 'arm'; readonly timer: 'E' | 'F' | 'K'; readonly afterMs: number }
  /** Hand the response to the transaction user. */
  | { readonly kind: 'deliver' }
  /** Timer F: tell the user that nobody answered. */
  | { readonly kind: 'timedOut' }
  /** Tell the user that the transport failed. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'forget' };

export interface ClientStep {
  readonly state: ClientState;
  readonly effects: readonly ClientEffect[];
}

/** What stays the same for the life of one transaction. */
export interface ClientContext {
  readonly timers: SipTimers;
  /** True for TCP and TLS: no resends, and timer K is zero. */
  readonly isReliable: boolean;
  /** Timer F: 64 x T1, or less where the user wants to know earlier. */
  readonly timeoutMs: number;
  /** The steps that every request takes, made once so that the hot path allocates nothing. */
  readonly first: ClientStep;
  readonly completed: ClientStep;
}

const PROCEEDING: ClientState = { name: 'proceeding' };
const COMPLETED: ClientState = { name: 'completed' };
const TERMINATED: ClientState = { name: 'terminated' };
const NOTHING: readonly ClientEffect[] = [];

const DELIVER_ONLY: readonly ClientEffect[] = [{ kind: 'deliver' }];
const END_RELIABLE: ClientStep = {
  state: TERMINATED,
  effects: [{ kind: 'deliver' }, { kind: 'forget' }],
};
const END_TIMED_OUT: ClientStep = {
  state: TERMINATED,
  effects: [{ kind: 'timedOut' }, { kind: 'forget' }],
};
const END_FAILED: ClientStep = {
  state: TERMINATED,
  effects: [{ kind: 'failed' }, { kind: 'forget' }],
};
const END_LINGERED: ClientStep = { state: TERMINATED, effects: [{ kind: 'forget' }] };

/** A context for requests of one kind; there are few, so that they are shared. */
export function clientContext(
  timers: SipTimers,
  isReliable: boolean,
  timeoutMs: number = transactionTimeoutMs(timers),
): ClientContext {
  const boundedMs = Math.min(timeoutMs, transactionTimeoutMs(timers));
  return {
    timers,
    isReliable,
    timeoutMs: boundedMs,
    first: firstStep(timers, isReliable, boundedMs),
    completed: {
      state: COMPLETED,
      // Timer K absorbs copies of the final response for T4.
      effects: [{ kind: 'deliver' }, { kind: 'arm', timer: 'K', afterMs: timers.t4Ms }],
    },
  };
}

/** RFC 3261 section 17.1.2.2: send at once, timer F, and timer E unless the transport is reliable. */
function firstStep(timers: SipTimers, isReliable: boolean, timeoutMs: number): ClientStep {
  const effects: ClientEffect[] = [
    { kind: 'send' },
    { kind: 'arm', timer: 'F', afterMs: timeoutMs },
  ];
  if (!isReliable) effects.push({ kind: 'arm', timer: 'E', afterMs: timers.t1Ms });
  return { state: { name: 'trying', resendAfterMs: timers.t1Ms }, effects };
}

export function stepClient(
  state: ClientState,
  input: ClientInput,
  context: ClientContext,
): ClientStep {
  switch (state.name) {
    case 'trying':
    case 'proceeding':
      return stepWaiting(state, input, context);
    case 'completed':
      // Late resends of the final response are absorbed here until timer K.
      return input.kind === 'timer' && input.timer === 'K'
        ? END_LINGERED
        : { state, effects: NOTHING };
    case 'terminated':
      return { state, effects: NOTHING };
    default:
      return unreachable(state);
  }
}

type Waiting = Extract<ClientState, { name: 'trying' | 'proceeding' }>;

function stepWaiting(state: Waiting, input: ClientInput, context: ClientContext): ClientStep {
  switch (input.kind) {
    case 'response':
      if (input.status < 200) return { state: PROCEEDING, effects: DELIVER_ONLY };
      return context.isReliable ? END_RELIABLE : context.completed;
    case 'networkFault':
      return END_FAILED;
    case 'timer':
      if (input.timer === 'F') return END_TIMED_OUT;
      return input.timer === 'E' ? resend(state, context.timers) : { state, effects: NOTHING };
    default:
      return unreachable(input);
  }
}

/** Timer E doubles up to T2 in 'trying' and is T2 in 'proceeding'. */
function resend(state: Waiting, { t2Ms }: SipTimers): ClientStep {
  const afterMs = state.name === 'trying' ? Math.min(2 * state.resendAfterMs, t2Ms) : t2Ms;
  return {
    state: state.name === 'trying' ? { name: 'trying', resendAfterMs: afterMs } : state,
    effects: [{ kind: 'send' }, { kind: 'arm', timer: 'E', afterMs }],
  };
}
