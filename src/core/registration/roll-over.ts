/**
 * Rotation of a password (`auth.next`): where the registrar refuses the credentials in use, the other ones are tried
 * in the same cycle, once. Those that it takes stay in use until they are refused.
 */
import type { Cause } from '../base/cause.ts';
import type { Credentials } from '../sip/digest/ports.ts';
import type { ExchangeOutcome } from '../sip/user-agent/ports.ts';
import { credentialPromoted } from './causes.ts';
import { type Entry, forgetAuth, rareOf, targetName } from './entry.ts';
import { ADAPTED } from './machine-state.ts';
import type { Verdict } from './outcome.ts';
import type { SpecChange } from './spec-change.ts';

/** Those in use. */
export function credentialsOf({ spec, rare }: Entry): Credentials {
  const { credentials } = spec;
  return rare?.usesNext === true ? (credentials.next ?? credentials) : credentials;
}

/** The verdict, or that the same request goes once more with the other credentials. */
export function rolledOver(
  entry: Entry,
  ending: {
    readonly outcome: ExchangeOutcome;
    readonly verdict: Verdict;
    readonly tell: (why: Cause) => void;
  },
): Verdict {
  const { outcome, verdict, tell } = ending;
  if (entry.spec.credentials.next === undefined) return verdict;
  const rare = rareOf(entry);
  if (verdict.kind === 'bound') {
    if (rare.usesNext && !rare.wasPromoted) tell(credentialPromoted(targetName(entry)));
    rare.wasPromoted = rare.usesNext;
    return verdict;
  }
  if (verdict.kind !== 'failed' || !isRefused(outcome)) return verdict;
  const { usesNext } = rare;
  const isSecond = (entry.state.adapted & ADAPTED.credentials) !== 0;
  forgetAuth(entry);
  // Both are refused: the next cycle begins with the present ones.
  rare.usesNext = isSecond ? false : !usesNext;
  return isSecond ? verdict : { kind: 'otherCredentials' };
}

/** Many registrars say 403 to a wrong password; without one it is about something else. */
function isRefused(outcome: ExchangeOutcome): boolean {
  if (outcome.kind === 'failed') return false;
  const { status, refusal, isAuthenticated } = outcome;
  return refusal?.kind === 'credentials' || (status === 403 && isAuthenticated);
}

/** After a reload: is it to prove itself anew at once? Next credentials matter where the present ones are refused. */
export function hasOtherProof({ state, rare }: Entry, change: SpecChange): boolean {
  const needsNext = state.name === 'rejected' || rare?.usesNext === true;
  return change.hasNewCredentials || (change.hasNextCredentials && needsNext);
}
