/**
 * The pace of probes to a target that is down (design.md 6): every 3 s for the first five minutes, so
 * that most outages end within seconds; then doubling up to 30 s, so that a dead server costs little.
 */
import { after, elapsedMs, type Instant } from '../base/instant.ts';
import type { NextProbe, TargetContext, TargetState } from './target-state.ts';

export const DOWN_GAP_MS = 3_000;
/** For how long that distance stays, and up to which it then doubles. */
const DOWN_FAST_FOR_MS = 300_000;
const DOWN_GAP_LONGEST_MS = 30_000;

/** Down from now on: whatever was counted before is over, and probes come fast. */
export function enterDown(state: TargetState, { now, plan }: TargetContext): void {
  state.name = 'down';
  state.since = now;
  state.successes = 0;
  state.deviations = 0;
  state.downGapMs = Math.min(DOWN_GAP_MS, plan.intervalMs);
  // What kept earlier probes from proving anything is over, and not why it is down.
  state.voidFault = undefined;
  state.checkAt = undefined;
}

/** The distance to the probe after the one that is sent now. */
export function nextDownGapMs(state: TargetState, now: Instant): number {
  if (state.name !== 'down' || elapsedMs(state.since, now) < DOWN_FAST_FOR_MS) {
    return state.downGapMs;
  }
  return Math.min(2 * state.downGapMs, DOWN_GAP_LONGEST_MS);
}

/** The next probe of a down target that nothing is known of to its advantage. */
export function afterDownGap(state: TargetState, now: Instant): NextProbe {
  return afterGap(state, state.downGapMs, now);
}

/** `gapMs` after the last probe was sent, or now where that is over. */
export function afterGap({ lastSentAt }: TargetState, gapMs: number, now: Instant): NextProbe {
  const at = lastSentAt === undefined ? now : after(lastSentAt, gapMs);
  return { kind: 'at', at: at > now ? at : now };
}
