/**
 * Loads a whole configuration, or tells everything that is wrong with it. YAML is parsed in a worker
 * thread; registrations (inline and bulk) and peer servers are checked in short slices on the main
 * thread, so that a reload of 100,000 lines never holds up a refresh.
 */
import { dirname, resolve } from 'node:path';
import type { ContractSpec } from '../core/health/spec.ts';
import type { RegistrationSpec } from '../core/registration/spec.ts';
import type { ProxySpec } from '../core/sip/proxy/ports.ts';
import type { LocalSocketSpec } from '../core/sip/transport/ports.ts';
import { checkSpec } from './check.ts';
import type { ConsumerSpec, DaemonSpec } from './daemon-spec.ts';
import { DEFAULTS } from './defaults.ts';
import { type Relaying, toRelaying, whyShared } from './forward-to.ts';
import { Levels } from './levels.ts';
import { type BulkFile, ContractLoader, type LoadSurroundings } from './load-contract.ts';
import { type InspectTls, makeUpSockets, toLocalSockets } from './local-sockets.ts';
import { isMap } from './merge-sources.ts';
import { type Complaint, type Problem, ProblemList } from './problem.ts';
import { toProxies } from './proxies.ts';
import { Reporter } from './reporter.ts';
import { checkRequires, UnsoundRegistrations } from './requires.ts';
import { validateOrSalvage } from './salvage.ts';
import { type ConfigSettings, configSchema } from './schema.ts';
import { SecretReader } from './secrets.ts';
import { Slices } from './slices.ts';
import { type ParseFile, readSources, type Sources } from './sources.ts';
import type { Environment } from './tidy.ts';
import { toConsumers } from './to-consumers.ts';
import { toTopSpec } from './to-daemon.ts';
import { toPolicies } from './to-probe.ts';
import { RegistrationPlaces, UniqueRegistrations } from './unique.ts';
import { WayPlanner } from './way.ts';
import { YamlThread } from './yaml-thread.ts';

export interface LoadOptions {
  /** A secret that cannot be read is an error in `run`, a warning in `check`. */
  readonly mode: 'run' | 'check';
  readonly env: Environment;
  /** Text of the User-Agent header where the configuration gives none. */
  readonly userAgent?: string;
  /** For tests: parses in place of the worker thread. */
  readonly parseFile?: ParseFile;
  /** Where nobody opens the sockets: looks at certificates and keys all the same. */
  readonly inspectTls?: InspectTls;
  /** How many problems, and how many warnings, are told in detail; default 100. */
  readonly maxProblems?: number;
}

/** What a reload and the log want to know besides the result. */
export interface LoadFacts {
  readonly files: readonly string[];
  readonly bulkFiles: readonly BulkFile[];
  /** Turns of the event loop that checking took. */
  readonly slices: number;
}

export type LoadResult =
  | {
      readonly ok: true;
      readonly spec: DaemonSpec;
      readonly warnings: readonly Problem[];
      readonly facts: LoadFacts;
    }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      readonly warnings: readonly Problem[];
      readonly facts: LoadFacts;
    };

/** Never throws for what stands in a file, and never prints a secret. */
export async function loadConfig(path: string, options: LoadOptions): Promise<LoadResult> {
  const limit = options.maxProblems ?? 100;
  const problems = new ProblemList(limit);
  const warnings = new ProblemList(limit);
  const thread = options.parseFile === undefined ? new YamlThread() : undefined;
  const parse = options.parseFile ?? ((file: string) => (thread as YamlThread).parse(file));
  let sources: Sources;
  try {
    sources = await readSources(path, parse, problems);
  } finally {
    await thread?.stop();
  }
  const reporter = new Reporter(sources, problems, warnings, options.mode);
  const slices = new Slices();
  const built = sources.isWhole
    ? await new Load(path, sources, options, reporter, slices).build()
    : undefined;
  const bulkFiles = built?.bulkFiles ?? [];
  const files = [...sources.files, ...bulkFiles.map((file) => file.path)];
  const facts = { files: sources.files, bulkFiles, slices: slices.count };
  const listed = { warnings: warnings.list(files, 'warnings'), facts };
  return built === undefined || problems.size > 0
    ? { ok: false, problems: problems.list(files, 'problems'), ...listed }
    : { ok: true, spec: built.spec, ...listed };
}

/** Top keys that servers and registrations depend on. */
const ITEM_KEYS = [
  'localSockets',
  'inbound',
  'proxies',
  'presets',
  'preset',
  'defaults',
  'answerPolicies',
];

interface Built {
  readonly spec: DaemonSpec;
  readonly bulkFiles: readonly BulkFile[];
}

/** One load, from the tree to the spec. */
class Load {
  readonly #sources: Sources;
  readonly #options: LoadOptions;
  readonly #reporter: Reporter;
  readonly #secrets: SecretReader;
  readonly #slices: Slices;
  readonly #path: string;
  readonly #unsound = new UnsoundRegistrations();

  constructor(
    path: string,
    sources: Sources,
    options: LoadOptions,
    reporter: Reporter,
    slices: Slices,
  ) {
    this.#path = path;
    this.#sources = sources;
    this.#options = options;
    this.#reporter = reporter;
    this.#slices = slices;
    this.#secrets = new SecretReader(options.env, resolve(dirname(path)));
  }

  async build(): Promise<Built> {
    const { env, inspectTls } = this.#options;
    const { root } = this.#sources;
    const rawContracts = isMap(root) ? root['peeringContracts'] : undefined;
    const isList = Array.isArray(rawContracts);
    const shell = isMap(root) && isList ? { ...root, peeringContracts: [] } : root;
    const top = validateOrSalvage(configSchema, shell, {}, env);
    this.#reporter.report([], top.complaints);
    const { settings } = top;
    const complaints: Complaint[] = [];
    const topSpec = toTopSpec(settings, env, this.#secrets, complaints);
    const configured = settings.localSockets ?? [];
    const sockets = toLocalSockets(configured, this.#secrets, complaints, inspectTls);
    const levels = Levels.top(settings.presets ?? {});
    complaints.push(...[levels.checkPreset(settings.preset)].filter((one) => one !== undefined));
    this.#reporter.report([], complaints);
    const ways = new WayPlanner(sockets);
    const proxies = this.#toProxies(settings, ways);
    const isTopGood = top.isUsable && ITEM_KEYS.every((key) => !top.broken.has(key));
    const policyComplaints: Complaint[] = [];
    const policies = toPolicies(settings.answerPolicies, policyComplaints);
    this.#reporter.report([], policyComplaints);
    const loader = this.#contractLoader(settings, levels, { ways, policies }, isTopGood);
    const contracts: ContractSpec[] = [];
    const registrations: RegistrationSpec[] = [];
    for (const [index, raw] of (isList ? rawContracts : []).entries()) {
      const contract = await loader.load(raw, index, registrations);
      if (contract !== undefined) contracts.push(contract);
    }
    const isWhole = contracts.length === (isList ? rawContracts.length : 0);
    const consumers = this.#toConsumers(settings, isWhole ? contracts : undefined);
    const relaying = this.#toRelaying(settings, sockets, ways);
    const inbound = { ...topSpec.inbound, relay: relaying?.relay };
    const localSockets = allSockets(sockets, ways, relaying?.socket);
    const spec = {
      ...topSpec,
      ...{ inbound, localSockets, proxies, contracts, registrations, consumers },
    };
    const there = { registrations, unsound: this.#unsound };
    checkRequires(contracts, there, loader.places, this.#reporter);
    if (isTopGood) {
      const { worldReadable } = this.#secrets;
      checkSpec(spec, this.#reporter, loader.places, { worldReadable, isWhole });
    }
    return { spec, bulkFiles: loader.bulkFiles };
  }

  #toProxies(settings: ConfigSettings, ways: WayPlanner): readonly ProxySpec[] {
    const complaints: Complaint[] = [];
    const userAgent = this.#userAgent(settings);
    const proxies = toProxies(settings.proxies ?? [], ways, userAgent, complaints);
    this.#reporter.report([], complaints);
    ways.useProxies(proxies);
    return proxies;
  }

  #toConsumers(
    { consumers }: ConfigSettings,
    contracts: readonly ContractSpec[] | undefined,
  ): readonly ConsumerSpec[] {
    const complaints: Complaint[] = [];
    const baseDirectory = dirname(this.#path);
    const around = { baseDirectory, contracts, secrets: this.#secrets };
    const specs = toConsumers(consumers ?? [], around, complaints);
    this.#reporter.report([], complaints);
    return specs;
  }

  #toRelaying(
    { inbound }: ConfigSettings,
    sockets: readonly LocalSocketSpec[],
    ways: WayPlanner,
  ): Relaying | undefined {
    const complaints: Complaint[] = [];
    const relaying = toRelaying(inbound, sockets, ways, complaints);
    const shared = whyShared(inbound, ways.named);
    if (shared !== undefined) complaints.push(shared);
    this.#reporter.report([], complaints);
    return relaying;
  }

  #userAgent({ userAgent }: ConfigSettings): string {
    return userAgent ?? this.#options.userAgent ?? DEFAULTS.userAgent;
  }

  #contractLoader(
    settings: ConfigSettings,
    levels: Levels,
    { ways, policies }: Pick<LoadSurroundings, 'ways' | 'policies'>,
    isTopGood: boolean,
  ): ContractLoader {
    return new ContractLoader({
      env: this.#options.env,
      baseDirectory: dirname(this.#path),
      levels: levels.below(settings),
      ways,
      policies,
      secrets: this.#secrets,
      userAgent: this.#userAgent(settings),
      reporter: this.#reporter,
      slices: this.#slices,
      unique: new UniqueRegistrations(),
      registrationPlaces: new RegistrationPlaces(),
      unsound: this.#unsound,
      isTopGood,
      takesCalls: settings.inbound?.forwardTo !== undefined,
    });
  }
}

/** The socket for the relay stands last, and counts for nothing else: it is nobody's default. */
function allSockets(
  sockets: readonly LocalSocketSpec[],
  ways: WayPlanner,
  relay: LocalSocketSpec | undefined,
): readonly LocalSocketSpec[] {
  const others = sockets.filter((one) => one !== relay);
  const all = [...others, ...makeUpSockets(others, ways.wanted)];
  return relay === undefined ? all : [...all, relay];
}
