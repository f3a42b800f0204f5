/**
 * How long it takes until registrations that have no binding yet are bound, by the pace towards their
 * registrars alone: operators wonder whether a start that takes ten minutes hangs.
 */
import { hopKey, type NextHop } from '../sip/locate/target.ts';
import type { PacingSpec } from '../sip/user-agent/ports.ts';
import type { RegistrationProfile, RegistrationSpec } from './spec.ts';

/** A first REGISTER is challenged, and goes once more with credentials. */
const REQUESTS_EACH = 2;

export interface BringUpForecast {
  /** How many bindings are made, over all hops. */
  readonly bindings: number;
  /** The hop that takes longest, how many bindings it gets, and after how many seconds it has them all. */
  readonly hop: NextHop;
  readonly bindingsThere: number;
  readonly durationSec: number;
}

/**
 * Undefined where nothing is to be bound or there is no pace. A hop with several targets is quicker, one that
 * fails slower; later legs of a serial registration are not counted, since they wait.
 */
export function forecastBringUp(
  specs: Iterable<RegistrationSpec>,
  { perTarget, burst }: PacingSpec,
): BringUpForecast | undefined {
  if (perTarget === 0) return undefined;
  const counters = new Map<string, Counter>();
  const byProfile = new Map<RegistrationProfile, readonly Counter[]>();
  let bindings = 0;
  for (const { profile } of specs) {
    let shared = byProfile.get(profile);
    if (shared === undefined) {
      shared = countersOf(profile, counters);
      byProfile.set(profile, shared);
    }
    for (const counter of shared) counter.count += 1;
    bindings += shared.length;
  }
  let slowest: Counter | undefined;
  for (const one of counters.values()) {
    if (slowest === undefined || one.count > slowest.count) slowest = one;
  }
  if (slowest === undefined) return undefined;
  const { hop, count } = slowest;
  const durationSec = Math.ceil(Math.max(0, count * REQUESTS_EACH - burst) / perTarget);
  return { bindings, hop, bindingsThere: count, durationSec };
}

interface Counter {
  readonly hop: NextHop;
  count: number;
}

/** One for each binding that is made from the begin. */
function countersOf(
  profile: RegistrationProfile,
  counters: Map<string, Counter>,
): readonly Counter[] {
  if (profile.admin !== 'up') return [];
  const { legs } = profile;
  const all = legs?.profiles ?? [profile];
  const wanted = legs?.mode === 'serial' ? all.slice(0, 1) : all;
  return wanted.map(({ hop }) => {
    const key = hopKey(hop);
    const known = counters.get(key) ?? { hop, count: 0 };
    counters.set(key, known);
    return known;
  });
}
