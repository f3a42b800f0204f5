/**
 * The health of one target, out of the findings of its probes. reliability 3.7, design.md 6.
 *
 * Each step writes the next state into the one that it is given, which belongs to the keeper: a new object
 * for each step was a third of all that a probe left behind. Nothing else is read or written, so that the
 * same state, input and context always give the same.
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
} from './target-state.ts';
import { type Finding, isSameFinding } from './verdict.ts';

/** From a result that is to be confirmed to the next probe. */
const RECHECK_MS = 1_000;
/** Probes of one target that may be open at once. */
export const MAX_OPEN = 4;
const ASKED: NextProbe = { kind: 'asked' };
const FULL: NextProbe = { kind: 'full' };
const NONE_OPEN: readonly OpenProbe[] = [];
const NOTHING: readonly TargetEffect[] = [];
const PROBE: readonly TargetEffect[] = [{ kind: 'probe' }];
const CANCEL_OPEN: readonly TargetEffect[] = [{ kind: 'cancelOpen' }];
/** What probes that are still open say when their time is over. */
const SILENCE: Finding = {
  kind: 'silence',
  verdict: 'bad',
  fault: fault('timeout.response', 'peer'),
};

/** One input; the keeper carries the effects out afterwards, in order. */
export function stepTarget(
  state: TargetState,
  input: TargetInput,
  context: TargetContext,
): readonly TargetEffect[] {
  switch (input.kind) {
    case 'tick':
      return ticked(state, input.isDue, context);
    case 'sent':
      sent(state, input.id, context);
      return NOTHING;
    case 'ended':
      return ended(state, input.id, input.finding, context);
  }
}

function ticked(
  state: TargetState,
  isDue: boolean,
  context: TargetContext,
): readonly TargetEffect[] {
  const { name, isMute } = state;
  if (isCounting(state)) countMissed(state, context);
  judgeSilence(state, context);
  // A verdict of silence has said when the next probe goes; it does not go at the same moment.
  if (!isDue || state.name !== name || state.isMute !== isMute) return NOTHING;
  const isFull = state.open.length >= MAX_OPEN;
  state.next = isFull ? FULL : ASKED;
  return isFull ? NOTHING : PROBE;
}

function sent(state: TargetState, id: number, context: TargetContext): void {
  const { now, patienceMs } = context;
  const probe: OpenProbe = { id, sentAt: now, isMissed: false };
  state.open = state.open.length === 0 ? [probe] : [...state.open, probe];
  state.downGapMs = nextDownGapMs(state, now);
  state.lastSentAt = now;
  if (state.open.length >= MAX_OPEN) state.next = FULL;
  else if (state.name === 'down') state.next = { kind: 'at', at: after(now, state.downGapMs) };
  else state.next = state.isMute ? { kind: 'round' } : { kind: 'at', at: after(now, patienceMs) };
  judgeSilence(state, context);
}

function ended(
  state: TargetState,
  id: number,
  finding: Finding,
  context: TargetContext,
): readonly TargetEffect[] {
  const probe = state.open.find((candidate) => candidate.id === id);
  if (probe === undefined) return NOTHING;
  switch (finding.kind) {
    case 'none':
      forgetProbe(state, probe, finding.fault, context);
      return NOTHING;
    case 'silence':
      unanswered(state, probe, finding, context);
      return NOTHING;
    case 'refusal':
    case 'answer':
    case 'connected':
      return told(state, finding, context);
  }
}

/** The probe proved nothing: as if it had not been sent, but that the next one keeps its distance. */
function forgetProbe(
  state: TargetState,
  probe: OpenProbe,
  voidFault: Fault,
  context: TargetContext,
): void {
  state.open = state.open.filter((candidate) => candidate !== probe);
  state.failures -= probe.isMissed ? 1 : 0;
  if (state.voidFault?.code !== voidFault.code) state.voidSince = probe.sentAt;
  state.voidFault = voidFault;
  if (state.open.length > 0 || state.next.kind === 'asked') {
    if (state.next.kind === 'full') state.next = afterGap(state, context.patienceMs, context.now);
    return;
  }
  state.silentSince = undefined;
  state.checkAt = undefined;
  state.next = state.name === 'down' ? afterDownGap(state, context.now) : { kind: 'round' };
}

function unanswered(
  state: TargetState,
  probe: OpenProbe,
  finding: Finding,
  context: TargetContext,
): void {
  const { now, patienceMs } = context;
  state.open = state.open.filter((candidate) => candidate !== probe);
  state.failures += probe.isMissed ? 0 : 1;
  state.successes = 0;
  state.deviations = 0;
  state.silentSince ??= probe.sentAt;
  state.voidFault = undefined;
  if (state.name === 'down' || state.isMute) state.reason = finding;
  if (state.next.kind !== 'asked') {
    if (state.name === 'down') state.next = afterDownGap(state, now);
    else if (!state.isMute) state.next = afterGap(state, patienceMs, now);
    else if (state.next.kind === 'full') state.next = { kind: 'round' };
  }
  judgeSilence(state, context);
}

/** An answer, or a refusal: it ends what was open, and any row of silence with it. */
function told(
  state: TargetState,
  finding: Finding,
  context: TargetContext,
): readonly TargetEffect[] {
  const { open } = state;
  // Silence of a target that was never heard is no row that a first bad answer could end.
  if (state.isMute) state.failures = 0;
  else for (const { isMissed } of open) if (isMissed) state.failures -= 1;
  state.open = NONE_OPEN;
  state.silentSince = undefined;
  state.checkAt = undefined;
  state.isHeard = true;
  state.isMute = false;
  state.voidFault = undefined;
  if (finding.verdict === 'bad') bad(state, finding, context);
  else alive(state, finding, context);
  return open.length > 1 ? CANCEL_OPEN : NOTHING;
}

function bad(state: TargetState, finding: Finding, context: TargetContext): void {
  const { now, plan } = context;
  const holdMs = finding.kind === 'answer' ? finding.holdMs : 0;
  state.failures += 1;
  state.successes = 0;
  state.deviations = 0;
  const isOver = state.failures >= plan.fall || holdMs > 0;
  if (isOver && state.name !== 'down') enterDown(state, context);
  if (state.name === 'down') state.reason = finding;
  if (holdMs > 0) state.next = { kind: 'at', at: after(now, holdMs) };
  else if (state.name === 'down') state.next = afterDownGap(state, now);
  else state.next = { kind: 'at', at: after(now, plan.recheckMs ?? RECHECK_MS) };
}

function alive(state: TargetState, finding: Finding, context: TargetContext): void {
  const { now, plan } = context;
  const name = finding.verdict === 'impaired' ? 'impaired' : 'up';
  state.failures = 0;
  state.successes += 1;
  if (state.name !== name) {
    state.deviations += 1;
    const isOver =
      state.name === 'unknown' ||
      (state.name === 'down'
        ? state.successes >= plan.rise
        : state.deviations >= (name === 'up' ? plan.rise : plan.fall));
    if (!isOver) {
      state.next = { kind: 'at', at: after(now, plan.recheckMs ?? RECHECK_MS) };
      return;
    }
    state.name = name;
    state.since = now;
  }
  state.deviations = 0;
  // What says the same again is not kept: an old object costs nothing, a new one is swept some day.
  if (!isSameFinding(state.reason, finding)) state.reason = finding;
  state.next = { kind: 'round' };
}

/** Only where a row of silence can still decide something. */
function isCounting(state: TargetState): boolean {
  return state.open.length > 0 && state.name !== 'down' && !state.isMute;
}

function countMissed(state: TargetState, { now, patienceMs }: TargetContext): void {
  let { failures } = state;
  const open = state.open.map((probe) => {
    if (probe.isMissed || after(probe.sentAt, patienceMs) > now) return probe;
    failures += 1;
    return { ...probe, isMissed: true };
  });
  if (failures === state.failures) return;
  state.failures = failures;
  state.open = open;
}

/** Ends a row of silence that is long enough, or says when to look again. */
function judgeSilence(state: TargetState, context: TargetContext): void {
  const checkAt = silenceOverAt(state, context);
  if (checkAt === undefined || checkAt > context.now || state.failures < context.plan.fall) {
    state.checkAt = checkAt;
  } else if (state.isHeard) {
    enterDown(state, context);
    state.reason = SILENCE;
    state.next = afterDownGap(state, context.now);
  } else {
    state.isMute = true;
    state.voidFault = undefined;
    state.reason = SILENCE;
    state.next = { kind: 'round' };
    state.checkAt = undefined;
  }
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
