/** Joins registrations and health, which do not know each other: `requires` of peer servers. */
import type { Prober } from '../core/health/prober.ts';
import type { RegistrationStanding, RegistrationsPort } from '../core/health/requirements.ts';
import type { RegistrationBook, RegistrationSnapshot } from '../core/registration/snapshot.ts';
import type { CoreEvent } from '../observe/events.ts';

/** How registrations stand, as peer servers see them. */
export function standings(book: RegistrationBook): RegistrationsPort {
  return {
    standingOf: (id) => {
      const row = book.snapshot(id);
      return row === undefined ? undefined : standingOf(row);
    },
  };
}

/** A subscriber of the event hub: what happens to a registration is of interest to who requires it. */
export function requiredBy(prober: Prober): (event: CoreEvent) => void {
  return (event) => {
    if (event.type === 'registration.changed' || event.type === 'registration.removed') {
      prober.registrationChanged(event.spec.id);
    }
  };
}

function standingOf({ bound, state, cause, counters }: RegistrationSnapshot): RegistrationStanding {
  if (bound) return { standing: 'bound', cause: undefined };
  const hasEnded = counters.succeeded + counters.failed > 0;
  const isUnderWay = state === 'idle' || state === 'registering' || state === 'waiting';
  return { standing: isUnderWay && !hasEnded ? 'pending' : 'unbound', cause };
}
