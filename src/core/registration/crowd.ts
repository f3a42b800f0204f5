/** Registrations that are bound again together: spread over some seconds, who runs out first goes first. */
import { after, type Instant } from '../base/instant.ts';
import { type Entry, setTrait, TRAIT } from './entry.ts';

export const CROWD_SPREAD_MS = 5_000;

/** In the order in which their bindings end; unbound ones first. */
export function soonestFirst(entries: readonly Entry[]): readonly Entry[] {
  return entries.toSorted((a, b) => (a.state.boundUntil ?? 0) - (b.state.boundUntil ?? 0));
}

/** When each of them tries, in that order: evenly over `spreadMs`. */
export function turnsOf(
  entries: readonly Entry[],
  spreadMs: number,
  now: Instant,
): readonly { readonly entry: Entry; readonly at: Instant }[] {
  return soonestFirst(entries).map((entry, index) => {
    const at = Math.ceil(after(now, (spreadMs * index) / entries.length)) as Instant;
    return { entry, at };
  });
}

/** Crowds that come back together are spread over their next round, as after a start. */
export function markCrowd(entries: readonly Entry[]): void {
  if (entries.length < 2) return;
  for (const entry of entries) setTrait(entry, TRAIT.held, true);
}
