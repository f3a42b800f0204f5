/** A URI of the command line, as the smallest configuration that does it; the loader does the rest. */
import { resolve } from 'node:path';
import type { DaemonSpec } from '../config/daemon-spec.ts';
import { loadConfig } from '../config/load.ts';
import { parseYaml } from '../config/parse-yaml.ts';
import { parseUri, printUri, type SipUri } from '../core/sip/message/uri.ts';
import type { CliIo } from './io.ts';
import { readVersion } from './version.ts';

export interface TryOptions {
  readonly username?: string;
  readonly password?: string;
  readonly passwordFile?: string;
  readonly realm?: string;
  readonly registrar?: string;
  readonly contact?: string;
  readonly expires?: string;
  readonly ca?: string;
  readonly insecure?: boolean;
  readonly keep?: boolean;
}

export type TrySpec =
  | { readonly ok: true; readonly spec: DaemonSpec }
  | { readonly ok: false; readonly text: string };

const PASSWORD_VARIABLE = 'TRUNKD_PASSWORD';

/** One registration for `sip:user@domain`; the password never stands in the text that is checked. */
export async function registrationToTry(
  uriText: string,
  options: TryOptions,
  io: CliIo,
): Promise<TrySpec> {
  const uri = parseUri(uriText);
  if (uri?.user === undefined) return { ok: false, text: 'The URI has to be sip:user@domain.' };
  const password =
    options.passwordFile === undefined
      ? { env: PASSWORD_VARIABLE }
      : { file: resolve(options.passwordFile) };
  const registration = {
    id: 'try',
    username: uri.user,
    domain: uri.host,
    auth: { username: options.username, realm: options.realm, password },
    registrar: options.registrar ?? hopOf(uri),
    contact: options.contact ?? 'self',
    expires: options.expires === undefined ? 60 : Number(options.expires),
    // The daemon of this host would lose its binding to a trial with the same instance-id.
    outbound: 'off',
    onRemove: options.keep === true ? 'keep' : 'unregister',
    tls: tlsOf(options),
  };
  return await load({ name: 'try', registrations: [registration] }, options, io);
}

/** One peer server for `sip:host`, probed once. */
export async function peerToTry(uriText: string, options: TryOptions, io: CliIo): Promise<TrySpec> {
  const uri = parseUri(uriText);
  if (uri === undefined) return { ok: false, text: 'The URI has to be sip:host or sips:host.' };
  const host = uri.host.includes(':') ? `[${uri.host}]` : uri.host;
  const server = {
    name: 'try',
    sipProxy: uri.port === undefined ? host : `${host}:${uri.port}`,
    uriScheme: uri.scheme,
    transport: uri.params.get('transport')?.toLowerCase(),
    probe: { fall: 1, rise: 1 },
    tls: tlsOf(options),
  };
  return await load({ name: 'try', peerServers: [server] }, options, io);
}

/** Port and transport of the URI name the next hop, as they do for a call. */
function hopOf(uri: SipUri): string | undefined {
  if (uri.scheme === 'sip' && uri.port === undefined && uri.params.size === 0) return undefined;
  return printUri({ ...uri, user: undefined, password: undefined, headers: undefined });
}

function tlsOf({ insecure }: TryOptions): object | undefined {
  return insecure === true ? { verify: 'off' } : undefined;
}

async function load(contract: object, options: TryOptions, io: CliIo): Promise<TrySpec> {
  const { ca, password } = options;
  const tlsSocket = { name: 'tls', protocol: 'tls', bind: '0.0.0.0:0', ca };
  const text = JSON.stringify({
    http: 'off',
    state: 'off',
    localSockets: ca === undefined ? undefined : [tlsSocket],
    peeringContracts: [contract],
  });
  const env = password === undefined ? io.env : { ...io.env, [PASSWORD_VARIABLE]: password };
  const loaded = await loadConfig('command line', {
    mode: 'run',
    env,
    userAgent: `trunkd/${readVersion()}`,
    parseFile: async () => ({ kind: 'parsed', parsed: parseYaml(text) }),
  });
  if (loaded.ok) return loaded;
  // Lines and columns of a text that nobody has seen would only confuse.
  return { ok: false, text: loaded.problems.map((problem) => problem.text).join('\n') };
}
