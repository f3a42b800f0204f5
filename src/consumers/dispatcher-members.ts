/** What of a proxy's list is not as it should be. Pure. */
import type { Destination } from './destinations.ts';
import { addressIn, type Held } from './dispatcher-list.ts';

export interface MemberDrift {
  /** Not there, or with another URI, priority, weight or socket. */
  readonly missing: readonly Destination[];
  /** There, and not to be, or not to be like that: of a set of ours only. */
  readonly excess: readonly Held[];
}

export function keyOf({ set, duid }: { readonly set: number; readonly duid: string }): string {
  return `${set} ${duid}`;
}

/**
 * Sets that are not in `ownSets` are somebody else's, and left alone. Not `isExact`: weight and priority may be
 * others, since without a file a destination would have to go before it can come back; for another socket it does.
 */
export function driftOf(
  destinations: readonly Destination[],
  held: readonly Held[],
  ownSets: ReadonlySet<number> | 'all',
  isExact: boolean,
): MemberDrift {
  const byKey = new Map(held.map((one) => [keyOf(one), one]));
  const wanted = new Map(destinations.map((one) => [keyOf(one), one]));
  return {
    missing: destinations.filter((one) => !isHeld(one, byKey.get(keyOf(one)), isExact)),
    excess: held.filter((one) => {
      const { set } = one;
      if (ownSets !== 'all' && !ownSets.has(set)) return false;
      const there = wanted.get(keyOf(one));
      return there === undefined || (!isExact && !hasSocket(there, one));
    }),
  };
}

function isHeld(wanted: Destination, held: Held | undefined, isExact: boolean): boolean {
  if (held === undefined || held.uri !== wanted.uri) return false;
  if (!isExact) return true;
  return (
    held.priority === wanted.priority && held.weight === wanted.weight && hasSocket(wanted, held)
  );
}

function hasSocket(wanted: Destination, held: Held): boolean {
  return held.socket === undefined || held.socket === (wanted.socket ?? '');
}

/** One text for the members, to know whether they are still those that were told. */
export function membersText(destinations: readonly Destination[]): string {
  return destinations
    .map((one) => `${keyOf(one)} ${one.uri} ${one.priority} ${one.weight} ${one.socket ?? ''}`)
    .sort()
    .join('\n');
}

/** The addresses that a proxy holds of a server are better than a name that does not resolve. */
export function withKnownAddresses(
  destinations: readonly Destination[],
  held: readonly Held[],
): readonly Destination[] {
  return destinations.flatMap((one): readonly Destination[] => {
    if (!one.isName) return [one];
    const known = held.filter(
      ({ set, duid }) => set === one.set && duid.startsWith(`${one.peerServer}@`),
    );
    if (known.length === 0) return [one];
    return known.map(({ set, duid, uri, priority, weight }) => ({
      ...{ set, duid, uri, priority, weight, socket: one.socket, peerServer: one.peerServer },
      state: one.state === 'active' ? undefined : one.state,
      isName: false,
    }));
  });
}

/** Where its destinations are. */
export function addressesOf(held: readonly Held[]): readonly string[] {
  return held.flatMap(({ uri }) => addressIn(uri) ?? []);
}
