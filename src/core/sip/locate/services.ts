/**
 * Which SRV names are asked for, and for which transport: what NAPTR says (RFC 3263 section 4.1, RFC
 * 3403), else the names that each transport has by custom. Pure.
 */
import { bareName } from './domain-name.ts';
import type { LookupRecord, NaptrRecord } from './ports.ts';
import type { TransportProtocol } from './target.ts';

export interface Service {
  /** Owner of the SRV records. */
  readonly name: string;
  readonly protocol: TransportProtocol;
}

/** RFC 3263 section 4.1 and 10; SCTP and WebSocket services are not ours. */
const TRANSPORT_OF_SERVICE: ReadonlyMap<string, TransportProtocol> = new Map([
  ['sip+d2u', 'udp'],
  ['sip+d2t', 'tcp'],
  ['sips+d2t', 'tls'],
]);

const MAX_SERVICES = 8;

/** The usable ones of a domain's NAPTR records, the preferred one first. */
export function naptrServices(
  records: readonly LookupRecord[],
  isSecure: boolean,
  usable: readonly TransportProtocol[],
): readonly Service[] {
  const services: Service[] = [];
  for (const { flags, service, replacement } of inOrder(records)) {
    const protocol = TRANSPORT_OF_SERVICE.get(service.toLowerCase());
    const isUsable = protocol !== undefined && usable.includes(protocol);
    if (!isUsable || flags.toLowerCase() !== 's') continue;
    // "MUST discard any services that do not contain SIPS": only those are TLS here.
    if (isSecure && protocol !== 'tls') continue;
    const name = bareName(replacement);
    const isNew = !services.some((known) => known.name === name && known.protocol === protocol);
    if (name !== '' && isNew && services.length < MAX_SERVICES) services.push({ name, protocol });
  }
  return services;
}

/**
 * Without NAPTR: `_sip` for each transport, or `_sips` for a sips URI. TLS for a sip URI has a name
 * too (`_sips._tcp`), but it is asked for only where the transport is given.
 */
export function standardServices(
  domain: string,
  protocols: readonly TransportProtocol[],
  isSecure: boolean,
): readonly Service[] {
  const isGiven = protocols.length === 1;
  return protocols
    .filter((protocol) => protocol !== 'tls' || isSecure || isGiven)
    .map((protocol) => ({ name: `${PREFIX[protocol]}.${domain}`, protocol }));
}

const PREFIX: Readonly<Record<TransportProtocol, string>> = {
  udp: '_sip._udp',
  tcp: '_sip._tcp',
  tls: '_sips._tcp',
};

function inOrder(records: readonly LookupRecord[]): readonly NaptrRecord[] {
  return records
    .filter((record) => record.kind === 'naptr')
    .toSorted((a, b) => a.order - b.order || a.preference - b.preference);
}
