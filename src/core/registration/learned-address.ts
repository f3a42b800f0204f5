/**
 * Our address on one flow, as the other side sees it, and when a change of it is followed: once in 30 s at
 * most (reliability 1.3), and not where it goes to and fro, as behind a registrar that answers through
 * several addresses. Pure.
 *
 *   unknown --first--> followed --another address--> moved (the new one is followed)
 *                        |   ^        within 30 s: later, when they are over
 *     an address that was |   |
 *     left minutes ago    v   | after 10 minutes, whatever holds then
 *                      alternates
 */
import { after, elapsedMs, type Instant } from '../base/instant.ts';

export interface LearnedAddress {
  /** `host:port`, as seen last. */
  readonly seen: string;
  /** What we act by. */
  readonly followed: string;
  readonly changedAt: Instant;
  /** What was followed before, the latest first. */
  readonly former: readonly { readonly address: string; readonly leftAt: Instant }[];
  /** Before that, nothing is followed. */
  readonly heldUntil: Instant;
}

export interface Sighting {
  readonly address: LearnedAddress;
  readonly change: 'none' | 'first' | 'moved' | 'later' | 'alternates';
}

const LEAST_BETWEEN_MS = 30_000;
const ALTERNATES_WITHIN_MS = 600_000;
const HOLD_MS = 600_000;
const MOST_FORMER = 4;

export function sight(known: LearnedAddress | undefined, seen: string, now: Instant): Sighting {
  if (known === undefined) {
    const first = { seen, followed: seen, changedAt: now, former: [], heldUntil: now };
    return { address: first, change: 'first' };
  }
  const { followed, changedAt, former, heldUntil } = known;
  if (seen === followed)
    return { address: known.seen === seen ? known : { ...known, seen }, change: 'none' };
  if (now < heldUntil) return { address: { ...known, seen }, change: 'none' };
  const isBack = former.some(
    ({ address, leftAt }) => address === seen && elapsedMs(leftAt, now) < ALTERNATES_WITHIN_MS,
  );
  if (isBack) {
    const held = { ...known, seen, former: [], heldUntil: after(now, HOLD_MS) };
    return { address: held, change: 'alternates' };
  }
  if (elapsedMs(changedAt, now) < LEAST_BETWEEN_MS) {
    return { address: { ...known, seen }, change: 'later' };
  }
  return { address: moved(known, seen, now), change: 'moved' };
}

/** When what was put off is to be looked at again. */
export function againAt({ changedAt, heldUntil }: LearnedAddress): Instant {
  const next = after(changedAt, LEAST_BETWEEN_MS);
  return heldUntil > next ? heldUntil : next;
}

/** Follows the address whatever was before: something else found out that it is another one. */
export function moved(known: LearnedAddress, seen: string, now: Instant): LearnedAddress {
  const { followed, former, heldUntil } = known;
  const left = [{ address: followed, leftAt: now }, ...former].slice(0, MOST_FORMER);
  return { seen, followed: seen, changedAt: now, former: left, heldUntil };
}
