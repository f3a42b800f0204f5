/**
 * Which target a registration tries next. In this order: the one that holds its binding, unless a better
 * one is back (`failback`); those without a penalty by rank and weight (RFC 2782); those with
 * one; and only when nothing else is left a target that is known as dead or busy, where the fewest wait.
 */
import { after, type Instant } from '../base/instant.ts';
import type { Random } from '../base/random.ts';
import { drawOrder } from '../sip/locate/share-load.ts';
import { isSameTarget, type Target } from '../sip/locate/target.ts';
import type { Course } from './course.ts';
import type { Entry } from './entry.ts';
import { isHomeTime, rankOf } from './failback.ts';
import { ADAPTED, isBound } from './machine-state.ts';
import type { TargetGate } from './target-gate.ts';

/** A target that left the DNS goes on to be used for this long where it holds a binding (features D8). */
const OBSOLETE_HOLD_MS = 300_000;
const SAME_TRY = ADAPTED.minExpires | ADAPTED.callId;

/** What the choice needs to know of the others. */
export interface ChoiceView {
  readonly now: Instant;
  readonly random: Random;
  /** Undefined: nobody has been there, so that nothing is held against it. */
  gateAt(target: Target): TargetGate | undefined;
}

/** The target to begin with; `targets` are those that the locator gave. */
export function firstTarget(entry: Entry, targets: readonly Target[], view: ChoiceView): Target {
  const holder = holderOf(entry, view.now);
  if (holder !== undefined && !holder.isClosed) {
    const stay = staysOrReturns(entry, holder, targets, view);
    if (stay !== undefined) return stay;
  }
  const open = openTarget(targets, view);
  if (open !== undefined) return open;
  return holder !== undefined && !isFree(entry)
    ? holder.target
    : shortestLine(holder, targets, view);
}

/**
 * All are closed. Whoever is the first to answer again has to be found out, so each of them needs somebody in
 * line who tries it; a binding that lives at one that is dead ties nobody to it.
 */
function shortestLine(
  holder: TargetGate | undefined,
  targets: readonly Target[],
  view: ChoiceView,
): Target {
  const lengthAt = (target: Target): number => view.gateAt(target)?.lineLength ?? 0;
  const isHeld = holder !== undefined && targets.some((one) => isSameTarget(one, holder.target));
  let best = isHeld ? holder.target : (targets[0] as Target);
  for (const target of drawOrder(targets, view.random)) {
    if (lengthAt(target) < lengthAt(best)) best = target;
  }
  return best;
}

/** False for a removal, and for a try of which the first request was answered: they belong to one target. */
function isFree({ state }: Entry): boolean {
  return state.name !== 'unregistering' && (state.adapted & SAME_TRY) === 0;
}

/** The next one after a failure; undefined when all that are open have been tried. */
export function nextTarget(
  targets: readonly Target[],
  course: Course,
  view: ChoiceView,
): Target | undefined {
  const untried = targets.filter((target) => !course.hasTried(target));
  return openTarget(untried, view);
}

/** How many targets are open besides that one, and were not tried. */
export function countOthers(
  target: Target,
  targets: readonly Target[],
  course: Course | undefined,
  view: ChoiceView,
): number {
  if (targets.length === 1 && targets[0] === target) return 0;
  return targets.filter(
    (one) =>
      !isSameTarget(one, target) &&
      course?.hasTried(one) !== true &&
      view.gateAt(one)?.isClosed !== true,
  ).length;
}

/** The best one that is open, drawn by weight inside a rank; those with a penalty come last. */
function openTarget(targets: readonly Target[], view: ChoiceView): Target | undefined {
  let avoided: Target | undefined;
  for (const target of drawOrder(targets, view.random)) {
    const gate = view.gateAt(target);
    if (gate?.isClosed === true) continue;
    if (gate?.penalty.isAvoided(view.now) !== true) return target;
    avoided ??= target;
  }
  return avoided;
}

/** Where its binding is, or where it was asked to change something and try again. */
function holderOf({ gate, state }: Entry, now: Instant): TargetGate | undefined {
  const isSameTry = (state.adapted & SAME_TRY) !== 0;
  const holds = isBound(state, now) && state.failures === 0;
  return isSameTry || holds || state.name === 'unregistering' ? gate : undefined;
}

/** Undefined: the holder left the DNS, and has had its time; or it was never there, but where a redirection led. */
function staysOrReturns(
  entry: Entry,
  { target }: TargetGate,
  targets: readonly Target[],
  view: ChoiceView,
): Target | undefined {
  const { registrar } = entry;
  const isRefresh = isFree(entry);
  const own = targets.find((one) => isSameTarget(one, target));
  if (own === undefined) {
    if (entry.rare?.trail !== undefined) return undefined;
    const isHeld = view.now < after(registrar.movedAt, OBSOLETE_HOLD_MS);
    return isHeld || !isRefresh ? target : undefined;
  }
  const better = isRefresh ? betterTarget(entry, own, targets, view) : undefined;
  return better ?? target;
}

/** One of a better rank to which bindings may return (features D6). */
function betterTarget(
  entry: Entry,
  own: Target,
  targets: readonly Target[],
  view: ChoiceView,
): Target | undefined {
  const { failback } = entry.spec.profile;
  if (failback === 'parking') return undefined;
  if (failback !== 'homing' && !isHomeTime(entry, view.now)) return undefined;
  const ownRank = rankOf(own, targets);
  if (ownRank <= (targets[0]?.standing?.rank ?? 0)) return undefined;
  const better = targets.filter((one, index) => (one.standing?.rank ?? index) < ownRank);
  return drawOrder(better, view.random).find((one) => {
    const gate = view.gateAt(one);
    if (gate === undefined) return true;
    if (!gate.isFree(view.now)) return false;
    return failback === 'homing'
      ? gate.penalty.letsReturn(view.now)
      : !gate.penalty.isAvoided(view.now);
  });
}
