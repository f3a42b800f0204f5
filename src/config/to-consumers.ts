/** From the configured consumers to what the daemon makes of them; which keys go with which type. */
import { isAbsolute, join } from 'node:path';
import { Secret } from '../core/base/secret.ts';
import type { ContractSpec } from '../core/health/spec.ts';
import { readSecret } from './credentials.ts';
import type { ConsumerSpec } from './daemon-spec.ts';
import { DEFAULTS } from './defaults.ts';
import { quoted } from './parse-yaml.ts';
import { type Complaint, under } from './problem.ts';
import type { ConsumerSettings } from './schema/consumer.ts';
import type { SecretReader } from './secrets.ts';
import { unknownName } from './suggest.ts';

interface Surroundings {
  readonly secrets: SecretReader;
  readonly baseDirectory: string;
  /** Undefined where some are wrong: then no name of one is judged. */
  readonly contracts: readonly ContractSpec[] | undefined;
}

type Type = ConsumerSettings['type'];
type Key = Exclude<keyof ConsumerSettings, 'name' | 'type' | 'contracts' | 'mode'>;

/** Which keys a type may have, besides those of all. */
const KEYS: Readonly<Record<Type, readonly Key[]>> = {
  kamailioDispatcher: ['listFile', 'rpc', 'socket'],
  snapshotFile: ['path'],
  webhook: ['url', 'secret', 'deadLetters'],
};

/** What is wrong goes into `complaints`, with paths that count from the top. */
export function toConsumers(
  settings: readonly ConsumerSettings[],
  around: Surroundings,
  complaints: Complaint[],
): readonly ConsumerSpec[] {
  const specs: ConsumerSpec[] = [];
  const names = new Set<string>();
  for (const [index, one] of settings.entries()) {
    const path = ['consumers', index];
    if (names.has(one.name)) {
      const text = `the name ${quoted(one.name)} is taken by another consumer`;
      complaints.push({ path: [...path, 'name'], text });
    }
    names.add(one.name);
    const own = [...whyKeysDoNotFit(one), ...whyNoSuchContract(one, around.contracts)];
    const spec = toConsumer(one, around, own);
    complaints.push(...under(path, own));
    if (spec !== undefined && own.every(isNoMistake)) specs.push(spec);
  }
  return specs;
}

/** Undefined after a complaint. */
function toConsumer(
  settings: ConsumerSettings,
  { baseDirectory, secrets }: Surroundings,
  complaints: Complaint[],
): ConsumerSpec | undefined {
  const { name, type, listFile, rpc, socket, path, url, deadLetters } = settings;
  const full = (file: string) => (isAbsolute(file) ? file : join(baseDirectory, file));
  const common = {
    name,
    contracts: settings.contracts ?? DEFAULTS.consumer.contracts,
    mode: settings.mode ?? DEFAULTS.consumer.mode,
  };
  switch (type) {
    case 'kamailioDispatcher':
      return { ...common, type, listFile: listFile && full(listFile), rpc, socket };
    case 'snapshotFile':
      return path === undefined ? undefined : { ...common, type, path: full(path) };
    case 'webhook': {
      const text = settings.secret && readSecret(settings.secret, ['secret'], secrets, complaints);
      const secret = text === undefined || text === '' ? undefined : new Secret(text);
      if (url === undefined) return undefined;
      return { ...common, type, url, secret, deadLetters: deadLetters && full(deadLetters) };
    }
  }
}

/** Keys without which a type is nothing. */
const NEEDED: Readonly<Record<Type, readonly Key[]>> = {
  kamailioDispatcher: [],
  snapshotFile: ['path'],
  webhook: ['url'],
};

function whyKeysDoNotFit(settings: ConsumerSettings): readonly Complaint[] {
  const { type } = settings;
  const complaints: Complaint[] = [];
  for (const key of ALL_KEYS) {
    if (settings[key] === undefined || KEYS[type].includes(key)) continue;
    const text = `a consumer of the type ${type} has no '${key}'`;
    complaints.push({ path: [key], text, isAboutKey: true });
  }
  for (const key of NEEDED[type]) {
    if (settings[key] === undefined) complaints.push({ path: [], text: `'${key}' is missing` });
  }
  if (type === 'kamailioDispatcher' && (settings.listFile ?? settings.rpc) === undefined) {
    complaints.push({
      path: [],
      text: "'listFile' or 'rpc' is missing: there is no way to tell it",
    });
  }
  return complaints;
}

function whyNoSuchContract(
  { contracts, type }: ConsumerSettings,
  known: readonly ContractSpec[] | undefined,
): readonly Complaint[] {
  if (contracts === undefined || contracts === 'all' || known === undefined) return [];
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

const ALL_KEYS: readonly Key[] = Object.values(KEYS).flat();

function isNoMistake({ isRemark, isWarning }: Complaint): boolean {
  return isRemark === true || isWarning === true;
}
