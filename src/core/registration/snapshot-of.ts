/** What is shown of one registration, put together when somebody asks. */
import type { Instant } from '../base/instant.ts';
import { seenOver } from './bound-flows.ts';
import { type Entry, hasTrait, TRAIT } from './entry.ts';
import { isBound } from './machine-state.ts';
import { contactUri } from './request.ts';
import type { RegistrationSnapshot } from './snapshot.ts';

/** When something happens next: its own plan, or that of the line in which it waits. */
export function nextAttemptAt({ state, place, gate, registrar }: Entry): Instant | undefined {
  if (state.name === 'off' || state.name === 'unregistering') return undefined;
  if (place === 'line') return gate?.nextTryAt ?? state.dueAt;
  if (place === 'guarded') return registrar.guard.nextTryAt;
  return state.dueAt;
}

export function snapshotOf(entry: Entry, now: Instant): RegistrationSnapshot {
  const { spec, state, contactPoint, lastCode, lastReason, way } = entry;
  const { attempts, requests, succeeded, failed, lapses } = entry;
  const bound = isBound(state, now);
  return {
    spec,
    state: state.name,
    bound,
    since: state.since,
    cause: state.cause,
    order: entry.rare?.override,
    contact: contactPoint === undefined ? undefined : contactUri(spec, contactPoint),
    grantedExpiresSec: state.grantedSec === 0 ? undefined : state.grantedSec,
    expiresAt: state.boundUntil,
    nextAttemptAt: nextAttemptAt(entry),
    target: entry.gate?.key,
    lastResponse: lastCode === 0 ? undefined : { code: lastCode, reason: lastReason },
    hasOutbound: state.boundUntil !== undefined && hasTrait(entry, TRAIT.hasOutbound),
    facts: bound ? entry.rare?.facts : undefined,
    seenAs: seenOver(way),
    keepAlive: way?.kept?.method,
    callId: entry.callId,
    cseq: entry.cseq,
    counters: { attempts, requests, succeeded, failed, lapses },
  };
}
