/**
 * The way of a reload: load whole or list every problem -> guard -> sockets -> diff -> apply. Until the
 * sockets are open nothing is changed; after that nothing can fail. What is the same keeps its binding,
 * Call-ID, CSeq, nonce and timer.
 */

import { loadInThread } from '../config/config-thread.ts';
import type { DaemonSpec } from '../config/daemon-spec.ts';
import { diffSpecs, guardReload, type SpecDiff } from '../config/diff.ts';
import type { LoadResult } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { LocalSocketSpec } from '../core/sip/transport/ports.ts';
import type { ReloadReport } from '../http/ports.ts';
import type { DaemonLog } from '../observe/log.ts';
import type { WallClock } from '../observe/wall-clock.ts';
import { applyRegistrations } from './apply-registrations.ts';
import type { Assembly } from './assembly.ts';
import { comersOf, tellForecast } from './forecast.ts';
import { takeCalls } from './take-calls.ts';

export interface ReloaderOptions {
  readonly configPath: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text of the User-Agent header where the configuration gives none. */
  readonly userAgent: string;
  readonly assembly: Assembly;
  readonly log: DaemonLog;
  readonly wallClock: WallClock;
  /** Called after a change was applied, with what runs now: rows may have come. */
  readonly onApplied: (spec: DaemonSpec) => void;
}

export class Reloader {
  readonly #options: ReloaderOptions;
  #spec: DaemonSpec;

  /** `spec` is what runs already. */
  constructor(spec: DaemonSpec, options: ReloaderOptions) {
    this.#spec = spec;
    this.#options = options;
  }

  /** What runs now; keys that wait for a restart have their old values. */
  get spec(): DaemonSpec {
    return this.#spec;
  }

  async reload(isForced: boolean): Promise<ReloadReport> {
    const { configPath, env, userAgent, log } = this.#options;
    const startedAt = performance.now();
    const loaded = await loadInThread(configPath, { mode: 'run', env, userAgent });
    if (!loaded.ok) return this.#refuseInvalid(loaded);
    const reason = guardReload(this.#spec, loaded.spec, loaded.facts);
    if (reason !== undefined && !isForced) {
      log.write('error', 'config.reloadRefused', { reason: 'guard', text: reason });
      return { kind: 'refused', reason };
    }
    const unusable = await this.#changeSockets(loaded.spec);
    if (unusable !== undefined) {
      log.write('error', 'config.reloadRefused', { reason: 'sockets', text: unusable });
      return { kind: 'refused', reason: unusable };
    }
    const diff = diffSpecs(this.#spec, loaded.spec);
    const counts = await this.#apply(diff, loaded.spec);
    const warnings = logWarnings(loaded, log);
    const restartNeeded = [...diff.restartKeys];
    if (restartNeeded.length > 0)
      log.write('warn', 'config.restartNeeded', { keys: restartNeeded });
    const durationMs = Math.round(performance.now() - startedAt);
    log.write('info', 'config.reloaded', { ...counts, durationMs });
    const { assembly, wallClock } = this.#options;
    const { clock } = assembly;
    tellForecast(comersOf(diff), loaded.spec.pacing, { clock, log, wallClock });
    return { kind: 'applied', ...counts, warnings, restartNeeded };
  }

  /** Other certificates for what runs, without a reload; what cannot be used leaves the old ones. */
  async renewCertificates(
    localSockets: readonly LocalSocketSpec[],
    changed: readonly string[],
  ): Promise<void> {
    const { assembly, log } = this.#options;
    const reasons = await assembly.transport.change(localSockets);
    if (reasons.length > 0) {
      const text = `${reasons.join(' ')} The old ones are used until the files change again.`;
      log.write('error', 'certificates.refused', { localSockets: changed, text });
      return;
    }
    this.#spec = { ...this.#spec, localSockets };
    log.write('info', 'certificates.renewed', { localSockets: changed });
  }

  #refuseInvalid(loaded: LoadResult & { readonly ok: false }): ReloadReport {
    const { log } = this.#options;
    const problems = loaded.problems.map(formatProblem);
    for (const problem of problems) log.write('error', 'config.problem', { problem });
    const text = `${problems.length === 1 ? 'One problem' : `${problems.length} problems`}; what ran before goes on.`;
    log.write('error', 'config.reloadRefused', { reason: 'invalid', text });
    return { kind: 'invalid', problems };
  }

  async #apply(diff: SpecDiff, after: DaemonSpec): Promise<Counts> {
    const { assembly, onApplied } = this.#options;
    this.#spec = withRestartKeysOf(this.#spec, after);
    this.#applyHotKeys(after);
    assembly.proxies.apply(after.proxies);
    assembly.prober.apply(after.contracts);
    assembly.router.membersChanged();
    await applyRegistrations(assembly.keeper, diff.registrations);
    onApplied(this.#spec);
    return count(diff, after);
  }

  /** Sockets come before what uses them. Returns why they cannot be opened; nothing has changed then. */
  async #changeSockets({ localSockets }: DaemonSpec): Promise<string | undefined> {
    const reasons = await this.#options.assembly.transport.change(localSockets);
    if (reasons.length === 0) return undefined;
    return `${reasons.join(' ')} What ran before goes on; the reload is refused.`;
  }

  #applyHotKeys(spec: DaemonSpec): void {
    const { assembly, log } = this.#options;
    assembly.senders.setAllowed(spec.inbound.allow);
    assembly.stack.setMaxInboundRate(spec.inbound.maxRate);
    takeCalls(assembly, spec);
    assembly.stack.pacer.setPacing(spec.pacing);
    assembly.keeper.setPacing(spec.pacing);
    assembly.prober.setProbesPerSec(spec.probesPerSec);
    assembly.prober.setOwnFault(spec.ownFault);
    log.setLevel(spec.log.level);
  }
}

type Counts = Pick<
  ReloadReport & { readonly kind: 'applied' },
  'added' | 'changed' | 'removed' | 'unchanged' | 'peerServers'
>;

function count({ registrations, peerServers }: SpecDiff, after: DaemonSpec): Counts {
  const { added, removed, changed, renamed } = registrations;
  const isNew = added.length + changed.length + renamed.length;
  return {
    added: added.length,
    changed: changed.length + renamed.length,
    removed: removed.length,
    unchanged: after.registrations.length - isNew,
    peerServers: {
      added: peerServers.added.length,
      changed: peerServers.changed.length,
      removed: peerServers.removed.length,
    },
  };
}

/** What waits for a restart still is as it was, so that the next reload says so again. */
function withRestartKeysOf(running: DaemonSpec, after: DaemonSpec): DaemonSpec {
  const { http, stateDirectory, dns, hostId } = running;
  return { ...after, http, stateDirectory, dns, hostId };
}

/** Logs the warnings of a load, and gives them as text. */
export function logWarnings(
  loaded: Pick<LoadResult, 'warnings'>,
  log: DaemonLog,
): readonly string[] {
  const warnings = loaded.warnings.map(formatProblem);
  for (const problem of warnings) log.write('warn', 'config.problem', { problem });
  return warnings;
}
