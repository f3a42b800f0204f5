/** Consumers against each other, and against the contracts and servers that there are. */
import { resolve } from 'node:path';
import type { ContractSpec } from '../core/health/spec.ts';
import { DEFAULTS } from './defaults.ts';
import { quoted } from './parse-yaml.ts';
import type { Complaint } from './problem.ts';
import type { ConsumerSettings } from './schema/consumer.ts';
import { unknownName } from './suggest.ts';

/** Names of contracts and servers that are not there; `known` is undefined where some of them are wrong. */
export function whyUnknown(
  settings: ConsumerSettings,
  known: readonly ContractSpec[] | undefined,
): readonly Complaint[] {
  if (known === undefined) return [];
  return [
    ...whyNoSuchContract(settings, known),
    ...whyNoSuchServer(settings, known),
    ...whyBackupsTakeCalls(settings, known),
  ];
}

/** Kamailio's algorithms with weights (9 and 11) share calls over all of a set, whatever the priorities. */
function whyBackupsTakeCalls(
  { contracts = DEFAULTS.consumer.contracts, type }: ConsumerSettings,
  known: readonly ContractSpec[],
): readonly Complaint[] {
  if (type !== 'kamailioDispatcher') return [];
  const isTold = ({ name, dispatcherSet }: ContractSpec) =>
    dispatcherSet !== undefined && (contracts === 'all' || contracts.includes(name));
  const mixed = known.filter(
    (one) => isTold(one) && new Set(one.peerServers.map(({ priority }) => priority)).size > 1,
  );
  const [first] = mixed;
  if (first === undefined) return [];
  const who =
    mixed.length === 1 ? 'the contract' : `${mixed.length} contracts, this one first: the contract`;
  const text = `${who} ${quoted(first.name)} has peer servers of several priorities: the dispatcher's algorithms 9 and 11 share calls over all of them, 8 goes by priority without weights, and only GET /v1/route does both`;
  return [{ path: [], text, isRemark: true }];
}

function whyNoSuchContract(
  { contracts = DEFAULTS.consumer.contracts, type }: ConsumerSettings,
  known: readonly ContractSpec[],
): readonly Complaint[] {
  if (contracts === 'all') return type === 'kamailioDispatcher' ? whyNoSet(known) : [];
  const names = known.map(({ name }) => name);
  return contracts.flatMap((name, index): readonly Complaint[] => {
    const contract = known.find((one) => one.name === name);
    if (contract === undefined) {
      return [unknownName(['contracts', index], 'contract', name, names)];
    }
    if (type !== 'kamailioDispatcher' || contract.dispatcherSet !== undefined) return [];
    const text = `the contract ${quoted(name)} has no 'dispatcherSet', so the consumer is told nothing of it`;
    return [{ path: ['contracts', index], text, isRemark: true }];
  });
}

function whyNoSet(known: readonly ContractSpec[]): readonly Complaint[] {
  // That there is no contract at all is told elsewhere.
  if (known.length === 0 || known.some((one) => one.dispatcherSet !== undefined)) return [];
  const text =
    "no contract has a 'dispatcherSet', so the consumer is told nothing: an empty list is never written";
  return [{ path: [], text, isRemark: true }];
}

function whyNoSuchServer(
  { gateways = {} }: ConsumerSettings,
  known: readonly ContractSpec[],
): readonly Complaint[] {
  const ids = new Set(known.flatMap(({ peerServers }) => peerServers.map(({ id }) => id)));
  return Object.keys(gateways)
    .filter((id) => !ids.has(id))
    .map((id) => {
      const hint = neighbours(id, [...ids]);
      const complaint = unknownName(['gateways', id], 'peer server', id, ids, hint);
      return { ...complaint, isAboutKey: true };
    });
}

/** The servers of that contract; undefined where there is none such. */
function neighbours(id: string, ids: readonly string[]): string | undefined {
  const contract = id.slice(0, id.indexOf('/') + 1);
  const found = ids.filter((one) => one.startsWith(contract)).slice(0, MAX_NEIGHBOURS);
  return contract === '' || found.length === 0 ? undefined : `there is ${found.join(', ')}`;
}

const MAX_NEIGHBOURS = 5;

const FILE_KEYS = ['listFile', 'path', 'deadLetters'] as const;

/** Who writes which file: two that write one undo each other's work, for ever. */
export class FileWriters {
  readonly #byPath = new Map<string, { readonly name: string; readonly isAdded: boolean }>();

  /** What `settings` writes that another one writes; `observe` writes nothing. */
  add(
    { name, mode, ...settings }: ConsumerSettings,
    { baseDirectory }: { readonly baseDirectory: string },
  ): readonly Complaint[] {
    if (mode === 'observe') return [];
    return FILE_KEYS.flatMap((key): readonly Complaint[] => {
      const file = settings[key];
      if (file === undefined) return [];
      const full = resolve(baseDirectory, file);
      // Dead letters are added, a line each: several webhooks may share a file for them.
      const isAdded = key === 'deadLetters';
      const first = this.#byPath.get(full);
      if (first === undefined) this.#byPath.set(full, { name, isAdded });
      if (first === undefined || (first.isAdded && isAdded)) return [];
      return [{ path: [key], text: `the consumer ${quoted(first.name)} writes this file, too` }];
    });
  }
}
