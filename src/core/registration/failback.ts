/** `failback: dnsTtl` and `after`: bindings that return home by the clock, whatever others found out there. */
import type { Instant } from '../base/instant.ts';
import { isSameTarget, type Target } from '../sip/locate/target.ts';
import { type Entry, rareOf } from './entry.ts';

/**
 * It was bound. Where that is not at a target of the best rank, its way home begins, and anew when it found that closed.
 * `answerUntil`: when the answer of the DNS is over by which it was sent there; undefined: never.
 */
export function noteHome(entry: Entry, now: Instant, answerUntil: Instant | undefined): void {
  const { failback } = entry.spec.profile;
  if (failback === 'homing' || failback === 'parking') return;
  if (isHome(entry)) {
    if (entry.rare !== undefined) entry.rare.homeAt = -1;
    return;
  }
  const rare = rareOf(entry);
  if (rare.homeAt > now) return;
  rare.homeAt = failback === 'dnsTtl' ? (answerUntil ?? -1) : now + failback.afterMs;
}

/** May it leave for a better target, as far as time is concerned? */
export function isHomeTime({ rare }: Entry, now: Instant): boolean {
  return rare !== undefined && rare.homeAt >= 0 && now >= rare.homeAt;
}

function isHome({ gate, registrar }: Entry): boolean {
  const targets = registrar.targets ?? [];
  const own = targets.find((one) => gate !== undefined && isSameTarget(one, gate.target));
  // Where it stands in no list any more, there is no home to go to.
  return own === undefined || rankOf(own, targets) <= rankOf(targets[0] ?? own, targets);
}

/** Lower ones are better: what the DNS says, else the place in the list. */
export function rankOf(target: Target, targets: readonly Target[]): number {
  return target.standing?.rank ?? targets.indexOf(target);
}
