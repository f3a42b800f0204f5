/** One registration as configured: the fields of the seed's SIP Register, and what we add. */
import { z } from 'zod';
import { DEFAULTS } from '../defaults.ts';
import { key, notYet, REGISTRATIONS_RELEASE, required } from './about.ts';
import * as leaf from './leaf.ts';
import { digestKeys, presetKey, tlsSection, wayKeys } from './shared.ts';

const authSection = z.strictObject({
  username: key(leaf.line, {
    description: 'User name for digest authentication, where it is not the username.',
    defaultText: 'username',
    example: 'acct1',
  }),
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
  realm: key(leaf.realms, {
    description: 'The only realm that is answered, or a list of them.',
    defaultText: 'any realm that the provider proposes',
    example: 'acme',
  }),
});

const MOST_REGISTRARS = 8;

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
  expires: key(leaf.expires, {
    description: 'Lifetime that is asked for, 5 to 604800; the granted one rules the refresh.',
    default: DEFAULTS.registration.expires,
    unit: 'seconds, or a time as 10m',
  }),
  contact: key(leaf.contact, {
    description:
      'Host[:port] where calls shall arrive, or self: the local socket that registers. Required unless defaults have it.',
    example: '203.0.113.10:5060',
  }),
  onRemove: key(z.enum(['unregister', 'keep']), {
    description: 'What becomes of the binding when the registration leaves the configuration.',
    default: DEFAULTS.registration.onRemove,
  }),
  outbound: key(leaf.outbound, {
    description:
      'RFC 5626: offered with each binding (auto), never offered (off), or refused to do without (require).',
    default: DEFAULTS.registration.outbound,
  }),
  ...wayKeys,
  ...digestKeys,
  contacts: notYet(REGISTRATIONS_RELEASE, 'Several Contacts in one registration.'),
  redirects: notYet(REGISTRATIONS_RELEASE, 'Whether 3xx answers are followed.', 'sameDomain'),
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
  tls: key(tlsSection, { description: 'TLS towards this registrar.' }),
  preset: presetKey,
  expand: notYet(REGISTRATIONS_RELEASE, 'A range of accounts from one entry.'),
});

export type RegistrationSettings = z.infer<typeof registrationSchema>;
export type RegistrationDefaults = z.infer<typeof registrationDefaults>;
