/**
 * What of a contract may get calls now, in ranks, made ready for many calls: everything of a route that
 * does not depend on the call is put together here, once for each change of the contract.
 *
 *   rank: the enabled servers by priority, then the last resorts by priority; whatever src/core/health
 *         does not offer is not there
 *   targets of one server: the up ones first, then impaired, then unknown; SRV ranks and weights inside these
 */
import type { ContractSnapshot, PeerServerSnapshot, TargetSnapshot } from '../health/snapshot.ts';
import type { ContractSpec, PeerServerSpec } from '../health/spec.ts';
import { bracketed } from '../sip/locate/ip-literal.ts';
import type { Target } from '../sip/locate/target.ts';

/** One server that may get calls. */
export interface Candidate {
  readonly id: string;
  readonly spec: PeerServerSpec;
  readonly weight: number;
  readonly isLastResort: boolean;
  /** Where its calls may be sent; targets of one list share the load. Empty while the name is not resolved. */
  readonly hops: readonly (readonly Hop[])[];
  /** For while there are none of those: the proxy has to resolve the name. */
  readonly unresolved: string;
  /** Route URIs in brackets, where requests pass several hops. */
  readonly path: string | undefined;
}

interface Hop extends Target {
  /** targetKey. */
  readonly key: string;
  readonly uri: string;
}

export interface Pool {
  readonly contract: ContractSpec;
  /** Each with at least one server; those of one rank share the calls by `balance`. */
  readonly ranks: readonly (readonly Candidate[])[];
}

export function poolOf({
  spec,
  peerServers,
}: Pick<ContractSnapshot, 'spec' | 'peerServers'>): Pool {
  const ranks = new Map<number, Candidate[]>();
  for (const server of peerServers) {
    if (server.rank === NOT_OFFERED) continue;
    const place = server.rank * RANK_STEP + server.spec.priority;
    const known = ranks.get(place);
    if (known === undefined) ranks.set(place, [candidateOf(server)]);
    else known.push(candidateOf(server));
  }
  const inOrder = [...ranks].sort(([a], [b]) => a - b);
  return { contract: spec, ranks: inOrder.map(([, candidates]) => candidates) };
}

function candidateOf({ spec, weight, lastResort, targets }: PeerServerSnapshot): Candidate {
  const hops = BEST_FIRST.map((state) => hopsIn(targets, state));
  return {
    id: spec.id,
    spec,
    weight,
    isLastResort: lastResort,
    hops: hops.filter(({ length }) => length > 0),
    unresolved: unresolvedUri(spec),
    path: spec.route?.map((uri) => `<${uri}>`).join(', '),
  };
}

function hopsIn(
  targets: readonly TargetSnapshot[],
  state: TargetSnapshot['state'],
): readonly Hop[] {
  return targets
    .filter((target) => target.enabled && target.state === state)
    .map(({ target, at }) => ({ ...at, key: target, uri: targetUri(at) }));
}

function targetUri({ protocol, address, port }: Target): string {
  return `sip:${bracketed(address)}:${port};transport=${protocol}`;
}

function unresolvedUri({ hop }: PeerServerSpec): string {
  const { host, port, protocol, secure } = hop;
  const transport = protocol ?? (secure ? 'tls' : undefined);
  const parameter = transport === undefined ? '' : `;transport=${transport}`;
  return `sip:${bracketed(host)}${port === undefined ? '' : `:${port}`}${parameter}`;
}

const NOT_OFFERED = 2;
/** More than any priority. */
const RANK_STEP = 65_536;
const BEST_FIRST: readonly TargetSnapshot['state'][] = ['up', 'impaired', 'unknown', 'down'];
