/** The sections of the configuration that stand at the top, as the daemon wants them. */
import { Secret } from '../core/base/secret.ts';
import type { OwnFaultSpec } from '../core/health/spec.ts';
import { familyOf, isLoopback, parseBind, parseHostPort, printHostPort } from './address.ts';
import { readSecret } from './credentials.ts';
import type { DaemonSpec, RoleToken } from './daemon-spec.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration, parsePercent } from './grammar.ts';
import type { Complaint } from './problem.ts';
import type { ConfigSettings } from './schema.ts';
import type { SecretReader } from './secrets.ts';
import type { Environment } from './tidy.ts';

export type TopSpec = Omit<
  DaemonSpec,
  'localSockets' | 'proxies' | 'inbound' | 'contracts' | 'registrations' | 'consumers'
> & { readonly inbound: Omit<DaemonSpec['inbound'], 'relay'> };

/** Everything but sockets, contracts and registrations. */
export function toTopSpec(
  settings: ConfigSettings,
  env: Environment,
  secrets: SecretReader,
  complaints: Complaint[],
): TopSpec {
  const { inbound, metrics, log, dns } = settings;
  return {
    inbound: {
      allow: inbound?.allow ?? [],
      maxRate: inbound?.maxRate ?? DEFAULTS.inbound.maxRate,
    },
    http: toHttp(settings.http, secrets, complaints),
    stateDirectory: toStateDirectory(settings.state, env),
    log: { level: log?.level ?? DEFAULTS.log.level },
    dns: { servers: dns?.servers?.map(canonicalServer) },
    pacing: toPacing(settings.pacing, complaints),
    ownFault: toOwnFault(settings.ownFault),
    probesPerSec: settings.pacing?.probes ?? DEFAULTS.pacing.probes,
    metrics: { perRegistration: metrics?.perRegistration ?? DEFAULTS.metrics.perRegistration },
    hostId: settings.hostId,
    unregisterOnStop: settings.unregisterOnStop ?? DEFAULTS.unregisterOnStop,
  };
}

function toHttp(
  settings: ConfigSettings['http'],
  secrets: SecretReader,
  complaints: Complaint[],
): DaemonSpec['http'] {
  if (settings === 'off') return undefined;
  const bind = parseBind(settings?.bind ?? DEFAULTS.http.bind);
  const isAddress = typeof bind === 'object' && (familyOf(bind.kind) ?? bind.host) !== bind.host;
  if (typeof bind === 'string' || (!isAddress && bind.host !== 'localhost')) {
    complaints.push({ path: ['http', 'bind'], text: "'bind' has to begin with an IP address" });
    return undefined;
  }
  const tokens = toRoleTokens(settings?.tokens, secrets, complaints);
  if (settings?.token === undefined) {
    if (!isLoopback(bind)) {
      complaints.push({
        path: ['http', 'bind'],
        text: 'others than this machine can reach the API: it needs a token',
        hint: 'give http.token, or bind to 127.0.0.1',
      });
    }
    return { host: bind.host, port: bind.port, token: undefined, tokens };
  }
  const token = readSecret(settings.token, ['http', 'token'], secrets, complaints);
  if (token === undefined) return undefined;
  return { host: bind.host, port: bind.port, token: new Secret(token), tokens };
}

/** One that cannot be read is told and left out: an empty token would let everybody in. */
function toRoleTokens(
  settings: NonNullable<Exclude<ConfigSettings['http'], 'off'>>['tokens'],
  secrets: SecretReader,
  complaints: Complaint[],
): readonly RoleToken[] {
  const tokens: RoleToken[] = [];
  for (const [index, { name, role, token }] of (settings ?? []).entries()) {
    const path = ['http', 'tokens', index, 'token'];
    const text = readSecret(token, path, secrets, complaints);
    if (text === '' && token === '') complaints.push({ path, text: 'the token is empty' });
    if (text !== undefined && text !== '') tokens.push({ name, role, token: new Secret(text) });
  }
  return tokens;
}

/** systemd gives several directories separated by colons; the first is ours. */
function toStateDirectory(settings: ConfigSettings['state'], env: Environment): string | undefined {
  if (settings === 'off') return undefined;
  if (settings !== undefined) return settings.directory;
  const [given] = (env['STATE_DIRECTORY'] ?? '').split(':');
  return given === '' ? undefined : given;
}

function toOwnFault(settings: ConfigSettings['ownFault']): OwnFaultSpec {
  const { ownFault } = DEFAULTS;
  return {
    maxDownShare: (parsePercent(settings?.maxDown ?? ownFault.maxDown) ?? 0) / 100,
    minTargets: settings?.minTargets ?? ownFault.minTargets,
    minContracts: settings?.minContracts ?? ownFault.minContracts,
    freezeMaxMs: parseDuration(settings?.freezeMax ?? ownFault.freezeMax) ?? 0,
  };
}

function toPacing(
  settings: ConfigSettings['pacing'],
  complaints: Complaint[],
): DaemonSpec['pacing'] {
  const perTarget = settings?.perTarget ?? DEFAULTS.pacing.perTarget;
  const max = settings?.max ?? perTarget;
  if (perTarget > 0 && max < perTarget) {
    complaints.push({ path: ['pacing', 'max'], text: "'max' cannot be below 'perTarget'" });
  }
  return { perTarget, burst: settings?.burst ?? DEFAULTS.pacing.burst, max };
}

function canonicalServer(text: string): string {
  const parsed = parseHostPort(text);
  if (typeof parsed === 'string') return text;
  // node:dns wants an IPv6 address bare unless a port follows.
  return parsed.port === undefined ? parsed.host : printHostPort(parsed);
}
