/**
 * A test PKI of its own, made with openssl when a test asks for it: an authority, servers with the
 * identities that RFC 5922 section 7 tells apart (from the trunkd test corpus), and a client for mutual TLS.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownDirectory, run } from './processes.ts';

interface Identity {
  /** Entries of the subjectAltName, `TYPE:value`; none: the certificate has no such extension. */
  readonly altNames: readonly string[];
  readonly commonName: string;
  readonly issuer?: 'ca' | 'otherca';
  readonly usage?: string;
  /** Negative: it has expired. */
  readonly days?: number;
}

/** Each for `registrar.test`, unless the name says otherwise. */
const IDENTITIES = {
  good: {
    altNames: [
      'DNS:registrar.test',
      'URI:sip:registrar.test',
      'DNS:localhost',
      'IP:127.0.0.1',
      'IP:::1',
    ],
    commonName: 'registrar.test',
  },
  dnsonly: { altNames: ['DNS:registrar.test'], commonName: 'registrar.test' },
  urionly: { altNames: ['URI:sip:registrar.test'], commonName: 'other.example' },
  /** A sip URI for another domain makes the DNS name void. */
  urimism: {
    altNames: ['URI:sip:other.example', 'DNS:registrar.test'],
    commonName: 'registrar.test',
  },
  cnonly: { altNames: [], commonName: 'registrar.test' },
  wildcard: { altNames: ['DNS:*.registrar.test'], commonName: 'wild' },
  /** An empty subject, as authorities make certificates today. */
  nosubject: { altNames: ['DNS:registrar.test'], commonName: '' },
  /** Names a user, not a domain. */
  userpart: { altNames: ['URI:sip:alice@registrar.test'], commonName: 'registrar.test' },
  wrongname: { altNames: ['DNS:wrong.example'], commonName: 'wrong.example' },
  /** One name whose text looks like two once it is printed. */
  smuggled: {
    altNames: ['DNS:evil.example, DNS:registrar.test'],
    commonName: 'registrar.test',
  },
  expired: {
    altNames: ['DNS:registrar.test', 'URI:sip:registrar.test'],
    commonName: 'registrar.test',
    days: -1,
  },
  untrusted: {
    altNames: ['DNS:registrar.test', 'URI:sip:registrar.test'],
    commonName: 'registrar.test',
    issuer: 'otherca',
  },
  clientonly: {
    altNames: ['DNS:registrar.test'],
    commonName: 'registrar.test',
    usage: 'clientAuth',
  },
  /** Good, and not for long. */
  soon: { altNames: ['DNS:registrar.test'], commonName: 'registrar.test', days: 10 },
  /** What RFC 5922 does not know of: only `sip:` names a domain. */
  sipsuri: { altNames: ['URI:sips:registrar.test'], commonName: 'registrar.test' },
  client: { altNames: ['URI:sip:client.test', 'DNS:client.test'], commonName: 'client.test' },
} as const satisfies { readonly [name: string]: Identity };

export type IdentityName = keyof typeof IDENTITIES;

export const IDENTITY_NAMES: readonly IdentityName[] = Object.keys(
  IDENTITIES,
) as readonly IdentityName[];

interface Pem {
  readonly certificate: string;
  readonly key: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

interface PemFiles {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

export interface Pki {
  /** The authority that signed all but `untrusted`. */
  readonly ca: string;
  readonly caFile: string;
  readonly caKeyFile: string;
  /** A file of that name beside the others. */
  path(file: string): string;
  of(name: IdentityName): Pem;
  /** The files of an identity, as a local socket and Kamailio take them. */
  filesOf(name: IdentityName): PemFiles;
  remove(): void;
}

/** Makes the authority and the identities that are asked for; default: all. */
export async function makePki(names: readonly IdentityName[] = IDENTITY_NAMES): Promise<Pki> {
  const directory = ownDirectory('pki');
  const path = (file: string): string => join(directory.path, file);
  await Promise.all([makeAuthority(path, 'ca'), makeAuthority(path, 'otherca')]);
  await Promise.all(names.map((name) => makeIdentity(path, name)));
  return {
    ca: readFileSync(path('ca.pem'), 'utf8'),
    caFile: path('ca.pem'),
    caKeyFile: path('ca.key'),
    path,
    of: (name) => ({
      certificate: readFileSync(path(`${name}.pem`), 'utf8'),
      key: readFileSync(path(`${name}.key`), 'utf8'),
      certificateFile: path(`${name}.pem`),
      keyFile: path(`${name}.key`),
    }),
    filesOf: (name) => ({
      certificate: path(`${name}.pem`),
      key: path(`${name}.key`),
      ca: path('ca.pem'),
    }),
    remove: directory.remove,
  };
}

type PathOf = (file: string) => string;

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

async function makeAuthority(path: PathOf, name: string): Promise<void> {
  const extensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
  await run('openssl', [
    ...['req', '-x509', ...NEW_KEY, '-keyout', path(`${name}.key`), '-out', path(`${name}.pem`)],
    ...['-days', '365', '-subj', `/CN=trunkd test ${name}`],
    ...extensions.flatMap((extension) => ['-addext', extension]),
  ]);
}

async function makeIdentity(path: PathOf, name: IdentityName): Promise<void> {
  const identity: Identity = IDENTITIES[name];
  const { altNames, commonName, issuer = 'ca', usage = 'serverAuth,clientAuth' } = identity;
  const lines = [`extendedKeyUsage=${usage}`, 'basicConstraints=CA:FALSE'];
  // A section, not a list: there a comma is a comma.
  if (altNames.length > 0)
    lines.push('subjectAltName=@names', '[names]', ...altNames.map(sectionLine));
  writeFileSync(path(`${name}.ext`), `${lines.join('\n')}\n`);
  await run('openssl', [
    ...['req', '-new', ...NEW_KEY, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`)],
    ...['-subj', commonName === '' ? '/' : `/CN=${commonName}`],
  ]);
  const serial = String(100 + IDENTITY_NAMES.indexOf(name));
  await run('openssl', [
    ...['x509', '-req', '-in', path(`${name}.csr`), '-out', path(`${name}.pem`)],
    ...['-CA', path(`${issuer}.pem`), '-CAkey', path(`${issuer}.key`), '-set_serial', serial],
    ...['-days', String(identity.days ?? 365), '-extfile', path(`${name}.ext`)],
  ]);
}

function sectionLine(entry: string, index: number): string {
  const colon = entry.indexOf(':');
  return `${entry.slice(0, colon)}.${index}=${entry.slice(colon + 1)}`;
}
