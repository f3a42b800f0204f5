/** What the API shows of one SIP proxy of ours. */
import type { ProxySnapshot } from '../core/sip/proxy/events.ts';
import { type RenderedCause, renderCause } from './cause.ts';
import { hopText, roundMs } from './status-rows.ts';
import type { WallClock } from './wall-clock.ts';

export interface ProxyRow {
  readonly name: string;
  /** Where we reach it. */
  readonly address: string;
  /** Where it takes calls. */
  readonly contact: string;
  readonly state: ProxySnapshot['state'];
  readonly since: string;
  readonly cause: RenderedCause | null;
  readonly target: string | null;
  readonly rttMs: number | null;
  readonly lastResponse: { readonly code: number; readonly reason: string } | null;
  readonly nextProbeAt: string | null;
}

export function proxyRow(row: ProxySnapshot, wallClock: WallClock): ProxyRow {
  const { spec, state, since, cause, target, rttMs, lastResponse, nextProbeAt } = row;
  return {
    name: spec.name,
    address: hopText(spec.hop),
    contact: spec.contact,
    state,
    since: wallClock.iso(since),
    cause: renderCause(cause, nextProbeAt, wallClock),
    target: target ?? null,
    rttMs: roundMs(rttMs),
    lastResponse: lastResponse ?? null,
    nextProbeAt: wallClock.iso(nextProbeAt),
  };
}
