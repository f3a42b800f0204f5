/**
 * Joins registrations and health, which do not know each other: `requires` of peer servers, and
 * registrars as witnesses that our own network lives.
 */
import type { Prober } from '../core/health/prober.ts';
import type { RegistrationStanding, RegistrationsPort } from '../core/health/requirements.ts';
import type { RegistrationBook, RegistrationSnapshot } from '../core/registration/snapshot.ts';
import { parseNameAddr } from '../core/sip/header/name-addr.ts';
import { isLoopbackAddress, parseTargetKey } from '../core/sip/locate/target.ts';
import type { CoreEvent } from '../observe/events.ts';

/** What of the prober is told of registrations. */
type ProberOfJoin = Pick<
  Prober,
  'wantsReports' | 'witness' | 'registerEnded' | 'registrationChanged'
>;

/** How registrations stand, as peer servers see them. */
export function standings(book: RegistrationBook): RegistrationsPort {
  return {
    standingOf: (id) => {
      const row = book.snapshot(id);
      return row === undefined ? undefined : standingOf(row);
    },
    wayOf: (id) => {
      const row = book.snapshot(id);
      const target = row?.bound === true ? parseTargetKey(row.target ?? '') : undefined;
      if (row === undefined || target === undefined) return undefined;
      const { localSocket, tls } = row.spec.profile;
      return { target, localSocket, tls, route: (row.facts?.serviceRoute ?? []).flatMap(uriOf) };
    },
  };
}

/** A subscriber of the event hub: what happens to a registration is of interest to who requires it. */
export function requiredBy(prober: ProberOfJoin): (event: CoreEvent) => void {
  return (event) => {
    // The answer of a registrar, whatever it says, shows that our own network lives; not one on this machine.
    if (event.type === 'registration.answered') {
      if (typeof event.code === 'number' && !isOnOurselves(event.target)) prober.witness(event.at);
      if (prober.wantsReports) report(prober, event);
    } else if (event.type === 'registration.changed' || event.type === 'registration.removed') {
      prober.registrationChanged(event.spec.id);
    }
  };
}

/** Loopback, and not through a proxy of ours, whose answers come from further away. */
function isOnOurselves(key: string | undefined): boolean {
  const { via, address } = parseTargetKey(key ?? '') ?? {};
  return via === undefined && address !== undefined && isLoopbackAddress(address);
}

/** For servers that are not asked themselves: a REGISTER says how they are. */
function report(
  prober: ProberOfJoin,
  { at, code, fault, target }: CoreEvent & { readonly type: 'registration.answered' },
): void {
  if (target === undefined) return;
  if (fault !== undefined) prober.registerEnded({ at, target, result: { kind: 'failed', fault } });
  else if (typeof code === 'number')
    prober.registerEnded({ at, target, result: { kind: 'registerAnswered', status: code } });
}

/** A value of Service-Route as it may stand in a Route of ours: text of a registrar, so nothing odd gets through. */
function uriOf(value: string): readonly string[] {
  const uri = parseNameAddr(value)?.uri ?? '';
  return /^sips?:[!-;=?-~]+$/i.test(uri) ? [uri] : [];
}

function standingOf({ bound, state, cause, counters }: RegistrationSnapshot): RegistrationStanding {
  if (bound) return { standing: 'bound', cause: undefined };
  const hasEnded = counters.succeeded + counters.failed > 0;
  const isUnderWay = state === 'idle' || state === 'registering' || state === 'waiting';
  return { standing: isUnderWay && !hasEnded ? 'pending' : 'unbound', cause };
}
