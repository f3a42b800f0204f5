/**
 * The hops of a way as configured, `outboundProxy` first, and the Route set that several of them make
 * (RFC 3261 section 8.1.1.1). The first is found by RFC 3263 here, each later one by the hop before it.
 */
import { type Hop, type HostPort, parseHop, printHostPort } from './address.ts';
import type { Complaint } from './problem.ts';

export type OutboundProxies = string | readonly string[];

export interface Hops {
  /** Undefined without an outbound proxy. */
  readonly first: Hop | undefined;
  /** Route URIs of all of them, the first included; undefined where a single hop needs no Route. */
  readonly route: readonly string[] | undefined;
}

/**
 * `registrar`: that of a registration where it is configured, which only a Route can name; undefined
 * where the Request-URI names the last hop by itself.
 */
export function hopsOf(
  outbound: OutboundProxies | undefined,
  registrar: Hop | undefined,
  complaints: Complaint[],
): Hops {
  const texts = typeof outbound === 'string' ? [outbound] : (outbound ?? []);
  const hops = texts.map(parseHop).filter((hop) => typeof hop !== 'string');
  const all = registrar === undefined ? hops : [...hops, { ...registrar, isLoose: true }];
  const [first] = hops;
  if (first === undefined || all.length < 2) return { first, route: undefined };
  if (!hops.every(({ isLoose }) => isLoose)) complaints.push(STRICT);
  return { first, route: all.map(routeUri) };
}

const STRICT: Complaint = {
  path: ['outboundProxy'],
  text: 'a whole URI without ;lr stands for a strict router (RFC 2543): the Request-URI is rewritten for it',
  hint: 'add ;lr unless it is one',
  isRemark: true,
};

function routeUri(hop: HostPort & Hop): string {
  const transport = hop.transport === undefined ? '' : `;transport=${hop.transport}`;
  const scheme = hop.scheme ?? 'sip';
  return `${scheme}:${printHostPort(hop)}${transport}${hop.isLoose ? ';lr' : ''}`;
}
