/**
 * By RPC alone: which change of a dispatcher's members comes next. One at a time, since Kamailio takes no second one
 * within 5 s; and calls find a server of their set at each moment. Pure.
 *
 *   missing -> add
 *   excess  -> remove, where another one takes the calls of the set meanwhile; or its contract went
 *           -> add a stand-in before: the same server under another URI; it goes last
 */
import type { Destination } from './destinations.ts';
import type { Held } from './dispatcher-list.ts';
import type { MemberDrift } from './dispatcher-members.ts';

export type Change =
  | { readonly kind: 'add'; readonly destination: Destination }
  /** Kamailio removes by address: whatever else of the set has the same URI goes, too, and comes back. */
  | { readonly kind: 'remove'; readonly set: number; readonly uri: string };

/** Undefined: there is nothing to do, or nothing that may be done. */
export function nextChange(
  destinations: readonly Destination[],
  { missing, excess }: MemberDrift,
  held: readonly Held[],
): Change | undefined {
  const [destination] = missing;
  if (destination !== undefined) return { kind: 'add', destination };
  const inOrder = excess.toSorted((a, b) => Number(isStandIn(a)) - Number(isStandIn(b)));
  const seen = new Set<string>();
  for (const one of inOrder) {
    const { set, uri } = one;
    if (seen.has(`${set} ${uri}`)) continue;
    seen.add(`${set} ${uri}`);
    const wanted = destinations.filter((other) => other.set === set);
    const substituted = wanted.find((other) => other.uri === uri);
    const left = held.filter((other) => other.set !== set || other.uri !== uri);
    if (mayGo(one, left, wanted.length > 0, substituted !== undefined)) {
      return { kind: 'remove', set, uri };
    }
    if (substituted !== undefined) return { kind: 'add', destination: standInOf(substituted) };
  }
  return undefined;
}

/** `left`: all that the dispatcher has then. */
function mayGo(
  { set, state }: Held,
  left: readonly Held[],
  isSetWanted: boolean,
  mayHaveStandIn: boolean,
): boolean {
  // Kamailio without any destination refuses all calls, and the next list command.
  if (!isSetWanted) return left.length > 0;
  const others = left.filter((other) => other.set === set);
  if (others.some((other) => other.state === 'active')) return true;
  return others.length > 0 && (state !== 'active' || !mayHaveStandIn);
}

/** URI parameters that nobody knows change nothing in where a request goes. */
function standInOf(destination: Destination): Destination {
  const { duid, uri } = destination;
  return { ...destination, duid: `${duid}${STAND_IN}`, uri: `${uri};trunkd=standin` };
}

function isStandIn({ duid }: Held): boolean {
  return duid.endsWith(STAND_IN);
}

const STAND_IN = '+';
