/** Tells how long a start or a reload takes until everybody is bound, in one line: a slow start is no fault. */
import type { SpecDiff } from '../config/diff.ts';
import type { Clock } from '../core/base/clock.ts';
import { after } from '../core/base/instant.ts';
import { forecastBringUp } from '../core/registration/forecast.ts';
import type { RegistrationSpec } from '../core/registration/spec.ts';
import { compareSpecs } from '../core/registration/spec-change.ts';
import type { PacingSpec } from '../core/sip/user-agent/ports.ts';
import type { DaemonLog } from '../observe/log.ts';
import type { WallClock } from '../observe/wall-clock.ts';

export interface ForecastPorts {
  readonly clock: Clock;
  readonly log: DaemonLog;
  readonly wallClock: WallClock;
}

/** No line where nothing is to be bound, or `pacing` sets no limit. */
export function tellForecast(
  specs: Iterable<RegistrationSpec>,
  pacing: PacingSpec,
  { clock, log, wallClock }: ForecastPorts,
): void {
  const forecast = forecastBringUp(specs, pacing);
  if (forecast === undefined) return;
  const { bindings, hop, bindingsThere, durationSec } = forecast;
  const expectedAt = wallClock.iso(after(clock.now(), durationSec * 1000));
  const { perTarget } = pacing;
  log.write('info', 'registrations.forecast', {
    bindings,
    registrar: hop.host,
    bindingsThere,
    perTarget,
    durationSec,
    expectedAt,
    text: `All are bound in ${durationSec} s if the registrars answer: the pace is ${perTarget} requests a second to each target (pacing).`,
  });
}

/** Who registers anew after a reload. */
export function comersOf({ registrations }: SpecDiff): readonly RegistrationSpec[] {
  const { added, changed, renamed } = registrations;
  const anew = changed.filter(({ before, after }) => {
    const { needsNewBinding, hasNewCredentials } = compareSpecs(before, after);
    return needsNewBinding || hasNewCredentials || isSwitchedOn(before, after);
  });
  return [...added, ...[...renamed, ...anew].map(({ after }) => after)];
}

function isSwitchedOn(before: RegistrationSpec, after: RegistrationSpec): boolean {
  return before.profile.admin !== 'up' && after.profile.admin === 'up';
}
