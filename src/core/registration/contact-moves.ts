/** How the Contact of a registration moves, and which old bindings of ours go with the next request. */
import { toWire } from '../sip/message/wire-text.ts';
import type { Entry } from './entry.ts';
import { contactUri, moreContactUris } from './request.ts';

const NOTHING_REMOVED: readonly string[] = [];

/** What goes with the next request: where we were reached before, and old bindings of ours if asked for. */
export function removedUris({ spec, formerPoint, rare }: Entry): readonly string[] {
  const { profile } = spec;
  const others = profile.onForeign === 'removeOwnStale' ? rare?.facts?.others : undefined;
  const stale = others?.flatMap(({ uri, isStale }) => (isStale ? [uri] : [])) ?? NOTHING_REMOVED;
  if (formerPoint === undefined) return stale;
  const former = [contactUri(spec, formerPoint), ...moreContactUris(spec, formerPoint)];
  return [...new Set([...former.map(toWire), ...stale])];
}

/** With `contact: self` a new connection or route is a new Contact; the one that is bound must not stay. */
export function moveTo(entry: Entry, point: string): void {
  const { contactPoint: old, state } = entry;
  if (old === point) return;
  if (old !== undefined && state.boundUntil !== undefined) entry.formerPoint ??= old;
  if (entry.formerPoint === point) entry.formerPoint = undefined;
  entry.contactPoint = point;
}
