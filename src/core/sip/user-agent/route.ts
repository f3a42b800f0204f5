/**
 * The Route header field of a request that has a route set before there is any dialog (RFC 3261 sections
 * 8.1.1.1 and 8.1.2): hops that are configured, and our own proxy in front of the chosen target.
 */
import { bracketed } from '../locate/ip-literal.ts';
import type { Target } from '../locate/target.ts';

export interface Routed {
  readonly requestUri: string;
  /** The Route line with its CR LF; empty without one. */
  readonly lines: string;
}

/**
 * What stands in the start line, and the Route line. A first hop without `lr` is a strict router (RFC
 * 2543): it gets the request under its own name, with the Request-URI as the last Route (section
 * 12.2.1.1, which names the parameters that may not stand in a start line: none of them is let into a hop).
 */
export function routed(requestUri: string, hops: readonly string[] | undefined): Routed {
  const first = hops?.[0];
  if (hops === undefined || first === undefined) return { requestUri, lines: '' };
  if (isLoose(first)) return { requestUri, lines: routeLine(hops) };
  return { requestUri: first, lines: routeLine([...hops.slice(1), requestUri]) };
}

/**
 * RFC 3261 section 8.1.2: our own proxy first, where there is one, then the target that RFC 3263 chose, then
 * what follows it.
 */
export function routedBy(
  requestUri: string,
  { target, route }: { readonly target: Target; readonly route?: readonly string[] | undefined },
  ownProxy: Target | undefined,
): Routed {
  if (ownProxy === undefined) return routed(requestUri, route);
  const behind = route?.slice(1) ?? [];
  return routed(requestUri, [routeUri(ownProxy), routeUri(target), ...behind]);
}

/** RFC 3261 section 19.1.1: `lr` says that the hop routes by section 16. */
function isLoose(uri: string): boolean {
  return /;lr(?=[;=]|$)/i.test(uri);
}

function routeLine(uris: readonly string[]): string {
  return `Route: ${uris.map((uri) => `<${uri}>`).join(', ')}\r\n`;
}

/** `sip:192.0.2.1:5061;transport=tls;lr`: the one place that is meant, after RFC 3263 has had its say. */
export function routeUri({ protocol, address, port }: Target): string {
  return `sip:${bracketed(address)}:${port};transport=${protocol};lr`;
}
