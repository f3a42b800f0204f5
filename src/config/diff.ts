/**
 * What a reload changes. Registrations are compared by id, cheaply: their shared profiles are
 * compared once per pair, and then only a few short texts of each. What is the same keeps its
 * binding, Call-ID, CSeq, nonce and timer.
 */
import { Secret } from '../core/base/secret.ts';
import type { ContractSpec, PeerServerSpec } from '../core/health/spec.ts';
import type { RegistrationProfile, RegistrationSpec } from '../core/registration/spec.ts';
import type { DaemonSpec } from './daemon-spec.ts';
import type { LoadFacts } from './load.ts';
import { addressOfRecord } from './unique.ts';

/** What came, went, and is another than before. */
export interface Changes<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
  readonly changed: readonly { readonly before: T; readonly after: T }[];
}

export interface SpecDiff {
  readonly registrations: Changes<RegistrationSpec> & {
    /** The same address of record under another id: neither added nor removed, not to be unregistered. */
    readonly renamed: readonly {
      readonly before: RegistrationSpec;
      readonly after: RegistrationSpec;
    }[];
  };
  /** Compared without their peer servers. */
  readonly contracts: Changes<ContractSpec>;
  readonly peerServers: Changes<PeerServerSpec>;
  /** Top keys whose change takes effect at once. */
  readonly hotKeys: readonly HotKey[];
  /** Top keys whose change waits for a restart. */
  readonly restartKeys: readonly RestartKey[];
  readonly isEmpty: boolean;
}

export type HotKey = 'inbound' | 'log' | 'pacing' | 'unregisterOnStop';
export type RestartKey = 'localSockets' | 'http' | 'state' | 'dns' | 'metrics';

/** All differences; both specs stay as they are. */
export function diffSpecs(before: DaemonSpec, after: DaemonSpec): SpecDiff {
  const registrations = diffRegistrations(before.registrations, after.registrations);
  const contracts = diffNamed(before.contracts.map(withName), after.contracts.map(withName));
  const peerServers = diffNamed(serversOf(before), serversOf(after));
  const hotKeys = HOT.filter((key) => !isSame(before[key], after[key]));
  const restartKeys = RESTART.filter(([, field]) => !isSame(before[field], after[field]));
  return {
    registrations,
    contracts,
    peerServers,
    hotKeys,
    restartKeys: restartKeys.map(([key]) => key),
    isEmpty:
      registrations.renamed.length + hotKeys.length + restartKeys.length === 0 &&
      [registrations, contracts, peerServers].every(isNothing),
  };
}

/**
 * Refuses a reload that looks like an accident: more than max(10, 5 %) of the registrations gone, or
 * a bulk file without a line. Returns why, undefined when all is well. An operator can force it.
 */
export function guardReload(
  before: DaemonSpec,
  after: DaemonSpec,
  facts: LoadFacts,
): string | undefined {
  const empty = facts.bulkFiles.find((file) => file.registrations === 0);
  if (empty !== undefined) {
    return `the file ${empty.path} holds no registration: the reload is refused, nothing has changed; force it if that is meant`;
  }
  const kept = new Set(after.registrations.map(addressOfRecord));
  let dropped = 0;
  for (const one of before.registrations) if (!kept.has(addressOfRecord(one))) dropped += 1;
  const total = before.registrations.length;
  const limit = Math.max(MIN_DROPPED, total * MAX_DROPPED_SHARE);
  if (dropped <= limit) return undefined;
  return `the new configuration drops ${dropped} of ${total} registrations, and ${Math.floor(limit)} at most may go at once: the reload is refused, nothing has changed; force it if that is meant`;
}

const MIN_DROPPED = 10;
const MAX_DROPPED_SHARE = 0.05;

const HOT = ['inbound', 'log', 'pacing', 'unregisterOnStop'] as const;
const RESTART = [
  ['localSockets', 'localSockets'],
  ['http', 'http'],
  ['state', 'stateDirectory'],
  ['dns', 'dns'],
  ['metrics', 'metrics'],
] as const;

function diffRegistrations(
  before: readonly RegistrationSpec[],
  after: readonly RegistrationSpec[],
): SpecDiff['registrations'] {
  const gone = new Map(before.map((one) => [one.id, one]));
  const fresh: RegistrationSpec[] = [];
  const changed: { readonly before: RegistrationSpec; readonly after: RegistrationSpec }[] = [];
  const sameness = new RegistrationSameness();
  for (const one of after) {
    const old = gone.get(one.id);
    gone.delete(one.id);
    if (old === undefined) fresh.push(one);
    else if (!sameness.holds(old, one)) changed.push({ before: old, after: one });
  }
  const goneByAor = new Map([...gone.values()].map((one) => [addressOfRecord(one), one]));
  const added: RegistrationSpec[] = [];
  const renamed: { readonly before: RegistrationSpec; readonly after: RegistrationSpec }[] = [];
  for (const one of fresh) {
    const old = goneByAor.get(addressOfRecord(one));
    if (old === undefined) added.push(one);
    else {
      renamed.push({ before: old, after: one });
      gone.delete(old.id);
    }
  }
  return { added, removed: [...gone.values()], changed, renamed };
}

/** Remembers which profiles were found to be the same. */
class RegistrationSameness {
  readonly #twins = new Map<RegistrationProfile, RegistrationProfile>();

  holds(a: RegistrationSpec, b: RegistrationSpec): boolean {
    return (
      a.username === b.username &&
      a.ddi === b.ddi &&
      isSame(a.credentials, b.credentials) &&
      this.#hasSameProfile(a.profile, b.profile)
    );
  }

  #hasSameProfile(a: RegistrationProfile, b: RegistrationProfile): boolean {
    if (this.#twins.get(a) === b) return true;
    if (!isSame(a, b)) return false;
    this.#twins.set(a, b);
    return true;
  }
}

interface Named<T> {
  readonly name: string;
  /** What is compared. */
  readonly compared: unknown;
  readonly item: T;
}

function withName(contract: ContractSpec): Named<ContractSpec> {
  return { name: contract.name, compared: { ...contract, peerServers: [] }, item: contract };
}

function serversOf(spec: DaemonSpec): readonly Named<PeerServerSpec>[] {
  return spec.contracts.flatMap((contract) =>
    contract.peerServers.map((server) => ({ name: server.id, compared: server, item: server })),
  );
}

function diffNamed<T>(before: readonly Named<T>[], after: readonly Named<T>[]): Changes<T> {
  const gone = new Map(before.map((one) => [one.name, one]));
  const added: T[] = [];
  const changed: { readonly before: T; readonly after: T }[] = [];
  for (const { name, compared, item } of after) {
    const old = gone.get(name);
    gone.delete(name);
    if (old === undefined) added.push(item);
    else if (!isSame(old.compared, compared)) changed.push({ before: old.item, after: item });
  }
  return { added, removed: [...gone.values()].map((one) => one.item), changed };
}

function isNothing(changes: Changes<unknown>): boolean {
  return changes.added.length + changes.removed.length + changes.changed.length === 0;
}

/** Deep equality of plain data and secrets. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Secret || b instanceof Secret) {
    return a instanceof Secret && b instanceof Secret && a.equals(b);
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  return keys.every((key) => Object.hasOwn(right, key) && isSame(left[key], right[key]));
}
