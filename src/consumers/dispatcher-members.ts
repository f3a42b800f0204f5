/** What of a proxy's list is not as it should be. Pure. */
import type { Destination, DestinationState } from './destinations.ts';
import { addressIn, type Held } from './dispatcher-list.ts';

export interface MemberDrift {
  /** Not there, or with another URI, priority, weight or socket. */
  readonly missing: readonly Destination[];
  /** There, and not to be, or not to be like that: ours only. */
  readonly excess: readonly Held[];
  /** Nothing else than weights is different. */
  readonly isOfWeights: boolean;
}

/** Something is known of it. */
export type Judged = Destination & { readonly state: DestinationState };

/** What is ours of a proxy that others use as well: whole sets, and whatever has our mark in any set. */
export interface Own {
  readonly sets: ReadonlySet<number>;
  readonly mark: string;
}

export function keyOf({ set, duid }: { readonly set: number; readonly duid: string }): string {
  return `${set} ${duid}`;
}

/**
 * What is not `own` is somebody else's, and left alone. Not `isExact`: weight and priority may be
 * others, since without a file a destination would have to go before it can come back; for another socket it does.
 */
export function driftOf(
  destinations: readonly Destination[],
  held: readonly Held[],
  own: Own | 'all',
  isExact: boolean,
): MemberDrift {
  const byKey = new Map(held.map((one) => [keyOf(one), one]));
  const wanted = new Map(destinations.map((one) => [keyOf(one), one]));
  const missing = destinations.filter((one) => !isHeld(one, byKey.get(keyOf(one)), isExact));
  const excess = held.filter((one) => {
    if (own !== 'all' && !own.sets.has(one.set) && one.mark !== own.mark) return false;
    const there = wanted.get(keyOf(one));
    return there === undefined || (!isExact && !hasSocket(there, one));
  });
  const isOfWeights =
    excess.length === 0 && missing.every((one) => isHeldBut(one, byKey.get(keyOf(one))));
  return { missing, excess, isOfWeights };
}

/** It is as it should be but for its weight. */
function isHeldBut({ weight: _weight, ...wanted }: Destination, held: Held | undefined): boolean {
  return held !== undefined && isHeld({ ...wanted, weight: held.weight }, held, true);
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

/**
 * The addresses that a proxy holds of a server are better than a name that does not resolve. What it has of it stays,
 * but for the word of an operator that is over.
 */
export function withKnownAddresses(
  destinations: readonly Destination[],
  held: readonly Held[],
): readonly Destination[] {
  return destinations.flatMap((one): readonly Destination[] => {
    if (!one.isName || one.state === 'active') return [one];
    const known = held.filter(
      ({ set, duid }) => set === one.set && duid.startsWith(`${one.peerServer}@`),
    );
    const stateIn = ({ state }: Held) => one.state ?? (state === 'disabled' ? 'active' : undefined);
    const addresses = known.filter(({ duid }) => duid !== one.duid);
    const [name] = known;
    if (addresses.length === 0)
      return [name === undefined ? one : { ...one, state: stateIn(name) }];
    return addresses.map((there) => {
      const { set, duid, uri, priority, weight } = there;
      const { socket, peerServer } = one;
      const state = stateIn(there);
      return { set, duid, uri, priority, weight, socket, peerServer, state, isName: false };
    });
  });
}

/** Where its destinations are. */
export function addressesOf(held: readonly Held[]): readonly string[] {
  return held.flatMap(({ uri }) => addressIn(uri) ?? []);
}

/**
 * In which order states are told, since there are ten a second: first what gets calls where nothing else of its set
 * would, then what gets none any more, then the rest.
 */
export function inSafeOrder(toSet: readonly Judged[], held: readonly Held[]): readonly Judged[] {
  const changing = new Set(toSet.map(keyOf));
  const staying = held.filter((one) => one.state === 'active' && !changing.has(keyOf(one)));
  const alive = new Set(staying.map(({ set }) => set));
  const rank = ({ set, state }: Judged) => (state !== 'active' ? 1 : alive.has(set) ? 2 : 0);
  return toSet.toSorted((a, b) => rank(a) - rank(b));
}
