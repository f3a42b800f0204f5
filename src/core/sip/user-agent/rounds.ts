/**
 * How often a challenge is answered inside one exchange (design.md 6, `challenge rounds`; RFC 3261
 * section 22.2 forbids to repeat credentials that were refused): two tries with credentials, a third
 * only after stale=true with a new nonce; a refused *cached* nonce allows one more, and so does each
 * further server on the way that asks for its own (section 22.3), of which there may be two. Pure.
 */
import type { Carried, ChallengeVerdict } from '../digest/session.ts';
import type { Refusal } from './ports.ts';

export interface Rounds {
  /** What the request carried that was just challenged. */
  readonly carried: Carried;
  /** Requests of this exchange that carried credentials for a nonce obtained in it. */
  readonly freshTries: number;
  /** Servers that asked for their own credentials after the first one had got his. */
  readonly further: number;
}

const MAX_FRESH_TRIES = 2;
const MAX_FRESH_TRIES_WHEN_STALE = 3;
const MAX_FURTHER = 2;

export type RoundDecision =
  | { readonly kind: 'repeat'; readonly rounds: Rounds }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export function nextRound(rounds: Rounds, verdict: ChallengeVerdict): RoundDecision {
  switch (verdict.kind) {
    case 'ready':
      return afterUsable(rounds, verdict);
    case 'realm':
      return refused({ kind: 'realm', offered: verdict.offered, expected: verdict.expected });
    case 'downgrade':
      return refused({ kind: 'downgrade', offered: verdict.offered, proven: verdict.proven });
    case 'unusable':
      return refused({ kind: 'unusable', reason: verdict.reason });
  }
}

function afterUsable(
  { carried, freshTries, further }: Rounds,
  verdict: Extract<ChallengeVerdict, { kind: 'ready' }>,
): RoundDecision {
  // A cached nonce may have aged: its refusal says nothing of the password, even if it comes back.
  if (carried !== 'freshNonce') return repeat(freshTries + 1, further);
  const refusal: Refusal = verdict.stale
    ? { kind: 'loop' }
    : { kind: 'credentials', realm: verdict.realm };
  if (verdict.isFurther && further < MAX_FURTHER) return repeat(freshTries + 1, further + 1);
  if (!verdict.newNonce && !verdict.isFallback) return refused(refusal);
  const limit = verdict.stale ? MAX_FRESH_TRIES_WHEN_STALE : MAX_FRESH_TRIES;
  return freshTries < limit + further ? repeat(freshTries + 1, further) : refused(refusal);
}

function repeat(freshTries: number, further: number): RoundDecision {
  return { kind: 'repeat', rounds: { carried: 'freshNonce', freshTries, further } };
}

function refused(refusal: Refusal): RoundDecision {
  return { kind: 'refused', refusal };
}
