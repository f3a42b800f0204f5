/**
 * From verdicts to what a dispatcher of Kamailio holds: one destination for each resolved target. Pure.
 *
 *   active     calls may go there: the target of a server that is enabled, or of a last resort while its contract has
 *              nothing better
 *   inactive   the target is down, or its server is, or it is a last resort and there are better ones
 *   disabled   drained or off: Kamailio's own pings leave it alone, too
 *   undefined  nothing is known yet: whatever the proxy has stays
 */
import type {
  ContractSnapshot,
  PeerServerSnapshot,
  TargetSnapshot,
} from '../core/health/snapshot.ts';
import { type ContractChoice, isChosen, type ProxySocket, type VerdictBook } from './ports.ts';

export type DestinationState = 'active' | 'inactive' | 'disabled';

/** What makes a destination another one: a change of any of it needs a reload. */
interface Member {
  readonly set: number;
  /** Unique in its set: `contract/name@udp:192.0.2.1:5060`. */
  readonly duid: string;
  readonly uri: string;
  /** Higher ones are better, as Kamailio has it. */
  readonly priority: number;
  /** Percent of the calls of its set. */
  readonly weight: number;
  /** The local socket of the proxy; undefined: its choice. */
  readonly socket: string | undefined;
}

export interface Destination extends Member {
  readonly peerServer: string;
  readonly state: DestinationState | undefined;
  /** The name, since no address of it is known: the proxy has to resolve it when it sends. */
  readonly isName: boolean;
}

export interface DispatcherSpec {
  readonly contracts: ContractChoice;
  /** Of the proxy, as `udp:203.0.113.10:5060`. */
  readonly socket: string | undefined;
  /** For servers behind a proxy of ours (`via`), where there is no such key. */
  readonly proxySocket?: ProxySocket;
}

/** All destinations of all contracts that have a dispatcher set. */
export function destinationsOf(book: VerdictBook, spec: DispatcherSpec): readonly Destination[] {
  const sets = new Map<number, ContractSnapshot[]>();
  for (const name of book.contracts()) {
    const contract = isChosen(spec.contracts, name) ? book.contract(name) : undefined;
    const set = contract?.spec.dispatcherSet;
    if (contract === undefined || set === undefined) continue;
    const known = sets.get(set);
    if (known === undefined) sets.set(set, [contract]);
    else known.push(contract);
  }
  return [...sets].flatMap(([set, contracts]) => destinationsOfSet(set, contracts, spec));
}

/** True while the name of some server has not been resolved for the first time, and is going to be. */
export function isUnresolved(book: VerdictBook, choice: ContractChoice): boolean {
  for (const name of book.contracts()) {
    if (!isChosen(choice, name)) continue;
    const servers = book.contract(name)?.peerServers ?? [];
    const waits = ({ targets, admin, spec }: PeerServerSnapshot) =>
      targets.length === 0 && admin !== 'off' && spec.probe.mode !== 'off';
    if (servers.some(waits)) return true;
  }
  return false;
}

type Place = Pick<Destination, 'duid' | 'uri' | 'state' | 'isName'> & {
  readonly server: PeerServerSnapshot;
  readonly share: number;
  readonly protocol: string;
};

function destinationsOfSet(
  set: number,
  contracts: readonly ContractSnapshot[],
  spec: DispatcherSpec,
): readonly Destination[] {
  const places = contracts.flatMap(placesOf);
  const total = places.reduce((sum, { share }) => sum + share, 0);
  return places.map(({ server, share, protocol, ...rest }) => ({
    set,
    ...rest,
    peerServer: server.spec.id,
    priority: BEST_PRIORITY - server.spec.priority,
    weight: percent(share, total),
    socket: socketOf(server, protocol, spec),
  }));
}

/** Only one of that protocol: Kamailio drops a line with any other. */
function socketOf(
  { spec }: PeerServerSnapshot,
  protocol: string,
  { socket, proxySocket }: DispatcherSpec,
): string | undefined {
  const { via } = spec.hop;
  const found = socket ?? (via === undefined ? undefined : proxySocket?.(via));
  return found?.startsWith(`${protocol}:`) ? found : undefined;
}

/** By effective weights: a server that comes back begins with a part of its own (`slowStart`). */
function placesOf({ offers, peerServers }: ContractSnapshot): readonly Place[] {
  // Where all are offered since too few are enabled, none is better.
  const hasBetter = offers !== 'all' && peerServers.some(({ rank }) => rank === 0);
  return peerServers.flatMap((server): readonly Place[] => {
    const { spec, targets } = server;
    if (targets.length === 0) return [nameOf(server, hasBetter)];
    return targets.map((target) => ({
      server,
      duid: `${spec.id}@${plainKey(target.at)}`,
      uri: uriOf(target.at),
      state: stateOf(server, target, hasBetter),
      isName: false,
      share: server.weight / targets.length,
      protocol: target.at.protocol,
    }));
  });
}

/** Nothing of it is resolved; who is not probed never is. */
function nameOf(server: PeerServerSnapshot, hasBetter: boolean): Place {
  const { spec } = server;
  const { host, port, protocol, secure } = spec.hop;
  const transport = protocol ?? (secure ? 'tls' : 'udp');
  const name = `${host.includes(':') ? `[${host}]` : host}${port === undefined ? '' : `:${port}`}`;
  return {
    server,
    duid: `${spec.id}@${transport}:${name}`,
    uri: `sip:${name};transport=${transport}`,
    state: wordOf(server, hasBetter) ?? (spec.probe.mode === 'off' ? 'active' : undefined),
    isName: true,
    share: server.weight,
    protocol: transport,
  };
}

function stateOf(
  server: PeerServerSnapshot,
  target: TargetSnapshot,
  hasBetter: boolean,
): DestinationState | undefined {
  const word = wordOf(server, hasBetter);
  if (word !== undefined) return word;
  if (!target.enabled) return 'inactive';
  const isAsked = server.spec.probe.mode !== 'off' && server.rank === 0;
  return isAsked && target.state === 'unknown' ? undefined : 'active';
}

/** What holds for all targets of a server; undefined: it is offered, and each target has its own state. */
function wordOf(
  { admin, rank }: PeerServerSnapshot,
  hasBetter: boolean,
): DestinationState | undefined {
  if (admin !== 'up') return 'disabled';
  if (rank === 2) return 'inactive';
  return rank === 1 && hasBetter ? 'inactive' : undefined;
}

function plainKey({ protocol, address, port, family }: TargetSnapshot['at']): string {
  return `${protocol}:${family === 6 ? `[${address}]` : address}:${port}`;
}

function uriOf({ protocol, address, port, family }: TargetSnapshot['at']): string {
  return `sip:${family === 6 ? `[${address}]` : address}:${port};transport=${protocol}`;
}

function percent(share: number, total: number): number {
  if (share <= 0 || total <= 0) return 0;
  return Math.max(1, Math.round((share * 100) / total));
}

const BEST_PRIORITY = 65_535;
