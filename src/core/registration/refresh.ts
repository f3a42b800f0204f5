/**
 * When a granted binding is refreshed (design.md 6, RFC 3261 section 10.2.4). The grant counts from
 * the sending of the request, so that we err on the early side:
 *
 *   sent                     G-M-0.1G    G-M              G
 *    |--------------------------|#########|----- M -------|    a refresh is drawn from ###
 *    |-------|##############################|                  the first one from [0.2 G, G-M]
 */
import { after, type Instant } from '../base/instant.ts';
import { emptiestSecond, type RefreshSlots } from './refresh-slots.ts';

const LEAST_MARGIN_MS = 90_000;
/** Not more than one refresh in this time, unless the grant is so short that it has to be. */
const SHORTEST_PERIOD_MS = 5_000;
/** A grant of a second or two is refreshed once a second at most, whatever becomes of it. */
const FLOOR_MS = 1_000;
const WIDE_WINDOW_MS = 4_000;
/** Below that pace there is nothing to level: the emptiest second does. */
const LEVEL_FROM_PER_SEC = 4;
/**
 * How full a second may get, against the mean. The first round has less time than a later one, since
 * all of it has to end within G-M; later ones get what hardly shortens the time between two refreshes.
 */
const FIRST_ROUND_LEVEL = 1.1;
const LATER_LEVEL = 1.03;

/** The part of a grant that is kept for failed attempts: min(G/2, max(0.1 G, 90 s)). */
export function marginMs(grantedSec: number): number {
  const grantMs = grantedSec * 1000;
  return Math.min(grantMs / 2, Math.max(grantMs / 10, LEAST_MARGIN_MS));
}

export interface RefreshWindow {
  readonly earliest: Instant;
  readonly latest: Instant;
  /** Many bindings were made together just now. */
  readonly spread: boolean;
}

export interface RefreshCounters {
  /** Undefined: the registrar has too few registrations to keep any. */
  readonly registrar: RefreshSlots | undefined;
  readonly overall: RefreshSlots;
  /** How many refreshes a second all registrations with the registrar come to, by what each asks for or was granted. */
  readonly perSec: number;
}

/** How long a binding lasts on average until it is refreshed, in whole seconds. */
export function refreshPeriodSec(grantedSec: number): number {
  return Math.max(1, Math.round(0.95 * grantedSec - marginMs(grantedSec) / 1000));
}

/** Where the refresh may lie; `spread` when many bindings were made together just now. */
export function refreshWindow(sentAt: Instant, grantedSec: number, spread: boolean): RefreshWindow {
  const grantMs = grantedSec * 1000;
  const latestMs = grantMs - marginMs(grantedSec);
  const earliestMs = spread ? Math.min(0.2 * grantMs, latestMs) : latestMs - 0.1 * grantMs;
  const floorMs = Math.max(FLOOR_MS, Math.min(SHORTEST_PERIOD_MS, latestMs));
  return {
    earliest: after(sentAt, Math.max(floorMs, earliestMs)),
    latest: after(sentAt, Math.max(floorMs, latestMs)),
    spread,
  };
}

/**
 * The time of the refresh: a random moment in the emptiest second of the window, in whole
 * milliseconds. The caller counts it in the slots.
 */
export function refreshAt(
  window: RefreshWindow,
  now: Instant,
  chance: { readonly slot: number; readonly within: number },
  counters: RefreshCounters,
): Instant {
  const earliest = Math.max(window.earliest, now);
  const latest = Math.max(window.latest, earliest);
  // Where the window is wide enough, only whole seconds of it: a part of one would get too many.
  const isWide = latest - earliest >= WIDE_WINDOW_MS;
  const first = isWide ? Math.ceil(earliest / 1000) : Math.floor(earliest / 1000);
  const end = isWide ? Math.floor(latest / 1000) : Math.ceil(latest / 1000);
  const last = Math.max(first, end - 1);
  const second =
    levelSecond(window, first, last, counters) ??
    emptiestSecond(first, last, chance.slot, counters);
  const from = Math.max(earliest, second * 1000);
  const to = Math.min(latest, second * 1000 + 1000);
  return Math.floor(from + chance.within * Math.max(0, to - from)) as Instant;
}

/**
 * A crowd fills the seconds from the earliest on, each up to the mean: the emptiest second would be one
 * that others have yet to plan for, and the wave of a start would come back in every round.
 */
function levelSecond(
  { spread }: RefreshWindow,
  first: number,
  last: number,
  { registrar, perSec }: RefreshCounters,
): number | undefined {
  if (registrar === undefined || perSec < LEVEL_FROM_PER_SEC) return undefined;
  const level = perSec * (spread ? FIRST_ROUND_LEVEL : LATER_LEVEL);
  return registrar.earliestBelow(level, first, last);
}
