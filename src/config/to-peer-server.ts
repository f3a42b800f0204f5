/** From the settings of one peer server to the spec that the core works with. */
import type { Admin, PeerServerSpec, Requires } from '../core/health/spec.ts';
import { parseHostPort, printHostPort } from './address.ts';
import { toCredentials, toDigestPolicy } from './credentials.ts';
import { DEFAULTS } from './defaults.ts';
import { parseDuration, parseQuorum } from './grammar.ts';
import { type Levels, type MergedDefaults, overlay } from './levels.ts';
import { withProfile } from './probe-profiles.ts';
import type { Complaint } from './problem.ts';
import type { PeerServerDefaults, PeerServerSettings } from './schema/peer-server.ts';
import type { SecretReader } from './secrets.ts';
import { type Policies, toProbe } from './to-probe.ts';
import { stricter } from './to-registration.ts';
import type { WayPlanner } from './way.ts';

/** What the peer servers of one contract have around them. */
export interface PeerSurroundings {
  readonly contract: string;
  readonly admin: Admin;
  readonly labels: Readonly<Record<string, string>>;
  readonly levels: Levels;
  readonly ways: WayPlanner;
  readonly policies: Policies;
  readonly secrets: SecretReader;
  readonly userAgent: string;
}

/** The spec, or undefined after at least one complaint that is no warning. */
export function toPeerServer(
  settings: PeerServerSettings,
  around: PeerSurroundings,
  complaints: Complaint[],
): PeerServerSpec | undefined {
  const wrongPreset = around.levels.checkPreset(settings.preset);
  if (wrongPreset !== undefined) complaints.push(wrongPreset);
  const defaults = around.levels.forItem(settings.preset);
  const all: PeerServerDefaults = overlay<PeerServerDefaults>(defaults.peerServer, settings);
  const scheme = all.uriScheme ?? DEFAULTS.peerServer.uriScheme;
  const last = parseHostPort(settings.sipProxy);
  if (typeof last === 'string') return undefined;
  const isSecure = scheme === 'sips';
  const tls = overlay(defaults.tls, settings.tls);
  const wish = { last, isSecure, settings: all, own: settings, tls, domain: last.host };
  const way = around.ways.plan(wish, complaints);
  const { auth } = settings;
  const credentials = auth && toCredentials(auth, auth.username, around.secrets, complaints);
  const isAuthWrong = auth !== undefined && credentials === undefined;
  if (way === undefined || isAuthWrong || wrongPreset !== undefined) return undefined;
  const probe = overlay(defaults.probe, withProfile(settings.probe ?? {}));
  complaints.push(...whyWayIsIdle(settings.probe, probe), ...whyNoConnection(probe, way.hop));
  return {
    id: `${around.contract}/${settings.name}`,
    contract: around.contract,
    name: settings.name,
    description: settings.description ?? '',
    labels: { ...around.labels, ...all.labels },
    admin: stricter(around.admin, all.admin ?? DEFAULTS.peerServer.admin),
    sipProxy: printHostPort(last),
    scheme,
    hop: way.hop,
    localSocket: way.localSocket,
    route: way.route,
    contact: way.proxy?.contact,
    tls: way.tls,
    sourceCheck: all.sourceCheck ?? DEFAULTS.peerServer.sourceCheck,
    priority: all.priority ?? DEFAULTS.peerServer.priority,
    weight: all.weight ?? DEFAULTS.peerServer.weight,
    whenNeverUp: all.whenNeverUp ?? DEFAULTS.peerServer.whenNeverUp,
    probe: toProbe(probe, around.policies, complaints),
    upWhen: parseQuorum(probe.upWhen ?? DEFAULTS.probe.upWhen),
    probeThrough: throughOf(probe),
    requires: toRequires(settings.requires, complaints),
    ...comingBack(all),
    userAgent: around.userAgent,
    credentials,
    digest: toDigestPolicy(all),
    ...callRules(all),
  };
}

/** A probe that only connects has a connection of its own. */
function throughOf({ mode, through }: MergedDefaults['probe']): string | undefined {
  return mode === 'connect' ? undefined : through;
}

const NO_CONNECTION: Complaint = {
  path: ['probe', 'mode'],
  text: "'mode: connect' makes connections: it needs 'transport: tcp' or 'tls', and cannot look through a 'via'",
};

function whyNoConnection(
  { mode }: MergedDefaults['probe'],
  { protocol, secure, via }: PeerServerSpec['hop'],
): readonly Complaint[] {
  const isStream = secure || protocol === 'tcp' || protocol === 'tls';
  return mode !== 'connect' || (isStream && via === undefined) ? [] : [NO_CONNECTION];
}

/** Of a server's own key only: in `defaults` it is for those that are probed. */
function whyWayIsIdle(
  own: PeerServerSettings['probe'],
  { mode }: MergedDefaults['probe'],
): readonly Complaint[] {
  if (own?.through === undefined || (mode !== 'off' && mode !== 'connect')) return [];
  const text =
    mode === 'off'
      ? "'through' is not used: with 'mode: off' nothing is probed"
      : "'through' is not used: with 'mode: connect' every probe makes a connection of its own";
  return [{ path: ['probe', 'through'], text, isRemark: true }];
}

function toRequires(
  settings: PeerServerSettings['requires'],
  complaints: Complaint[],
): Requires | undefined {
  if (settings === undefined) return undefined;
  const { registrations, atLeast } = settings;
  const wanted = atLeast ?? DEFAULTS.peerServer.requiresAtLeast;
  const ids = [...new Set(registrations)];
  if (wanted > ids.length) {
    const text = `'atLeast' is more than the ${ids.length} registrations of the list`;
    complaints.push({ path: ['requires', 'atLeast'], text });
  }
  return { registrations: ids, atLeast: wanted };
}

function comingBack(all: PeerServerDefaults): Pick<PeerServerSpec, 'slowStartMs' | 'hasDamping'> {
  const { slowStart, flapDamping } = DEFAULTS.peerServer;
  return {
    slowStartMs: parseDuration(all.slowStart ?? slowStart),
    hasDamping: all.flapDamping ?? flapDamping,
  };
}

function callRules(
  all: PeerServerDefaults,
): Pick<PeerServerSpec, 'callOriginHeaders' | 'requestUri' | 'from'> {
  return {
    callOriginHeaders: all.callOriginHeaders ?? DEFAULTS.peerServer.callOriginHeaders,
    requestUri: {
      strip: all.requestUri?.strip ?? 0,
      prefix: all.requestUri?.prefix ?? '',
      parameters: all.requestUri?.parameters ?? '',
    },
    from: { user: all.from?.user, domain: all.from?.domain },
  };
}
