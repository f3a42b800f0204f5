/** Follows the redirections of one registration (redirect.ts: where to; redirect-trail.ts: how far). */
import type { Cause } from '../base/cause.ts';
import type { Instant } from '../base/instant.ts';
import type { ExchangeOutcome } from '../sip/user-agent/ports.ts';
import { redirectFollowed } from './causes.ts';
import { type Entry, rareOf, targetName } from './entry.ts';
import { readable, type Verdict } from './outcome.ts';
import { isRedirection, placesOf } from './redirect.ts';
import { RedirectTrail } from './redirect-trail.ts';

/** What became of one try: when, and whom to tell. */
interface Ending {
  readonly outcome: ExchangeOutcome;
  readonly verdict: Verdict;
  readonly now: Instant;
  readonly tell: (why: Cause) => void;
}

/** Follows a redirection, or goes on to the next place of one that is under way. */
export function redirected(entry: Entry, ending: Ending): Verdict {
  const { outcome, verdict, now } = ending;
  const { redirects } = entry.spec.profile;
  if (redirects === undefined) return verdict;
  const trail = entry.rare?.trail;
  if (outcome.kind === 'response' && isRedirection(outcome.status)) {
    const places = placesOf(outcome.response, entry.spec.profile, redirects);
    if (places.length > 0) {
      const followed = trail ?? new RedirectTrail();
      rareOf(entry).trail = followed;
      if (followed.follow(places)) return elsewhere(entry, followed, ending);
    }
  }
  if (verdict.kind === 'bound') trail?.bound(now);
  if (trail === undefined || verdict.kind !== 'failed') return verdict;
  if (trail.isUnderWay && mayTryNext(outcome) && trail.next()) {
    return elsewhere(entry, trail, ending);
  }
  trail.failed();
  return verdict;
}

function elsewhere(entry: Entry, trail: RedirectTrail, { now, tell }: Ending): Verdict {
  const uri = trail.stop(false, now)?.place.requestUri ?? '';
  if (trail.told !== uri) {
    trail.told = uri;
    tell(redirectFollowed(targetName(entry), readable(uri)));
  }
  return { kind: 'elsewhere' };
}

/** Not where the account itself was refused, or everybody everywhere would refuse it (6xx). */
function mayTryNext(outcome: ExchangeOutcome): boolean {
  if (outcome.kind === 'failed') return outcome.fault.blame !== 'local';
  const { status } = outcome;
  return status !== 401 && status !== 403 && status !== 407 && status < 600;
}
