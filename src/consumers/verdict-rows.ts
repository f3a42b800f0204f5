/** Verdicts as others read them, in files and webhooks. Pure; times are made wall-clock time. */
import type { Cause } from '../core/base/cause.ts';
import { elapsedMs, type Instant } from '../core/base/instant.ts';
import type { ContractSnapshot, PeerServerSnapshot } from '../core/health/snapshot.ts';
import { type ConsumerPorts, type ContractChoice, isChosen } from './ports.ts';

interface VerdictRow {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
  readonly enabled: boolean;
  readonly lastResort: boolean;
  /** 0 enabled, 1 a last resort, 2 not offered: lower ones come first. */
  readonly rank: number;
  readonly priority: number;
  readonly weight: number;
  readonly admin: string;
  readonly since: string;
  readonly cause: CauseRow | null;
  readonly targets: readonly {
    readonly target: string;
    readonly state: string;
    readonly enabled: boolean;
  }[];
}

export interface CauseRow {
  readonly code: string;
  readonly text: string;
  readonly next: string;
}

export interface ContractVerdicts {
  readonly name: string;
  readonly enabled: string;
  /** enabled, all (as a last resort), or none. */
  readonly offers: string;
  readonly peerServers: readonly VerdictRow[];
}

/** All contracts that are chosen, in the order of the configuration. */
export function verdictsOf(
  ports: ConsumerPorts,
  choice: ContractChoice,
): readonly ContractVerdicts[] {
  const rows: ContractVerdicts[] = [];
  for (const name of ports.book.contracts()) {
    const contract = isChosen(choice, name) ? ports.book.contract(name) : undefined;
    if (contract !== undefined) rows.push(contractRow(ports, contract));
  }
  return rows;
}

export interface FreezeRow {
  /** Our own side is at fault, as it seems: what is told may be old. */
  readonly networkSuspect: boolean;
  /** While set, nothing is disabled for its silence. */
  readonly frozen: {
    readonly since: string;
    /** The latest end; null: until an operator ends it. */
    readonly until: string | null;
    /** By an operator. */
    readonly ordered: boolean;
    readonly cause: Pick<CauseRow, 'code' | 'text'>;
  } | null;
}

/** Whether verdicts are frozen, and why. */
export function freezeRow(ports: ConsumerPorts): FreezeRow {
  const { freeze } = ports.book;
  if (freeze === undefined) return { networkSuspect: false, frozen: null };
  const { since, until, isOrdered, cause } = freeze;
  const { code, text } = cause;
  return {
    networkSuspect: !isOrdered,
    frozen: {
      since: isoTime(ports, since),
      until: until === undefined ? null : isoTime(ports, until),
      ordered: isOrdered,
      cause: { code, text },
    },
  };
}

/** ISO 8601 in UTC. */
export function isoTime(ports: ConsumerPorts, at: Instant): string {
  const agoMs = elapsedMs(at, ports.clock.now());
  return new Date(ports.wallMs() - agoMs).toISOString();
}

export function causeRow(cause: Cause | undefined): CauseRow | null {
  return cause === undefined ? null : { code: cause.code, text: cause.text, next: cause.next };
}

function contractRow(ports: ConsumerPorts, contract: ContractSnapshot): ContractVerdicts {
  const { spec, enabled, offers, peerServers } = contract;
  return {
    name: spec.name,
    enabled,
    offers,
    peerServers: peerServers.map((server) => serverRow(ports, server)),
  };
}

function serverRow(ports: ConsumerPorts, server: PeerServerSnapshot): VerdictRow {
  const { spec, state, enabled, lastResort, rank, weight, admin, since, cause, targets } = server;
  return {
    ...{ id: spec.id, name: spec.name, labels: spec.labels, state, enabled, lastResort, rank },
    ...{ priority: spec.priority, weight, admin, since: isoTime(ports, since) },
    cause: causeRow(cause),
    targets: targets.map((one) => ({
      target: one.target,
      state: one.state,
      enabled: one.enabled,
    })),
  };
}
