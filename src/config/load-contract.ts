/** One peering contract from the raw tree: its own keys, its peer servers, its registrations. */
import { isAbsolute, join } from 'node:path';
import type { ContractSpec, PeerServerSpec } from '../core/health/spec.ts';
import type { RegistrationSpec } from '../core/registration/spec.ts';
import { DEFAULTS } from './defaults.ts';
import { parseQuorum } from './grammar.ts';
import type { Levels } from './levels.ts';
import { RegistrationLoader } from './load-registrations.ts';
import { isMap } from './merge-sources.ts';
import { quoted } from './parse-yaml.ts';
import type { Complaint, PathStep } from './problem.ts';
import type { Reporter } from './reporter.ts';
import type { UnsoundRegistrations } from './requires.ts';
import { validateOrSalvage } from './salvage.ts';
import { type ContractSettings, contractSchema, type DefaultsSettings } from './schema/contract.ts';
import { peerServerSchema } from './schema/peer-server.ts';
import type { SecretReader } from './secrets.ts';
import { COST, type Slices } from './slices.ts';
import type { Environment } from './tidy.ts';
import { type PeerSurroundings, toPeerServer } from './to-peer-server.ts';
import type { Policies } from './to-probe.ts';
import type { RegistrationSurroundings } from './to-registration.ts';
import type { RegistrationPlaces, UniqueRegistrations } from './unique.ts';
import { validate } from './validate.ts';
import type { WayPlanner } from './way.ts';

/** A file of `registrationsFrom`, and how many lines of it hold a registration. */
export interface BulkFile {
  readonly path: string;
  readonly registrations: number;
}

/** What all contracts of one load share. */
export interface LoadSurroundings {
  readonly env: Environment;
  readonly baseDirectory: string;
  readonly levels: Levels;
  readonly ways: WayPlanner;
  readonly policies: Policies;
  readonly secrets: SecretReader;
  readonly userAgent: string;
  readonly reporter: Reporter;
  readonly slices: Slices;
  readonly unique: UniqueRegistrations;
  readonly registrationPlaces: RegistrationPlaces;
  /** Registrations with problems, which are there all the same. */
  readonly unsound: UnsoundRegistrations;
  /** False when the top sections have problems: items are then checked each by itself only. */
  readonly isTopGood: boolean;
  /** Calls that arrive at us are relayed. */
  readonly takesCalls: boolean;
}

/** Where contracts, servers and registrations stand, for warnings. */
export interface ItemPlaces {
  /** Paths in the order of the spec's contracts. */
  readonly contracts: readonly (readonly PathStep[])[];
  /** By the server's id. */
  readonly peerServers: ReadonlyMap<string, readonly PathStep[]>;
  readonly registrations: RegistrationPlaces;
}

export class ContractLoader {
  readonly bulkFiles: BulkFile[] = [];
  readonly #around: LoadSurroundings;
  readonly #names = new Map<string, number>();
  readonly #contractPaths: (readonly PathStep[])[] = [];
  readonly #serverPaths = new Map<string, readonly PathStep[]>();

  constructor(around: LoadSurroundings) {
    this.#around = around;
  }

  get places(): ItemPlaces {
    return {
      contracts: this.#contractPaths,
      peerServers: this.#serverPaths,
      registrations: this.#around.registrationPlaces,
    };
  }

  /** The contract; its registrations go into `registrations`. Undefined when it has problems. */
  async load(
    raw: unknown,
    index: number,
    registrations: RegistrationSpec[],
  ): Promise<ContractSpec | undefined> {
    const { env, reporter, isTopGood } = this.#around;
    const path = ['peeringContracts', index];
    const shell = validateOrSalvage(contractSchema, withoutItems(raw), UNNAMED, env);
    reporter.report(path, shell.complaints);
    const { settings, broken } = shell;
    const surroundings = this.#surroundingsOf(settings, path, index);
    const isGood = isTopGood && shell.isUsable && !broken.has('preset') && !broken.has('defaults');
    const peerServers = await this.#loadServers(
      listOf(raw, 'peerServers'),
      path,
      surroundings,
      isGood,
    );
    const loader = new RegistrationLoader(this.#around, surroundings, registrations, isGood);
    await loader.loadItems(listOf(raw, 'registrations'), [...path, 'registrations']);
    const from = settings.registrationsFrom ?? [];
    for (const file of typeof from === 'string' ? [from] : from) {
      const full = isAbsolute(file) ? file : join(this.#around.baseDirectory, file);
      const count = await loader.loadFile(full, [...path, 'registrationsFrom']);
      this.bulkFiles.push({ path: full, registrations: count });
    }
    if (shell.complaints.length > 0) return undefined;
    if (settings.panicBelow !== undefined && settings.onAllDown === 'none') {
      const text = "'panicBelow' offers servers that are down, and 'onAllDown: none' forbids that";
      reporter.report(path, [{ path: ['panicBelow'], text }]);
    }
    this.#contractPaths.push(path);
    return {
      name: settings.name,
      description: settings.description ?? '',
      labels: surroundings.labels,
      metadata: settings.metadata ?? {},
      admin: surroundings.admin,
      onAllDown: settings.onAllDown ?? DEFAULTS.contract.onAllDown,
      balance: settings.balance ?? DEFAULTS.contract.balance,
      panicBelow: settings.panicBelow === undefined ? undefined : parseQuorum(settings.panicBelow),
      dispatcherSet: settings.dispatcherSet,
      peerServers,
    };
  }

  #surroundingsOf(
    settings: ContractSettings,
    path: readonly PathStep[],
    index: number,
  ): RegistrationSurroundings & PeerSurroundings {
    const { levels, ways, policies, secrets, userAgent, reporter, takesCalls } = this.#around;
    const first = this.#names.get(settings.name);
    const complaints: Complaint[] = [];
    if (first !== undefined) {
      const { file, line } = reporter.place(['peeringContracts', first, 'name']);
      const text = `the contract ${quoted(settings.name)} stands in ${file}:${line}, too`;
      complaints.push({ path: ['name'], text });
    } else if (settings.name !== UNNAMED.name) {
      this.#names.set(settings.name, index);
    }
    const wrongPreset = levels.checkPreset(settings.preset);
    if (wrongPreset !== undefined) complaints.push(wrongPreset);
    reporter.report(path, complaints);
    return {
      contract: settings.name,
      admin: settings.admin ?? DEFAULTS.contract.admin,
      labels: settings.labels ?? {},
      // Its defaults and preset are nearer to an item than its `via`.
      levels: levels.below({ defaults: viaDefaults(settings.via) }).below(settings),
      ways,
      policies,
      secrets,
      userAgent,
      takesCalls,
    };
  }

  async #loadServers(
    items: readonly unknown[],
    path: readonly PathStep[],
    surroundings: PeerSurroundings,
    isGood: boolean,
  ): Promise<readonly PeerServerSpec[]> {
    const { env, reporter, slices } = this.#around;
    const servers: PeerServerSpec[] = [];
    const names = new Map<string, number>();
    for (const [index, item] of items.entries()) {
      const itemPath = [...path, 'peerServers', index];
      const complaints: Complaint[] = [];
      const checked = validate(peerServerSchema, item, env);
      if (!checked.ok) complaints.push(...checked.complaints);
      else {
        const { name } = checked.value;
        const first = names.get(name);
        if (first === undefined) names.set(name, index);
        else
          complaints.push(takenName(name, reporter.place([...path, 'peerServers', first, 'name'])));
        const server = isGood ? toPeerServer(checked.value, surroundings, complaints) : undefined;
        if (server !== undefined) {
          servers.push(server);
          this.#serverPaths.set(server.id, itemPath);
        }
      }
      reporter.report(itemPath, complaints);
      if (slices.spend(COST.schema)) await slices.pause();
    }
    return servers;
  }
}

function viaDefaults(via: string | undefined): DefaultsSettings | undefined {
  return via === undefined ? undefined : { registration: { via }, peerServer: { via } };
}

/** Stands in for a contract whose own keys are bad. */
const UNNAMED: ContractSettings = { name: '-' };

function takenName(
  name: string,
  place: { readonly file: string; readonly line: number },
): Complaint {
  const text = `the peer server ${quoted(name)} stands in ${place.file}:${place.line}, too`;
  return { path: ['name'], text };
}

/** The contract with empty lists, so that their items can be checked in slices. */
function withoutItems(raw: unknown): unknown {
  if (!isMap(raw)) return raw;
  const shell: Record<string, unknown> = { ...raw };
  for (const key of ['peerServers', 'registrations']) {
    if (Array.isArray(raw[key])) shell[key] = [];
  }
  return shell;
}

function listOf(raw: unknown, key: string): readonly unknown[] {
  const list = isMap(raw) ? raw[key] : undefined;
  return Array.isArray(list) ? list : [];
}
