/** One registration as configured: the fields of the seed's SIP Register, and what we add. */
import { z } from 'zod';
import { DEFAULTS } from '../defaults.ts';
import { key, required } from './about.ts';
import * as leaf from './leaf.ts';
import { addressesKey, digestKeys, presetKey, tlsSection, wayKeys } from './shared.ts';

const secretKeys = {
  password: key(leaf.secret, {
    description: 'The password, or where it is found.',
    isSecret: true,
    example: { file: '/etc/trunkd/acme.pw' },
  }),
  ha1: key(leaf.secret, {
    description:
      'Instead of the password: H(username:realm:password), 32 hex digits (MD5) or 64 (SHA-256). Needs realm.',
    isSecret: true,
  }),
  ha1Algorithm: key(leaf.ha1Algorithm, {
    description: 'The algorithm that ha1 was made with; it answers no other one.',
    defaultText: 'MD5 for 32 hex digits, SHA-256 for 64',
  }),
};

const nextSection = z.strictObject({
  username: key(leaf.line, {
    description: 'User name, where that changes, too.',
    defaultText: 'the present one',
    example: 'acct1',
  }),
  ...secretKeys,
});

const authSection = z.strictObject({
  username: key(leaf.line, {
    description: 'User name for digest authentication, where it is not the username.',
    defaultText: 'username',
    example: 'acct1',
  }),
  ...secretKeys,
  realm: key(leaf.realms, {
    description: 'The only realm that is answered, or a list of them.',
    defaultText: 'any realm that the provider proposes',
    example: 'acme',
  }),
  next: key(nextSection, {
    description:
      'The credentials that follow (rotation): tried at once, and used from then on, where the registrar refuses the present ones.',
  }),
});

const MOST_REGISTRARS = 8;
const MOST_CONTACTS = 8;
const MOST_NUMBER = 999_999_999_999_999;

const contactEntry = z.union(
  [
    leaf.contact,
    z.strictObject({
      address: required(leaf.contact, { description: 'Host[:port], or self for the first one.' }),
      q: key(z.number().min(0).max(1).multipleOf(0.001), {
        description: 'Preference, 0 to 1 (RFC 3261 section 20.10).',
        example: 0.5,
      }),
    }),
  ],
  { error: 'has to be HOST[:PORT], self, or { address: HOST[:PORT], q: 0.5 }' },
);

const fromSection = z.strictObject({
  user: key(leaf.userPart, {
    description: 'User part.',
    defaultText: 'username',
    example: 'main',
  }),
  domain: key(leaf.host, { description: 'Host.', defaultText: 'domain' }),
});

const failback = z.union(
  [
    z.enum(['homing', 'parking', 'dnsTtl']),
    z.strictObject({
      after: required(leaf.duration(1_000, 604_800_000, '1s to 168h'), {
        description: 'How long it stays away.',
        example: '1h',
      }),
    }),
  ],
  { error: 'has to be homing, parking, dnsTtl or { after: 1h }' },
);

export const expandSection = z.strictObject({
  from: required(z.int().min(0).max(MOST_NUMBER), {
    description: 'The first number.',
    example: 1,
  }),
  to: required(z.int().min(0).max(MOST_NUMBER), { description: 'The last one.', example: 200 }),
  pad: key(z.int().min(1).max(15), {
    description: 'Digits at least, filled up with zeros.',
    defaultText: 'as many as the number has',
    example: 4,
  }),
});

/** Keys that may also stand under `defaults.registration`. */
const commonKeys = {
  domain: key(leaf.host, {
    description: 'Domain or IP address of the registrar: the Request-URI is sip:DOMAIN.',
    example: 'acme.example',
  }),
  registrar: key(leaf.sipUri, {
    description: 'Where REGISTER is sent, if not to the domain.',
    defaultText: 'the domain',
    example: 'sip:reg.acme.example:5061;transport=tls',
  }),
  registrars: key(z.array(leaf.sipUri).min(1).max(MOST_REGISTRARS), {
    description:
      'Several registrars instead of one: each gets a binding of its own, and the registration is bound while one of them is.',
    example: ['sip:reg1.acme.example', 'sip:reg2.acme.example'],
  }),
  registrarMode: key(z.enum(['parallel', 'serial']), {
    description:
      'With registrars: parallel registers with all of them; serial with the next one only while all before it fail, and goes back.',
    default: DEFAULTS.registration.registrarMode,
  }),
  flows: key(z.int().min(1).max(4), {
    description:
      'Bindings by different targets of the registrar at once (RFC 5626); more than one once outbound is in force. Bound while any of them is.',
    default: DEFAULTS.registration.flows,
  }),
  expires: key(leaf.expires, {
    description: 'Lifetime that is asked for, 5 to 604800; the granted one rules the refresh.',
    default: DEFAULTS.registration.expires,
    unit: 'seconds, or a time as 10m',
  }),
  contact: key(leaf.contact, {
    description:
      'Host[:port] where calls shall arrive; self: the local socket that registers; learned: as self, at the address as which the registrar sees us. Required unless defaults have it, or inbound.forwardTo makes it self; with via it is the contact of the proxy.',
    example: '203.0.113.10:5060',
  }),
  contacts: key(z.array(contactEntry).min(1).max(MOST_CONTACTS), {
    description:
      'Several Contacts instead of one, bound and removed together; the first may be self. q (0 to 1) says which is preferred.',
    example: ['203.0.113.10:5060', { address: '203.0.113.11:5060', q: 0.5 }],
  }),
  contactUriParameters: key(leaf.uriParameters, {
    description: 'Parameters of the Contact URI, inside the angle brackets.',
    example: ';x-trunk=7',
  }),
  contactParameters: key(leaf.uriParameters, {
    description: 'Parameters of the Contact, behind the angle brackets.',
    example: ';q=0.5',
  }),
  line: key(z.boolean(), {
    description:
      'Add ;line=TOKEN to the Contact URI: a token of the registration, the same over restarts, by which a proxy knows the calls of providers that change the user.',
    default: DEFAULTS.registration.line,
  }),
  mode: key(z.enum(['single', 'gin']), {
    description:
      'gin: one REGISTER for all numbers of a PBX (RFC 6140); the registrar has to support it.',
    default: DEFAULTS.registration.mode,
  }),
  from: key(fromSection, {
    description: 'From of the REGISTER where it is not the address of record (third party).',
  }),
  headers: key(leaf.headers, {
    description: 'Header fields of your own in each REGISTER; none that trunkd writes itself.',
    example: { 'P-Preferred-Identity': '<sip:main@acme.example>' },
  }),
  userAgent: key(leaf.line, {
    description: 'Text of the User-Agent header.',
    defaultText: 'the one of the whole configuration',
    example: 'ACME-PBX/7',
  }),
  onForeign: key(z.enum(['report', 'removeOwnStale', 'ignore']), {
    description:
      'Bindings of the account that are not ours: report them, also remove those with our own Contact user, or say nothing. No binding of anybody else is ever removed.',
    default: DEFAULTS.registration.onForeign,
  }),
  audit: key(leaf.duration(60_000, 604_800_000, '1m to 168h'), {
    description:
      'Before a refresh, at most that often, the registrar is asked which bindings it holds: one that it lost is told (registration.bindingLost), not only made again.',
    defaultText: 'never asked',
    example: '6h',
  }),
  onRemove: key(z.enum(['unregister', 'keep']), {
    description: 'What becomes of the binding when the registration leaves the configuration.',
    default: DEFAULTS.registration.onRemove,
  }),
  keepAlive: key(leaf.keepAlive, {
    description:
      'How the way is kept open over UDP: auto (STUN where a NAT or outbound needs it, a double CRLF where STUN is not answered), stun, crlf, off. Connections are always pinged.',
    default: DEFAULTS.registration.keepAlive,
  }),
  outbound: key(leaf.outbound, {
    description:
      'RFC 5626: offered with each binding (auto), never offered (off), or refused to do without (require).',
    default: DEFAULTS.registration.outbound,
  }),
  failback: key(failback, {
    description:
      'Where a binding lives that had to move to another target (SRV record). homing: it is refreshed at the preferred target again once that has answered others for 2 minutes; parking: it stays where it is until that fails; dnsTtl: it returns with the first refresh after the TTL of the answer by which it moved; { after: 1h }: after that time.',
    default: DEFAULTS.registration.failback,
    example: 'parking',
  }),
  connection: key(leaf.connection, {
    description:
      'Over TCP and TLS: one connection for all registrations of a target (shared), or one for each (perRegistration), for providers that tell accounts apart by their connections. Through a proxy (via) connections are those of the proxy.',
    default: DEFAULTS.registration.connection,
    example: 'perRegistration',
  }),
  sizePolicy: key(leaf.sizePolicy, {
    description:
      'What becomes of a request of more than 1,300 octets that would go over UDP: it goes all the same, with a warning (udp), or over TCP to the same address and port, and over UDP only where that is refused (tcp).',
    default: DEFAULTS.registration.sizePolicy,
    example: 'tcp',
  }),
  ...wayKeys,
  ...digestKeys,
  redirects: key(leaf.redirects, {
    description:
      'Whether 301, 302 and 305 are followed: never, or to the domain, names below it and the host of the registrar.',
    default: DEFAULTS.registration.redirects,
    example: 'sameDomain',
  }),
};

export const registrationDefaults = z.strictObject(commonKeys);

export const registrationSchema = z.strictObject({
  id: key(leaf.registrationId, {
    description: 'What the registration is called in logs, metrics and the API.',
    defaultText: 'username@domain',
    example: 'acme-main',
  }),
  username: required(leaf.userPart, {
    description: 'Account number or similar: the user part of the address of record.',
    example: '34911234567',
  }),
  ddi: key(leaf.userPart, {
    description:
      'User part of the Contact, by which calls are told apart; unique over the whole configuration.',
    defaultText: 'random but stable',
    example: '34911234567',
  }),
  auth: key(authSection, { description: 'Credentials for digest authentication.' }),
  ...commonKeys,
  addresses: addressesKey,
  tls: key(tlsSection, { description: 'TLS towards this registrar.' }),
  preset: presetKey,
  expand: key(expandSection, {
    description:
      'Makes a range of registrations of this one: {n} in any of its texts is the number. Also in bulk files.',
  }),
});

export type RegistrationSettings = z.infer<typeof registrationSchema>;
export type RegistrationDefaults = z.infer<typeof registrationDefaults>;
