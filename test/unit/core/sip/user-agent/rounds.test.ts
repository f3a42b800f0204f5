import { describe, expect, it } from 'vitest';
import type { Carried } from '../../../../../src/core/sip/digest/session.ts';
import { nextRound, type Rounds } from '../../../../../src/core/sip/user-agent/rounds.ts';

const ready = (newNonce: boolean, stale: boolean, more: object = {}) =>
  ({
    kind: 'ready',
    newNonce,
    stale,
    isFurther: false,
    isFallback: false,
    realm: 'r',
    ...more,
  }) as const;

/** How many requests a registrar gets that answers every one of them with such a challenge. */
function requestsUntilRefused(
  first: Carried,
  newNonce: boolean,
  stale: boolean,
  more: object = {},
) {
  let rounds: Rounds = { carried: first, freshTries: 0, further: 0 };
  for (let requests = 1; ; requests += 1) {
    const decision = nextRound(rounds, ready(newNonce, stale, more));
    if (decision.kind === 'refused') return { requests, refusal: decision.refusal.kind };
    rounds = decision.rounds;
    if (requests > 10) throw new Error('endless');
  }
}

describe('challenge rounds of one exchange', () => {
  it.each<[string, Carried, boolean, boolean, number, string]>([
    ['same nonce again: the password is wrong', 'nothing', false, false, 2, 'credentials'],
    ['same nonce, stale: no use either', 'nothing', false, true, 2, 'loop'],
    ['new nonces without stale', 'nothing', true, false, 3, 'credentials'],
    ['new nonces, always stale', 'nothing', true, true, 4, 'loop'],
    ['a cached nonce, then the same', 'cachedNonce', false, false, 2, 'credentials'],
    ['a cached nonce, then new ones', 'cachedNonce', true, false, 3, 'credentials'],
    ['a cached nonce, then always stale', 'cachedNonce', true, true, 4, 'loop'],
  ])('%s', (_name, first, newNonce, stale, requests, refusal) => {
    expect(requestsUntilRefused(first, newNonce, stale)).toEqual({ requests, refusal });
  });

  it('gives another algorithm one of the two tries, and no more', () => {
    const same = requestsUntilRefused('nothing', false, false, { isFallback: true });
    expect(same).toEqual({ requests: 3, refusal: 'credentials' });
  });

  it('lets two further servers on the way ask for their own', () => {
    const more = { isFurther: true };
    expect(requestsUntilRefused('nothing', false, false, more).requests).toBe(4);
    // Whatever they say: no exchange has more than five requests with fresh credentials.
    expect(requestsUntilRefused('cachedNonce', true, true, more).requests).toBe(6);
  });

  it('passes on why a challenge cannot be answered', () => {
    const rounds: Rounds = { carried: 'nothing', freshTries: 0, further: 0 };
    expect(nextRound(rounds, { kind: 'unusable', reason: 'only Basic' })).toEqual({
      kind: 'refused',
      refusal: { kind: 'unusable', reason: 'only Basic' },
    });
    const downgrade = { kind: 'downgrade', offered: 'MD5', proven: 'SHA-256' } as const;
    expect(nextRound(rounds, downgrade)).toEqual({ kind: 'refused', refusal: downgrade });
    expect(nextRound(rounds, { kind: 'realm', offered: 'a', expected: 'b' })).toEqual({
      kind: 'refused',
      refusal: { kind: 'realm', offered: 'a', expected: 'b' },
    });
  });
});
