/** What all registrations with one registrar share, by the hop where their requests are sent. */
import type { Instant } from '../base/instant.ts';
import type { NextHop, Target } from '../sip/locate/target.ts';
import type { Entry } from './entry.ts';
import type { LockoutGuard } from './lockout-guard.ts';
import { refreshPeriodSec } from './refresh.ts';
import { RefreshSlots } from './refresh-slots.ts';

/** With fewer registrations the overall slots alone spread them well enough. */
const OWN_SLOTS_FROM = 100;

export interface Registrar {
  readonly key: string;
  readonly hop: NextHop;
  readonly guard: LockoutGuard;
  /** Where it is, as the locator said last; undefined before that. */
  targets: readonly Target[] | undefined;
  /** When the answer is over that named them; undefined: never. */
  targetsUntil: Instant | undefined;
  /** The locator is asked again then, whoever comes due (features D8); undefined: it is being asked, or never. */
  lookAgainAt: Instant | undefined;
  /** When `targets` became others. */
  movedAt: Instant;
  /** When that was told last. */
  toldOfMoveAt: Instant | undefined;
  /** Registrations with it. */
  population: number;
  /** What their refreshes come to. */
  refreshesPerSec: number;
  slots: RefreshSlots | undefined;
  /** Its first hop cannot do outbound (439, RFC 5626 section 11.6): not offered before then. */
  noOutboundUntil: Instant;
  /** What was told last of its challenges: all its registrations see the same change. */
  toldOfAuth: string | undefined;
}

export function joinRegistrar(registrar: Registrar): void {
  registrar.population += 1;
  if (registrar.population >= OWN_SLOTS_FROM) registrar.slots ??= new RefreshSlots();
}

/** Counts the refreshes of a registration by what was granted or is asked for; 0: it has none any more. */
export function countRefreshes(entry: Entry, expiresSec: number): void {
  const periodSec = expiresSec === 0 ? 0 : refreshPeriodSec(expiresSec);
  if (periodSec === entry.periodSec) return;
  entry.registrar.refreshesPerSec += perSec(periodSec) - perSec(entry.periodSec);
  entry.periodSec = periodSec;
}

function perSec(periodSec: number): number {
  return periodSec === 0 ? 0 : 1 / periodSec;
}
