/**
 * What a reload changes. Registrations are compared by id, cheaply: lists that keep their order
 * need no index, and shared profiles are compared once per pair. What is the same keeps its
 * binding, Call-ID, CSeq, nonce and timer.
 */
import { Secret } from '../core/base/secret.ts';
import type { ContractSpec, PeerServerSpec } from '../core/health/spec.ts';
import type { RegistrationProfile, RegistrationSpec } from '../core/registration/spec.ts';
import { areSameCredentials } from '../core/sip/digest/same-credentials.ts';
import type { DaemonSpec } from './daemon-spec.ts';
import type { LoadFacts } from './load.ts';
import { addressOfRecord } from './unique.ts';

interface Changed<T> {
  readonly before: T;
  readonly after: T;
}

/** What came, went, and is another than before. */
interface Changes<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
  readonly changed: readonly Changed<T>[];
}

export interface SpecDiff {
  readonly registrations: Changes<RegistrationSpec> & {
    /** The same address of record under another id: neither added nor removed, not to be unregistered. */
    readonly renamed: readonly Changed<RegistrationSpec>[];
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

type HotKey =
  | 'consumers'
  | 'proxies'
  | 'inbound'
  | 'localSockets'
  | 'log'
  | 'metrics'
  | 'pacing'
  | 'unregisterOnStop';
type RestartKey = 'http' | 'state' | 'dns' | 'hostId';

/** All differences; both specs stay as they are. */
export function diffSpecs(before: DaemonSpec, after: DaemonSpec): SpecDiff {
  const registrations = diffRegistrations(before.registrations, after.registrations);
  const contracts = diffNamed(before.contracts.map(withName), after.contracts.map(withName));
  const peerServers = diffNamed(serversOf(before), serversOf(after));
  const hotKeys = HOT.filter((key) => !isSame(before[key], after[key]));
  const restartKeys = RESTART.filter(([, read]) => !isSame(read(before), read(after)));
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
  const { removed, changed } = diffRegistrations(before.registrations, after.registrations);
  const isOther = (one: Changed<RegistrationSpec>) =>
    addressOfRecord(one.before) !== addressOfRecord(one.after);
  const dropped = removed.length + changed.filter(isOther).length;
  const total = before.registrations.length;
  const limit = Math.max(MIN_DROPPED, total * MAX_DROPPED_SHARE);
  if (dropped <= limit) return undefined;
  return `the new configuration drops ${dropped} of ${total} registrations, and ${Math.floor(limit)} at most may go at once: the reload is refused, nothing has changed; force it if that is meant`;
}

const MIN_DROPPED = 10;
const MAX_DROPPED_SHARE = 0.05;

const HOT = [
  'consumers',
  'proxies',
  'inbound',
  'localSockets',
  'log',
  'metrics',
  'pacing',
  'unregisterOnStop',
] as const;
const RESTART: readonly (readonly [RestartKey, (spec: DaemonSpec) => unknown])[] = [
  ['http', (spec) => spec.http],
  ['state', (spec) => spec.stateDirectory],
  ['dns', (spec) => spec.dns],
  ['hostId', (spec) => spec.hostId],
];

function diffRegistrations(
  before: readonly RegistrationSpec[],
  after: readonly RegistrationSpec[],
): SpecDiff['registrations'] {
  const sameness = new RegistrationSameness();
  const changed: Changed<RegistrationSpec>[] = [];
  const compare = (old: RegistrationSpec, one: RegistrationSpec) => {
    if (!sameness.holds(old, one)) changed.push({ before: old, after: one });
  };
  const { start, end } = middleOf(before, after);
  for (let index = 0; index < start; index += 1) comparePair(before[index], after[index], compare);
  const gone = new Map(before.slice(start, before.length - end).map((one) => [one.id, one]));
  const fresh: RegistrationSpec[] = [];
  for (const one of after.slice(start, after.length - end)) {
    const old = gone.get(one.id);
    gone.delete(one.id);
    if (old === undefined) fresh.push(one);
    else compare(old, one);
  }
  for (let index = end; index > 0; index -= 1)
    comparePair(before.at(-index), after.at(-index), compare);
  return { changed, ...findRenamed(gone, fresh) };
}

function comparePair<T>(
  before: T | undefined,
  after: T | undefined,
  compare: (before: T, after: T) => void,
): void {
  if (before !== undefined && after !== undefined) compare(before, after);
}

/** Lists mostly keep their order: how many ids at the start, and how many at the end, are the same. */
function middleOf(
  before: readonly RegistrationSpec[],
  after: readonly RegistrationSpec[],
): { readonly start: number; readonly end: number } {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start]?.id === after[start]?.id) start += 1;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end)?.id === after.at(-1 - end)?.id) end += 1;
  return { start, end };
}

function findRenamed(
  gone: Map<string, RegistrationSpec>,
  fresh: readonly RegistrationSpec[],
): Pick<SpecDiff['registrations'], 'added' | 'removed' | 'renamed'> {
  const goneByAor = new Map([...gone.values()].map((one) => [addressOfRecord(one), one]));
  const added: RegistrationSpec[] = [];
  const renamed: Changed<RegistrationSpec>[] = [];
  for (const one of fresh) {
    const old = goneByAor.get(addressOfRecord(one));
    if (old === undefined) added.push(one);
    else {
      renamed.push({ before: old, after: one });
      gone.delete(old.id);
    }
  }
  return { added, removed: [...gone.values()], renamed };
}

/** Remembers which profiles were found to be the same. */
class RegistrationSameness {
  readonly #twins = new Map<RegistrationProfile, RegistrationProfile>();

  holds(a: RegistrationSpec, b: RegistrationSpec): boolean {
    return (
      a.username === b.username &&
      a.ddi === b.ddi &&
      areSameCredentials(a.credentials, b.credentials) &&
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
  const changed: Changed<T>[] = [];
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
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Secret || b instanceof Secret) {
    return a instanceof Secret && b instanceof Secret && a.equals(b);
  }
  if (a instanceof Map && b instanceof Map) return isSame([...a], [...b]);
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  return keys.every((key) => Object.hasOwn(right, key) && isSame(left[key], right[key]));
}
