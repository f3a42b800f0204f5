/**
 * One registration: RFC 3261 section 10.2, states of design.md 4.
 *
 *            start                 begun                    bound
 *   idle ----------> (its turn) ----------> registering ------------> registered <--+
 *                                             |  |                     |    |       | bound
 *                            failed, unbound  |  | refused      failed |    | due:  |
 *                +----------------------------+  |              held   |    | try --+
 *                v        expired                |                     v
 *             waiting <-----------------------------------------  refreshFailing
 *              |   ^  due: try, failed again     |                     |
 *      refused |   | transient failure           v                     | refused
 *              +---+-----------------------> rejected <----------------+
 *                                              due: try again slowly
 *   any --unregister--> unregistering --removed, expired--> off --start--> idle
 *              (nothing bound and nothing sent: off at once; so with `forget`, whatever is bound)
 *
 * Any `bound` leads to registered, whatever the state was. A state keeps its name while a try is
 * under way: it changes when something new is known. `boundUntil` alone decides whether we are
 * bound; a failure never takes it away, except the answer that does not hold our Contact.
 */

import { unreachable } from '../base/assert.ts';
import type { Cause } from '../base/cause.ts';
import { after, type Instant } from '../base/instant.ts';
import { RAN_OUT } from './causes.ts';
import type { RegistrationState } from './events.ts';
import {
  ADAPTED,
  type Context,
  type Effect,
  type Input,
  initialState,
  isBound,
  type MachineState,
  type Step,
} from './machine-state.ts';
import type { FailedVerdict, Verdict } from './outcome.ts';
import { failuresAfter, ownFaultWaitMs, refusedWaitMs, transientWaitMs } from './retry-plan.ts';

const NOTHING: readonly Effect[] = [];
const TRY: readonly Effect[] = ['try'];
const ARM: readonly Effect[] = ['arm'];
const TRY_AFRESH: readonly Effect[] = ['cancel', 'try'];
const TRY_WITH_NEW_CALL_ID: readonly Effect[] = ['renewCallId', 'try'];
const REMOVE: readonly Effect[] = ['cancel', 'remove'];
const FINISH: readonly Effect[] = ['cancel', 'finished'];

export function step(state: MachineState, input: Input, context: Context): Step {
  if (state.name === 'off') return input.kind === 'start' ? begin(state, context) : ignored(state);
  if (input.kind === 'aged') return age(state, input.ms);
  if (state.name === 'unregistering') return stepUnregistering(state, input, context);
  switch (input.kind) {
    case 'start':
    case 'due':
      return state.isTrying
        ? ignored(state)
        : { state: { ...state, isTrying: true }, effects: TRY };
    case 'begun':
      return state.name === 'idle' ? quiet(named(state, 'registering', context)) : ignored(state);
    case 'held':
      return state.isTrying ? hold(state, input.cause, context) : ignored(state);
    case 'outcome':
      return conclude(state, input.verdict, input.refreshAt, context);
    case 'expired':
      return expire(state, input.cause, context);
    case 'flowLost':
      return bindAgain(state, input, context);
    case 'wayChanged':
      return tryEarlier(withoutOwnFailures(state), input.againAt);
    case 'urge':
      return urge(state, input.isFresh, context);
    case 'unregister':
      return unregister(state, input, context);
    case 'forget':
      return finish(state, input.cause, context);
    case 'removed':
      return ignored(state);
  }
}

function conclude(
  state: MachineState,
  verdict: Verdict,
  refreshAt: Instant,
  context: Context,
): Step {
  switch (verdict.kind) {
    case 'bound':
      return bound(state, verdict, refreshAt, context);
    case 'minExpires':
      return lengthen(state, verdict.minExpiresSec);
    case 'newCallId':
      return adapt(state, ADAPTED.callId, TRY_WITH_NEW_CALL_ID);
    case 'withoutOutbound':
      return adapt(state, ADAPTED.outbound, TRY);
    case 'otherCredentials':
      return adapt(state, ADAPTED.credentials, TRY);
    case 'elsewhere':
      return adapt(state, 0, TRY);
    case 'failed':
      return fail(state, verdict, context);
    default:
      return unreachable(verdict);
  }
}

function begin(state: MachineState, context: Context): Step {
  const { now } = context;
  const fresh = { ...initialState(now), learnedMinSec: state.learnedMinSec, isTrying: true };
  return { state: fresh, effects: TRY };
}

function hold(state: MachineState, cause: Cause, context: Context): Step {
  if (state.name === 'rejected') return ignored(state);
  const name = isBound(state, context.now) ? 'refreshFailing' : 'waiting';
  return quiet({ ...named(state, name, context), cause });
}

function bound(
  state: MachineState,
  verdict: Extract<Verdict, { kind: 'bound' }>,
  refreshAt: Instant,
  context: Context,
): Step {
  const { name, since } = named(state, 'registered', context);
  return {
    state: {
      name,
      since,
      isTrying: false,
      dueAt: refreshAt,
      boundUntil: Math.floor(after(verdict.sentAt, verdict.grantedSec * 1000)) as Instant,
      grantedSec: verdict.grantedSec,
      failures: 0,
      refusals: 0,
      learnedMinSec: state.learnedMinSec,
      adapted: 0,
      cause: undefined,
    },
    effects: ARM,
  };
}

/** A longer expiry is asked for, now and from now on. */
function lengthen(state: MachineState, minExpiresSec: number): Step {
  const isSecond = (state.adapted & ADAPTED.minExpires) !== 0;
  const bit = isSecond ? ADAPTED.minExpiresAgain : ADAPTED.minExpires;
  return adapt({ ...state, learnedMinSec: minExpiresSec }, bit, TRY);
}

/** The same try once more with something changed. */
function adapt(state: MachineState, bit: number, effects: readonly Effect[]): Step {
  return { state: { ...state, isTrying: true, adapted: state.adapted | bit }, effects };
}

function fail(state: MachineState, input: FailedVerdict, context: Context): Step {
  const { now } = context;
  const boundUntil = input.lostBinding || !isBound(state, now) ? undefined : state.boundUntil;
  const isRefusal = input.failure !== 'transient';
  const failures = isRefusal ? state.failures : failuresAfter(state, input.cause);
  const refusals = state.refusals + (isRefusal ? 1 : 0);
  const counted = { ...state, boundUntil, failures, refusals, cause: input.cause };
  const { waitMs, beforeExpiry } = failedWait(counted, input, context);
  const living = boundUntil === undefined ? 'waiting' : 'refreshFailing';
  return {
    state: {
      ...named(counted, isRefusal ? 'rejected' : living, context),
      isTrying: false,
      dueAt: Math.ceil(after(now, waitMs)) as Instant,
      adapted:
        (state.adapted & (ADAPTED.beforeExpiry | ADAPTED.flowLost)) |
        (beforeExpiry ? ADAPTED.beforeExpiry : 0),
    },
    effects: ARM,
  };
}

function failedWait(
  state: MachineState,
  input: FailedVerdict,
  context: Context,
): { readonly waitMs: number; readonly beforeExpiry: boolean } {
  if (input.failure !== 'transient') {
    return { waitMs: refusedWaitMs(state, input, context), beforeExpiry: false };
  }
  if (input.cause.blame === 'local') {
    return { waitMs: ownFaultWaitMs(state, context), beforeExpiry: false };
  }
  return transientWaitMs(state, input.retryAfterSec, context);
}

/** What was planned or is under way stays so: with a binding that ran out it is planned soon. */
function expire(state: MachineState, why: Cause | undefined, context: Context): Step {
  if (state.boundUntil === undefined) return ignored(state);
  // What failed while it lived says nothing of how long to wait without it.
  const unbound = { ...state, boundUntil: undefined, failures: 0 };
  if (state.name === 'rejected') return quiet(unbound);
  return quiet({ ...named(unbound, 'waiting', context), cause: why ?? state.cause ?? RAN_OUT });
}

/** Nothing says that the registrar forgot us: it is asked, and until then we are bound. */
function bindAgain(
  state: MachineState,
  { againAt, hasOutbound }: Extract<Input, { kind: 'flowLost' }>,
  { now }: Context,
): Step {
  if (!isBound(state, now)) return ignored(state);
  return tryEarlier(state, againAt, hasOutbound ? ADAPTED.flowLost : 0);
}

/**
 * What our own machine could not send says nothing about the registrar, and nothing about the new way: the waits begin
 * anew. Where no way comes they grow as ever, so that nothing spins.
 */
function withoutOwnFailures(state: MachineState): MachineState {
  return state.cause?.blame === 'local' && state.failures > 0 ? { ...state, failures: 0 } : state;
}

/** With or without a binding; what was refused is not less refused from another address. */
function tryEarlier(state: MachineState, againAt: Instant, bit = 0): Step {
  const isPlanned = state.isTrying || state.name === 'rejected';
  if (isPlanned || againAt >= state.dueAt) return ignored(state);
  return quiet({ ...state, dueAt: againAt, adapted: state.adapted | bit });
}

/** All that was to come is nearer. A binding that is over is ended by its timer, as ever. */
function age(state: MachineState, ms: number): Step {
  const sooner = (at: Instant) => Math.floor(after(at, -ms)) as Instant;
  const boundUntil = state.boundUntil === undefined ? undefined : sooner(state.boundUntil);
  return quiet({ ...state, boundUntil, dueAt: sooner(state.dueAt) });
}

function urge(state: MachineState, isFresh: boolean, { now }: Context): Step {
  const memory = isFresh ? { failures: 0, refusals: 0, adapted: 0 } : {};
  return { state: { ...state, ...memory, isTrying: true, dueAt: now }, effects: TRY_AFRESH };
}

function unregister(
  state: MachineState,
  { deadline, maybeBound, cause }: Extract<Input, { kind: 'unregister' }>,
  context: Context,
): Step {
  if (!maybeBound && !isBound(state, context.now)) return finish(state, cause, context);
  const { name, since } = named(state, 'unregistering', context);
  return {
    state: { ...state, name, since, isTrying: true, dueAt: deadline, cause },
    effects: REMOVE,
  };
}

function stepUnregistering(state: MachineState, input: Input, context: Context): Step {
  switch (input.kind) {
    case 'removed':
      return finish(state, input.cause ?? state.cause, context);
    case 'forget':
      return finish(state, input.cause, context);
    // Nobody answers there: the binding runs out by itself.
    case 'held':
      return finish(state, input.cause, context);
    // The binding ran out, or the deadline came: there is nothing left to remove or to wait for.
    case 'expired':
      return finish(state, state.cause, context);
    default:
      return ignored(state);
  }
}

function finish(state: MachineState, cause: Cause | undefined, context: Context): Step {
  return {
    state: {
      ...named(state, 'off', context),
      isTrying: false,
      boundUntil: undefined,
      failures: 0,
      refusals: 0,
      adapted: 0,
      cause,
    },
    effects: FINISH,
  };
}

function named(state: MachineState, name: RegistrationState, { now }: Context): MachineState {
  return state.name === name ? state : { ...state, name, since: now };
}

/** A new state that needs no action, except that the deadline may have moved. */
function quiet(state: MachineState): Step {
  return { state, effects: ARM };
}

function ignored(state: MachineState): Step {
  return { state, effects: NOTHING };
}
