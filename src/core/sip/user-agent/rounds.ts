/**
 * How often a challenge is answered inside one exchange (design.md 6, `challenge rounds`; RFC 3261
 * section 22.2 forbids to repeat credentials that were refused): two tries with credentials, a third
 * only after stale=true with a new nonce; a refused *cached* nonce allows one more. Pure.
 */
import type { ChallengeVerdict } from '../digest/session.ts';
import type { Refusal } from './ports.ts';

/** What the request that was just challenged carried. */
export type Carried = 'nothing' | 'cachedNonce' | 'freshNonce';

export interface Rounds {
  readonly carried: Carried;
  /** Requests of this exchange that carried credentials for a nonce obtained in it. */
  readonly freshTries: number;
}

const MAX_FRESH_TRIES = 2;
const MAX_FRESH_TRIES_WHEN_STALE = 3;

export type RoundDecision =
  | { readonly kind: 'repeat'; readonly rounds: Rounds }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export function nextRound(rounds: Rounds, verdict: ChallengeVerdict): RoundDecision {
  switch (verdict.kind) {
    case 'realm':
      return refused({ kind: 'realm', offered: verdict.offered, expected: verdict.expected });
    case 'unusable':
      return refused({ kind: 'unusable', reason: verdict.reason });
    default:
      return afterUsable(rounds, verdict);
  }
}

function afterUsable(
  { carried, freshTries }: Rounds,
  verdict: Extract<ChallengeVerdict, { kind: 'ready' }>,
): RoundDecision {
  const repeat: RoundDecision = {
    kind: 'repeat',
    rounds: { carried: 'freshNonce', freshTries: freshTries + 1 },
  };
  // A cached nonce may have aged: its refusal says nothing of the password, even if it comes back.
  if (carried !== 'freshNonce') return repeat;
  const refusal: Refusal = verdict.stale
    ? { kind: 'loop' }
    : { kind: 'credentials', realm: verdict.realm };
  if (!verdict.newNonce) return refused(refusal);
  const limit = verdict.stale ? MAX_FRESH_TRIES_WHEN_STALE : MAX_FRESH_TRIES;
  if (freshTries < limit) return repeat;
  return refused(refusal);
}

function refused(refusal: Refusal): RoundDecision {
  return { kind: 'refused', refusal };
}
