/** Finds registrations without a next step. There are none, unless trunkd has a bug. */
import { elapsedMs, type Instant } from '../base/instant.ts';
import type { Entry } from './entry.ts';

/** A locator answers long before, DNS time-outs included. */
const LOCATING_LIMIT_MS = 60_000;
/** Three requests of at most 32 s, a connection, and their turns at the pacer. */
const EXCHANGE_LIMIT_MS = 300_000;

export function isStuck(entry: Entry, now: Instant): boolean {
  const { state, place, placedAt, timer, position } = entry;
  if (state.name === 'off') return false;
  const stayMs = elapsedMs(placedAt, now);
  switch (place) {
    case 'timer':
      return !timer.isArmed;
    case 'locating':
      return stayMs > LOCATING_LIMIT_MS;
    case 'guarded':
    case 'line':
      return position < 0;
    case 'exchange':
      return stayMs > EXCHANGE_LIMIT_MS;
    case 'nowhere':
      return true;
  }
}
