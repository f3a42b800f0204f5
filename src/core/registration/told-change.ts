/** What is told when a registration changed, be it by its one binding or by several together. */
import type { Instant } from '../base/instant.ts';
import type { Entry } from './entry.ts';
import type { RegistrationEvent, RegistrationState } from './events.ts';
import { nextAttemptAt } from './snapshot-of.ts';

type Changed = Extract<RegistrationEvent, { type: 'registration.changed' }>;

/**
 * A binding ended: true where we wanted it. Behind a silent proxy of ours it is nobody's lapse but our own, and told
 * as the proxy's; in a pause it is what an operator ordered.
 */
export function countsAsLapse(
  { gate, registrar }: Entry,
  from: RegistrationState,
  to: RegistrationState,
): boolean {
  const isExcused = gate?.isCutOff === true || registrar.guard.isPaused;
  return from !== 'unregistering' && to !== 'off' && !isExcused;
}

/** `entry`: the binding whose cause and next attempt are those of the registration. */
export function changedEvent(
  entry: Entry,
  at: Instant,
  change: Pick<Changed, 'spec' | 'from' | 'state' | 'bound' | 'isLapse'>,
): Changed {
  const { cause } = entry.state;
  const nextAt = nextAttemptAt(entry);
  return { type: 'registration.changed', at, ...change, cause, nextAttemptAt: nextAt };
}
