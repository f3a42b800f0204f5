/** Our own sockets: those that are configured, and those that have to be made up. */
import type { TransportProtocol } from '../core/sip/locate/target.ts';
import type { LocalSocketSpec, TlsPart } from '../core/sip/transport/ports.ts';
import { familyOf, parseBind, parseHostPort, printHostPort } from './address.ts';
import { quoted } from './parse-yaml.ts';
import type { Complaint } from './problem.ts';
import type { LocalSocketSettings } from './schema.ts';
import type { SecretReader, SecretReading } from './secrets.ts';

/** Says what is wrong with the certificates of a socket, as only TLS itself can tell. */
export type InspectTls = (spec: LocalSocketSpec) => string | undefined;

/** The specs of what is configured; what is wrong with it goes into `complaints`. */
export function toLocalSockets(
  settings: readonly LocalSocketSettings[],
  secrets: SecretReader,
  complaints: Complaint[],
  inspectTls?: InspectTls,
): LocalSocketSpec[] {
  const specs: LocalSocketSpec[] = [];
  const seen = new Map<string, number>();
  for (const [index, one] of settings.entries()) {
    const first = seen.get(one.name);
    if (first !== undefined) {
      const text = `the name ${quoted(one.name)} is taken by local socket ${first + 1}`;
      complaints.push({ path: ['localSockets', index, 'name'], text });
    }
    seen.set(one.name, first ?? index);
    const spec = toLocalSocket(one, ['localSockets', index], secrets, complaints);
    if (spec === undefined) continue;
    specs.push(spec);
    const text = spec.tls === undefined ? undefined : inspectTls?.(spec);
    if (text !== undefined) complaints.push({ path: ['localSockets', index], text });
  }
  return specs;
}

/**
 * Sockets on ephemeral ports for what no configured one serves. `wanted` holds `protocol/family`;
 * where a host name decides the family, both are made unless a socket of the protocol is configured.
 */
export function makeUpSockets(
  configured: readonly LocalSocketSpec[],
  wanted: Iterable<string>,
): LocalSocketSpec[] {
  const made: LocalSocketSpec[] = [];
  for (const want of [...wanted].toSorted()) {
    const [protocol, family] = want.split('/');
    const isOurs = (one: LocalSocketSpec) => one.protocol === protocol;
    const families = family === 'any' && configured.some(isOurs) ? [] : FAMILIES.get(family);
    const present = [...configured, ...made].filter(isOurs);
    for (const missing of families ?? []) {
      if (present.some((one) => one.family === missing)) continue;
      made.push(madeUp(protocol === 'tcp' || protocol === 'tls' ? protocol : 'udp', missing));
    }
  }
  return made.map((one) => ({ ...one, name: freeName(one.name, configured) }));
}

const FAMILIES: ReadonlyMap<string | undefined, readonly (4 | 6)[]> = new Map([
  ['4', [4]],
  ['6', [6]],
  ['any', [4, 6]],
]);

function madeUp(protocol: TransportProtocol, family: 4 | 6): LocalSocketSpec {
  return { ...ephemeral(`auto-${protocol}${family}`, protocol, family), isMadeUp: true };
}

/** On every address of the family, at a port that the kernel chooses. */
export function ephemeral(
  name: string,
  protocol: TransportProtocol,
  family: 4 | 6,
): LocalSocketSpec {
  return {
    name,
    protocol,
    address: family === 6 ? '::' : '0.0.0.0',
    port: 0,
    family,
    advertise: undefined,
    tls: protocol === 'tls' ? { ca: undefined, certificate: undefined, key: undefined } : undefined,
  };
}

/** The name, with hyphens behind it where a configured socket has it. */
export function freeName(name: string, configured: readonly LocalSocketSpec[]): string {
  return configured.some((one) => one.name === name) ? freeName(`${name}-`, configured) : name;
}

function toLocalSocket(
  settings: LocalSocketSettings,
  path: readonly (string | number)[],
  secrets: SecretReader,
  complaints: Complaint[],
): LocalSocketSpec | undefined {
  const bind = parseBind(settings.bind);
  const family = typeof bind === 'string' ? undefined : familyOf(bind.kind);
  if (typeof bind === 'string' || family === undefined) {
    complaints.push({ path: [...path, 'bind'], text: "'bind' has to begin with an IP address" });
    return undefined;
  }
  const advertise =
    settings.advertise === undefined ? undefined : parseHostPort(settings.advertise);
  return {
    name: settings.name,
    protocol: settings.protocol,
    address: bind.host,
    port: bind.port,
    family,
    advertise: typeof advertise === 'object' ? printHostPort(advertise) : undefined,
    tls: toTls(settings, bind.port, path, secrets, complaints),
  };
}

function toTls(
  settings: LocalSocketSettings,
  port: number,
  path: readonly (string | number)[],
  secrets: SecretReader,
  complaints: Complaint[],
): LocalSocketSpec['tls'] {
  const { protocol, ca, crl, certificate, key } = settings;
  if (protocol !== 'tls') {
    for (const name of ['ca', 'crl', 'certificate', 'key'] as const) {
      if (settings[name] === undefined) continue;
      complaints.push({
        path: [...path, name],
        text: `'${name}' is for sockets with protocol tls`,
      });
    }
    return undefined;
  }
  if ((certificate === undefined) !== (key === undefined)) {
    complaints.push({ path, text: "'certificate' and 'key' need each other" });
  } else if (certificate === undefined && port !== 0) {
    const text = "a tls socket with a fixed port listens: it needs 'certificate' and 'key'";
    complaints.push({ path: [...path, 'bind'], text });
  }
  const pem = (name: string, reading: SecretReading | undefined): string | undefined => {
    if (reading === undefined || reading.kind === 'text') return reading?.text;
    const isWarning = reading.kind === 'unreadable';
    complaints.push({ path: [...path, name], text: reading.reason, isWarning });
    return undefined;
  };
  const readPem = (source: typeof key) =>
    source === undefined ? undefined : secrets.readPem(source);
  const authorities = ca === 'system' ? undefined : ca;
  const sources = { ca: authorities, crl, certificate, key };
  return {
    files: filesOf(sources, secrets),
    ca: pem('ca', readPem(authorities)),
    crl: pem('crl', readPem(crl)),
    certificate: pem('certificate', readPem(certificate)),
    key: pem('key', readPem(key)),
  };
}

function filesOf(
  sources: Readonly<Record<TlsPart, LocalSocketSettings['key']>>,
  secrets: SecretReader,
): Readonly<Partial<Record<TlsPart, string>>> {
  const files: Partial<Record<TlsPart, string>> = {};
  for (const part of ['ca', 'crl', 'certificate', 'key'] as const) {
    const source = sources[part];
    const path = source === undefined ? undefined : secrets.pathOf(source);
    if (path !== undefined) files[part] = path;
  }
  return files;
}
