/**
 * Does a certificate name the SIP domain that was asked for? RFC 5922 section 7: where the
 * subjectAltName holds sip URIs without a user part, only those count; else its DNS names; the common
 * name only where there is no subjectAltName at all. No wildcards, no suffixes. Node's own check knows
 * none of these rules: it overlooks the URIs, and lets wildcards pass.
 */
import { isIP, SocketAddress } from 'node:net';

/** The names of a certificate as `node:crypto` prints them. */
export interface CertificateNames {
  /** `X509Certificate.subjectAltName`; undefined when the certificate has none. */
  readonly subjectAltName: string | undefined;
  readonly commonNames: readonly string[];
}

export interface ExpectedIdentity {
  /** Host names or IP literals; one of them has to be proved. */
  readonly identities: readonly string[];
  readonly allowWildcard: boolean;
}

interface AltName {
  /** As OpenSSL prints it: `DNS`, `URI`, `IP Address` ... */
  readonly type: string;
  readonly value: string;
}

const MAX_TEXT = 200;

/** Undefined when the certificate proves the identity; else one sentence that says what it names instead. */
export function identityMismatch(
  names: CertificateNames,
  expected: ExpectedIdentity,
): string | undefined {
  const altNames = names.subjectAltName === undefined ? [] : parseAltNames(names.subjectAltName);
  if (altNames === undefined) return 'The subjectAltName of the certificate cannot be read.';
  const { identities, allowWildcard } = expected;
  const found = new Set<string>();
  for (const identity of identities) {
    const candidates = identitiesOf(altNames, names, isIP(identity) !== 0);
    if (candidates.some((one) => isSame(one, identity, allowWildcard))) return undefined;
    for (const candidate of candidates) found.add(candidate);
  }
  const named = found.size === 0 ? 'no SIP domain' : [...found].join(', ');
  return printable(`The certificate names ${named}, not ${identities.join(' or ')}.`);
}

/**
 * The entries of `X509Certificate.subjectAltName`, such as `DNS:a.example, URI:sip:a.example`. Values
 * with commas, quotes or control characters stand there as JSON strings; splitting at commas alone
 * would let a certificate smuggle names in. Undefined when the text breaks these rules.
 */
export function parseAltNames(text: string): readonly AltName[] | undefined {
  const entries: AltName[] = [];
  let position = 0;
  while (position < text.length) {
    const colon = text.indexOf(':', position);
    if (colon < 0) return undefined;
    const type = text.slice(position, colon);
    const isQuoted = text[colon + 1] === '"';
    const end = isQuoted ? endOfQuoted(text, colon + 1) : endOfPlain(text, colon + 1);
    if (end === undefined || (end < text.length && !text.startsWith(', ', end))) return undefined;
    const raw = text.slice(colon + 1, end);
    const value = isQuoted ? unquoted(raw) : raw;
    if (value === undefined) return undefined;
    entries.push({ type, value });
    position = end + 2;
  }
  return entries;
}

/** The names that count for this certificate, by the order of RFC 5922 section 7.1. */
function identitiesOf(
  altNames: readonly AltName[],
  names: CertificateNames,
  wantsAddress: boolean,
): readonly string[] {
  const uris = altNames.flatMap(({ type, value }) => (type === 'URI' ? sipDomain(value) : []));
  if (wantsAddress) {
    // An address has an entry type of its own, which no URI rules out.
    const addresses = altNames.filter(({ type }) => type === 'IP Address');
    return [...uris, ...addresses.map(({ value }) => value)];
  }
  if (uris.length > 0) return uris;
  if (names.subjectAltName !== undefined)
    return altNames.filter(({ type }) => type === 'DNS').map(({ value }) => value);
  return names.commonNames;
}

/** The host of a `sip:` URI that names a domain: no user part (RFC 5922 section 7.1). */
function sipDomain(uri: string): readonly string[] {
  if (uri.slice(0, 4).toLowerCase() !== 'sip:' || uri.includes('@')) return [];
  const rest = uri.slice(4);
  const bracket = rest.startsWith('[') ? rest.indexOf(']') : -1;
  if (bracket > 0) return [rest.slice(1, bracket)];
  const host = rest.slice(0, rest.search(/[:;?]|$/));
  return host === '' ? [] : [host];
}

function isSame(candidate: string, identity: string, allowWildcard: boolean): boolean {
  const family = isIP(identity);
  if (family !== 0)
    return isIP(candidate) === family && canonical(candidate) === canonical(identity);
  const wanted = comparable(identity);
  const offered = comparable(candidate);
  if (offered === wanted) return wanted !== '';
  return allowWildcard && matchesWildcard(offered, wanted);
}

/** `*.example.com` for exactly one label, never for a whole top-level domain. */
function matchesWildcard(pattern: string, name: string): boolean {
  if (!pattern.startsWith('*.') || pattern.indexOf('.', 2) < 0) return false;
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot) === pattern.slice(1);
}

/** DNS names compare without regard to ASCII case, or to the dot of the root. */
function comparable(name: string): string {
  const lower = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

function canonical(address: string): string {
  return new SocketAddress({ address, family: isIP(address) === 6 ? 'ipv6' : 'ipv4' }).address;
}

function endOfPlain(text: string, start: number): number {
  const comma = text.indexOf(', ', start);
  return comma < 0 ? text.length : comma;
}

function endOfQuoted(text: string, start: number): number | undefined {
  for (let position = start + 1; position < text.length; position += 1) {
    if (text[position] === '\\') position += 1;
    else if (text[position] === '"') return position + 1;
  }
  return undefined;
}

function unquoted(raw: string): string | undefined {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'string' ? value : undefined;
  } catch {
    // Not what OpenSSL prints: the caller refuses the certificate.
    return undefined;
  }
}

/** A certificate's text comes from outside: no control characters into logs, and not without end. */
function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT)}...` : clean;
}
