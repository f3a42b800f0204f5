/**
 * The steps of RFC 3263 section 4, as data: what to ask next, and which targets the answers make.
 * Pure; the locator asks and remembers. Built now: IP literals and A/AAAA (section 4.2). NAPTR and SRV
 * become further steps of the same two functions.
 *
 *   hop --firstStep--> targets                      (IP literal)
 *                  \-> ask --nextStep--> targets    (host name)
 */
import { failure, fault, type Result, success } from '../../base/fault.ts';
import { parseIpLiteral } from './ip-literal.ts';
import type { LookupQuestion, LookupRecord } from './ports.ts';
import type { NextHop, Target, TransportProtocol } from './target.ts';

/** RFC 3261 section 19.1.2: where a URI names no port. */
const DEFAULT_PORT: Readonly<Record<TransportProtocol, number>> = {
  udp: 5060,
  tcp: 5060,
  tls: 5061,
};

export type LocateStep =
  | { readonly kind: 'targets'; readonly targets: readonly Target[] }
  | {
      readonly kind: 'ask';
      readonly question: LookupQuestion;
      /** What is settled already for the targets that the answer makes. */
      readonly protocol: TransportProtocol;
      readonly port: number;
    };

/** Where RFC 3263 starts: a numeric host needs no question at all. */
export function firstStep(hop: NextHop): LocateStep {
  const protocol = protocolOf(hop);
  const port = hop.port ?? DEFAULT_PORT[protocol];
  const literal = parseIpLiteral(hop.host);
  if (literal !== undefined) return { kind: 'targets', targets: [{ protocol, port, ...literal }] };
  const name = hop.host.toLowerCase();
  return { kind: 'ask', question: { kind: 'addresses', name }, protocol, port };
}

/**
 * What the answer to a step leads to: at most `maxTargets` targets in the order of the answer, each
 * once. Fault: `dns.notFound` when no record can be used.
 */
export function nextStep(
  step: LocateStep & { readonly kind: 'ask' },
  records: readonly LookupRecord[],
  maxTargets: number,
): Result<LocateStep> {
  const targets: Target[] = [];
  for (const record of records) {
    if (targets.length >= maxTargets) break;
    if (record.kind !== 'address') continue;
    // What a resolver hands out is checked like everything else that comes from outside.
    const literal = parseIpLiteral(record.address);
    if (literal === undefined || targets.some((known) => known.address === literal.address))
      continue;
    targets.push({ protocol: step.protocol, port: step.port, ...literal });
  }
  if (targets.length === 0) {
    const text = `The name ${step.question.name} has no address that we can use.`;
    return failure(fault('dns.notFound', 'config', text));
  }
  return success({ kind: 'targets', targets });
}

/** A sips URI is never sent over anything but TLS (RFC 3261 section 26.2.2), whatever is configured. */
function protocolOf(hop: NextHop): TransportProtocol {
  return hop.secure ? 'tls' : (hop.protocol ?? 'udp');
}
