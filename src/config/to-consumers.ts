/** From the configured consumers to what the daemon makes of them; which keys go with which type. */
import { isAbsolute, join } from 'node:path';
import { Secret } from '../core/base/secret.ts';
import type { ContractSpec } from '../core/health/spec.ts';
import { FileWriters, whyUnknown } from './check-consumers.ts';
import { readSecret } from './credentials.ts';
import type { ConsumerSpec } from './daemon-spec.ts';
import { DEFAULTS } from './defaults.ts';
import { quoted } from './parse-yaml.ts';
import { type Complaint, under } from './problem.ts';
import type { ConsumerSettings } from './schema/consumer.ts';
import type { SecretReader } from './secrets.ts';

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
  kamailioAddress: ['listFile', 'rpc', 'group'],
  kamailioHtable: ['rpc', 'table'],
  opensipsMi: ['url', 'gateways'],
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
  const writers = new FileWriters();
  for (const [index, one] of settings.entries()) {
    const path = ['consumers', index];
    if (names.has(one.name)) {
      const text = `the name ${quoted(one.name)} is taken by another consumer`;
      complaints.push({ path: [...path, 'name'], text });
    }
    names.add(one.name);
    const own = [...whyKeysDoNotFit(one), ...whyUnknown(one, around.contracts)];
    const spec = toConsumer(one, around, own);
    own.push(...writers.add(one, around));
    complaints.push(...under(path, own));
    if (spec !== undefined && own.every(isNoMistake)) specs.push(spec);
  }
  return specs;
}

/** Undefined after a complaint. */
function toConsumer(
  settings: ConsumerSettings,
  around: Surroundings,
  complaints: Complaint[],
): ConsumerSpec | undefined {
  const { name, type } = settings;
  const common = {
    name,
    contracts: settings.contracts ?? DEFAULTS.consumer.contracts,
    mode: settings.mode ?? DEFAULTS.consumer.mode,
  };
  const own =
    type === 'webhook' ? webhook(settings, around, complaints) : ownKeys(settings, around);
  return own && { ...common, ...own };
}

/** What a consumer is besides a name, contracts and a mode. */
type OwnKeys<S extends ConsumerSpec = ConsumerSpec> = S extends ConsumerSpec
  ? Omit<S, 'name' | 'contracts' | 'mode'>
  : never;

function ownKeys(settings: ConsumerSettings, around: Surroundings): OwnKeys | undefined {
  const { type, rpc, socket, url } = settings;
  const listFile = fullPath(settings.listFile, around);
  const path = fullPath(settings.path, around);
  const {
    group = DEFAULTS.consumer.group,
    table = DEFAULTS.consumer.table,
    gateways = {},
  } = settings;
  switch (type) {
    case 'kamailioDispatcher':
      return { type, listFile, rpc, socket };
    case 'kamailioAddress':
      return listFile === undefined ? undefined : { type, listFile, rpc, group };
    case 'kamailioHtable':
      return rpc === undefined ? undefined : { type, rpc, table };
    case 'opensipsMi':
      return url === undefined ? undefined : { type, url, gateways };
    case 'snapshotFile':
      return path === undefined ? undefined : { type, path };
    case 'webhook':
      return undefined;
  }
}

function webhook(
  { secret: source, url, deadLetters }: ConsumerSettings,
  around: Surroundings,
  complaints: Complaint[],
): OwnKeys | undefined {
  const text = source && readSecret(source, ['secret'], around.secrets, complaints);
  const secret = text === undefined || text === '' ? undefined : new Secret(text);
  if (url === undefined) return undefined;
  return { type: 'webhook', url, secret, deadLetters: fullPath(deadLetters, around) };
}

function fullPath(path: string | undefined, { baseDirectory }: Surroundings): string | undefined {
  return path === undefined || isAbsolute(path) ? path : join(baseDirectory, path);
}

/** Keys without which a type is nothing. */
const NEEDED: Readonly<Record<Type, readonly Key[]>> = {
  kamailioDispatcher: [],
  kamailioAddress: ['listFile'],
  kamailioHtable: ['rpc'],
  opensipsMi: ['url'],
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

const ALL_KEYS: readonly Key[] = Object.values(KEYS).flat();

function isNoMistake({ isRemark, isWarning }: Complaint): boolean {
  return isRemark === true || isWarning === true;
}
