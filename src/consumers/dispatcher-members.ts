/** What of a proxy's list is not as it should be. Pure. */
import type { Destination } from './destinations.ts';
import type { Held } from './dispatcher-list.ts';

export interface MemberDrift {
  /** Not there, or with another URI, priority or weight. */
  readonly missing: readonly Destination[];
  /** There, and not to be: of a set of ours only. */
  readonly excess: readonly Held[];
}

export function keyOf({ set, duid }: { readonly set: number; readonly duid: string }): string {
  return `${set} ${duid}`;
}

/**
 * Sets that no contract of ours has are somebody else's, and left alone. Not `isExact`: weight and priority may be
 * others, since without a file a destination would have to go before it can come back.
 */
export function driftOf(
  destinations: readonly Destination[],
  held: readonly Held[],
  ownSets: ReadonlySet<number>,
  isExact: boolean,
): MemberDrift {
  const byKey = new Map(held.map((one) => [keyOf(one), one]));
  const wanted = new Set(destinations.map(keyOf));
  return {
    missing: destinations.filter((one) => !isHeld(one, byKey.get(keyOf(one)), isExact)),
    excess: held.filter((one) => ownSets.has(one.set) && !wanted.has(keyOf(one))),
  };
}

function isHeld(wanted: Destination, held: Held | undefined, isExact: boolean): boolean {
  if (held === undefined || held.uri !== wanted.uri) return false;
  return !isExact || (held.priority === wanted.priority && held.weight === wanted.weight);
}

/** One text for the members, to know whether they are still those that were told. */
export function membersText(destinations: readonly Destination[]): string {
  return destinations
    .map(({ set, duid, uri, priority, weight }) => `${set} ${duid} ${uri} ${priority} ${weight}`)
    .sort()
    .join('\n');
}
