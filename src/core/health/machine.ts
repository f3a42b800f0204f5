/**
 * The health of one target, out of the findings of its probes. Pure; reliability 3.7, design.md 6.
 *
 *                    first good answer                 fall x bad (*)
 *   +---------+ ------------------------> +----------+ ------------> +------+
 *   | unknown |                           |    up    | <------------ | down |
 *   +---------+ ------------------------> +----------+  rise x good  +------+
 *     |  |  ^     first 483 or 6xx          |      ^                  |  ^  ^
 *     |  +--+ fall x unanswered and     fall x   rise x      rise x   |  |  |
 *     |       never heard: mute        483, 6xx   good      483, 6xx  |  |  |
 *     |       (ranked last)                 v      |                  v  |  |
 *     |                                   +----------+  fall x bad (*)   |  |
 *     |                                   | impaired | <-----------------+  |
 *     |                                   +----------+ ---------------------+
 *     +------------------- fall x bad, refused or 503 ----------------------+
 *
 *   (*) 503 with Retry-After: at once, and no probe before that time.
 *
 * Counting. The probe of a regular turn is given `patience` (1 s, more where answers take longer); open
 * after that it counts as failed, and the next one starts, so that silence is noticed in `timeout` and
 * not in `fall` intervals. At most four are open. A row of silence is believed when `fall` have failed
 * and `timeout` has passed since the first was sent. Any answer ends the row, whichever of the open
 * probes it belongs to: what is still open is given up.
 *
 *   up:    0 s  probe A              down:  0 s  probe, unanswered
 *          1 s  A missed, probe B           3 s  probe, good (1 of rise 2)
 *          2 s  B missed, probe C           4 s  probe, good: up
 *          3 s  C missed, probe D
 *          4 s  timeout since A: down       after 5 minutes the 3 s double up to 30 s
 */
import { type Fault, fault } from '../base/fault.ts';
import { after, type Instant } from '../base/instant.ts';
import { afterDownGap, afterGap, enterDown, nextDownGapMs } from './down-pace.ts';
import type {
  NextProbe,
  OpenProbe,
  TargetContext,
  TargetEffect,
  TargetInput,
  TargetState,
  TargetStep,
} from './target-state.ts';
import type { Finding } from './verdict.ts';

/** From a result that is to be confirmed to the next probe. */
const RECHECK_MS = 1_000;
/** Probes of one target that may be open at once. */
export const MAX_OPEN = 4;
const ASKED: NextProbe = { kind: 'asked' };
const FULL: NextProbe = { kind: 'full' };
const NOTHING: readonly TargetEffect[] = [];
const PROBE: readonly TargetEffect[] = [{ kind: 'probe' }];
const CANCEL_OPEN: readonly TargetEffect[] = [{ kind: 'cancelOpen' }];
/** What probes that are still open say when their time is over. */
const SILENCE: Finding = {
  kind: 'silence',
  verdict: 'bad',
  fault: fault('timeout.response', 'peer'),
};

/** One input, one new state; the keeper carries the effects out afterwards, in order. */
export function stepTarget(
  state: TargetState,
  input: TargetInput,
  context: TargetContext,
): TargetStep {
  switch (input.kind) {
    case 'tick':
      return ticked(state, input.isDue, context);
    case 'sent':
      return sent(state, input.id, context);
    case 'ended':
      return ended(state, input.id, input.finding, context);
  }
}

function ticked(state: TargetState, isDue: boolean, context: TargetContext): TargetStep {
  const counted = isCounting(state) ? countMissed(state, context) : state;
  const judged = judgeSilence(counted, context);
  if (!isDue) return judged;
  // A verdict of silence has said when the next probe goes; it does not go at the same moment.
  if (judged.state.name !== state.name || judged.state.isMute !== state.isMute) return judged;
  if (judged.state.open.length >= MAX_OPEN) {
    return { state: { ...judged.state, next: FULL }, effects: NOTHING };
  }
  return { state: { ...judged.state, next: ASKED }, effects: PROBE };
}

function sent(state: TargetState, id: number, context: TargetContext): TargetStep {
  const { now, patienceMs } = context;
  const open = [...state.open, { id, sentAt: now, isMissed: false }];
  const slowed = { ...state, open, lastSentAt: now, downGapMs: nextDownGapMs(state, now) };
  let next: NextProbe = FULL;
  if (open.length < MAX_OPEN) {
    if (state.name === 'down') next = { kind: 'at', at: after(now, slowed.downGapMs) };
    else next = state.isMute ? { kind: 'round' } : { kind: 'at', at: after(now, patienceMs) };
  }
  return judgeSilence({ ...slowed, next }, context);
}

function ended(
  state: TargetState,
  id: number,
  finding: Finding,
  context: TargetContext,
): TargetStep {
  const probe = state.open.find((candidate) => candidate.id === id);
  if (probe === undefined) return { state, effects: NOTHING };
  switch (finding.kind) {
    case 'none':
      return { state: forgetProbe(state, probe, finding.fault, context), effects: NOTHING };
    case 'silence':
      return unanswered(state, probe, finding, context);
    case 'refusal':
      return told(state, finding, context);
    case 'answer':
      return told(state, finding, context);
  }
}

/** The probe proved nothing: as if it had not been sent, but that the next one keeps its distance. */
function forgetProbe(
  state: TargetState,
  probe: OpenProbe,
  voidFault: Fault,
  context: TargetContext,
): TargetState {
  const open = state.open.filter((candidate) => candidate !== probe);
  const failures = state.failures - (probe.isMissed ? 1 : 0);
  if (open.length > 0 || state.next.kind === 'asked') {
    const { next } = state;
    const isRoomAgain = next.kind === 'full';
    return {
      ...state,
      open,
      failures,
      voidFault,
      next: isRoomAgain ? afterGap(state, context.patienceMs, context.now) : next,
    };
  }
  const isDown = state.name === 'down';
  const next: NextProbe = isDown ? afterDownGap(state, context.now) : { kind: 'round' };
  return {
    ...state,
    open,
    failures,
    voidFault,
    silentSince: undefined,
    next,
    checkAt: undefined,
  };
}

function unanswered(
  state: TargetState,
  probe: OpenProbe,
  finding: Finding,
  context: TargetContext,
): TargetStep {
  const { now, patienceMs } = context;
  const closed: TargetState = {
    ...state,
    open: state.open.filter((candidate) => candidate !== probe),
    failures: state.failures + (probe.isMissed ? 0 : 1),
    successes: 0,
    deviations: 0,
    silentSince: state.silentSince ?? probe.sentAt,
    voidFault: undefined,
    reason: state.name === 'down' || state.isMute ? finding : state.reason,
  };
  let next = state.next;
  if (next.kind !== 'asked') {
    if (state.name === 'down') next = afterDownGap(state, now);
    else if (!state.isMute) next = afterGap(state, patienceMs, now);
    else if (next.kind === 'full') next = { kind: 'round' };
  }
  return judgeSilence({ ...closed, next }, context);
}

/** An answer, or a refusal: it ends what was open, and any row of silence with it. */
function told(state: TargetState, finding: Finding, context: TargetContext): TargetStep {
  const missed = state.open.reduce((sum, probe) => sum + (probe.isMissed ? 1 : 0), 0);
  const settled: TargetState = {
    ...state,
    open: [],
    silentSince: undefined,
    checkAt: undefined,
    isHeard: true,
    isMute: false,
    voidFault: undefined,
    // Silence of a target that was never heard is no row that a first bad answer could end.
    failures: state.isMute ? 0 : state.failures - missed,
  };
  const effects = state.open.length > 1 ? CANCEL_OPEN : NOTHING;
  const judged =
    finding.verdict === 'bad' ? bad(settled, finding, context) : alive(settled, finding, context);
  return { state: judged, effects };
}

function bad(state: TargetState, finding: Finding, context: TargetContext): TargetState {
  const { now, plan } = context;
  const holdMs = finding.kind === 'answer' ? finding.holdMs : 0;
  const counted = { ...state, failures: state.failures + 1, successes: 0, deviations: 0 };
  const isOver = counted.failures >= plan.fall || holdMs > 0;
  let judged = isOver && state.name !== 'down' ? enterDown(counted, context) : counted;
  if (judged.name === 'down') judged = { ...judged, reason: finding };
  if (holdMs > 0) return { ...judged, next: { kind: 'at', at: after(now, holdMs) } };
  if (judged.name === 'down') return { ...judged, next: afterDownGap(judged, now) };
  return { ...judged, next: { kind: 'at', at: after(now, RECHECK_MS) } };
}

function alive(state: TargetState, finding: Finding, context: TargetContext): TargetState {
  const { now, plan } = context;
  const name = finding.verdict === 'impaired' ? 'impaired' : 'up';
  const counted = { ...state, failures: 0, successes: state.successes + 1 };
  if (state.name === name) {
    return { ...counted, deviations: 0, reason: finding, next: { kind: 'round' } };
  }
  const deviations = state.deviations + 1;
  const isOver =
    state.name === 'unknown' ||
    (state.name === 'down'
      ? counted.successes >= plan.rise
      : deviations >= (name === 'up' ? plan.rise : plan.fall));
  if (isOver) {
    const next: NextProbe = { kind: 'round' };
    return { ...counted, name, since: now, deviations: 0, reason: finding, next };
  }
  return { ...counted, deviations, next: { kind: 'at', at: after(now, RECHECK_MS) } };
}

/** Only where a row of silence can still decide something. */
function isCounting(state: TargetState): boolean {
  return state.open.length > 0 && state.name !== 'down' && !state.isMute;
}

function countMissed(state: TargetState, { now, patienceMs }: TargetContext): TargetState {
  let failures = state.failures;
  const open = state.open.map((probe) => {
    if (probe.isMissed || after(probe.sentAt, patienceMs) > now) return probe;
    failures += 1;
    return { ...probe, isMissed: true };
  });
  return failures === state.failures ? state : { ...state, open, failures };
}

/** Ends a row of silence that is long enough, or says when to look again. */
function judgeSilence(state: TargetState, context: TargetContext): TargetStep {
  const checkAt = silenceOverAt(state, context);
  if (checkAt === undefined || checkAt > context.now || state.failures < context.plan.fall) {
    return { state: checkAt === state.checkAt ? state : { ...state, checkAt }, effects: NOTHING };
  }
  if (state.isHeard) {
    const down = enterDown(state, context);
    const next = afterDownGap(down, context.now);
    return { state: { ...down, reason: SILENCE, next }, effects: NOTHING };
  }
  const mute: TargetState = {
    ...state,
    isMute: true,
    reason: SILENCE,
    next: { kind: 'round' },
    checkAt: undefined,
  };
  return { state: mute, effects: NOTHING };
}

/** When the present row of silence will be judged next; undefined when nothing is to be judged. */
function silenceOverAt(state: TargetState, context: TargetContext): Instant | undefined {
  if (state.name === 'down' || state.isMute) return undefined;
  const since = state.silentSince ?? state.open[0]?.sentAt;
  if (since === undefined) return undefined;
  if (state.failures >= context.plan.fall) return after(since, context.timeoutMs);
  const young = state.open.find((probe) => !probe.isMissed);
  return young === undefined ? undefined : after(young.sentAt, context.patienceMs);
}
