/**
 * From one candidate and one call to a route: the transformations of the seed's Peer Server. The called
 * number loses `strip` characters, gets `prefix` in front and `parameters` behind; To follows the
 * Request-URI, From is the calling number unless the server has one of its own, and PAI and RPID name the
 * calling number whatever From says (RFC 3325 section 9.1, draft-ietf-sip-privacy-04 for RPID).
 */
import type { PeerServerSpec } from '../health/spec.ts';
import { type Call, withoutPort } from './call.ts';
import type { Candidate } from './pool.ts';
import { strip } from './user-part.ts';

/** How one call is sent to one target. Every text may stand in a SIP message as it is. */
export interface Route {
  readonly candidate: Candidate;
  /** Where it is sent. */
  readonly nextHop: string;
  /** targetKey; undefined while the name is not resolved. */
  readonly target: string | undefined;
  readonly requestUri: string;
  /** URIs, without brackets. */
  readonly to: string;
  readonly from: string;
  /** Header fields that name the origin of the call, in place of any that the request has. */
  readonly origin: readonly OriginHeader[];
}

/** What all targets of one server share. */
export type RouteTexts = Omit<Route, 'candidate' | 'nextHop' | 'target'>;

interface OriginHeader {
  readonly name: 'P-Asserted-Identity' | 'Remote-Party-ID';
  readonly value: string;
}

/** Undefined when the number is shorter than what is to be taken from it, or nothing is left. */
export function transform({ spec }: Candidate, call: Call): RouteTexts | undefined {
  const { scheme, sipProxy, requestUri } = spec;
  const rest = strip(call.called, requestUri.strip);
  // A prefix alone would be somebody else's number.
  if (rest === undefined) return undefined;
  const user = requestUri.prefix + rest;
  if (user === '') return undefined;
  const { parameters } = requestUri;
  return {
    requestUri: `${scheme}:${user}@${sipProxy}${parameters}`,
    // RFC 3261 section 19.1.1, table 1: no port in From and To.
    to: `${scheme}:${user}@${withoutPort(sipProxy)}${parameters}`,
    from: `${scheme}:${fromUser(spec, call)}@${fromHost(spec, call)}`,
    origin: call.isAnonymous ? NO_ORIGIN : originOf(spec, call),
  };
}

function fromUser({ from }: PeerServerSpec, call: Call): string {
  return from.user ?? call.calling;
}

/** RFC 3323 section 4.1.1.3 for who does not want to be known. */
function fromHost(spec: PeerServerSpec, call: Call): string {
  const { from } = spec;
  if (from.domain !== undefined) return from.domain;
  return call.isAnonymous && from.user === undefined ? 'anonymous.invalid' : ownHost(spec, call);
}

/** Ours, as far as anybody tells it: the proxy that asks, or the one of `via`. */
function ownHost({ from, contact, sipProxy }: PeerServerSpec, { host }: Call): string {
  return host ?? (contact && withoutPort(contact)) ?? from.domain ?? withoutPort(sipProxy);
}

function originOf(spec: PeerServerSpec, call: Call): readonly OriginHeader[] {
  const { scheme, callOriginHeaders } = spec;
  const address = `<${scheme}:${call.calling}@${ownHost(spec, call)}>`;
  return callOriginHeaders.map((kind) =>
    kind === 'pai'
      ? { name: 'P-Asserted-Identity', value: address }
      : { name: 'Remote-Party-ID', value: `${address};privacy=off;screen=no` },
  );
}

const NO_ORIGIN: readonly OriginHeader[] = [];
