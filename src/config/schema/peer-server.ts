/** One peer server as configured: the fields of the seed's Peer Server, and what we add. */
import { z } from 'zod';
import { DEFAULTS } from '../defaults.ts';
import { key, required } from './about.ts';
import * as leaf from './leaf.ts';
import {
  addressesKey,
  digestKeys,
  presetKey,
  probeSection,
  tlsSection,
  wayKeys,
} from './shared.ts';

const authSection = z.strictObject({
  username: required(leaf.line, {
    description: 'User name with which calls and probes are authenticated.',
    example: 'acct1',
  }),
  password: key(leaf.secret, {
    description: 'The password, or where it is found.',
    isSecret: true,
    example: { file: '/etc/trunkd/acme.pw' },
  }),
  ha1: key(leaf.secret, {
    description: 'Instead of the password: H(username:realm:password) as hex digits. Needs realm.',
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

const requestUriSection = z.strictObject({
  strip: key(z.int().min(0).max(64), {
    description: 'Characters taken from the front of the called number.',
    default: 0,
    example: 2,
  }),
  prefix: key(leaf.userPart, {
    description: 'Put in front of the called number.',
    example: '0034',
  }),
  parameters: key(leaf.uriParameters, {
    description: 'Parameters added to the Request-URI.',
    example: ';user=phone',
  }),
});

const fromSection = z.strictObject({
  user: key(leaf.userPart, { description: 'User part of From in calls.', example: 'acct1' }),
  domain: key(leaf.host, { description: 'Domain of From in calls.', example: 'acme.example' }),
});

const requiresSection = z.strictObject({
  registrations: required(z.array(leaf.registrationId).min(1).max(64), {
    description: 'Their ids; they may be of any contract.',
    example: ['acme-main'],
  }),
  atLeast: key(z.int().min(1).max(64), {
    description: 'How many of them have to be bound.',
    default: DEFAULTS.peerServer.requiresAtLeast,
    unit: 'registrations',
  }),
});

/** Keys that may also stand under `defaults.peerServer`. */
const commonKeys = {
  uriScheme: key(z.enum(['sip', 'sips']), {
    description: 'Scheme of the Request-URI; use sip in case of doubt.',
    default: DEFAULTS.peerServer.uriScheme,
  }),
  priority: key(z.int().min(0).max(65_535), {
    description: 'Servers with the lowest number come first.',
    default: DEFAULTS.peerServer.priority,
  }),
  weight: key(z.int().min(0).max(65_535), {
    description: 'Share of the calls among servers of one priority.',
    default: DEFAULTS.peerServer.weight,
  }),
  callOriginHeaders: key(z.array(z.enum(['pai', 'rpid'])).max(2), {
    description: 'Headers that name the origin of a call: P-Asserted-Identity, Remote-Party-ID.',
    default: DEFAULTS.peerServer.callOriginHeaders,
    example: ['pai', 'rpid'],
  }),
  requestUri: key(requestUriSection, {
    description: 'Changes to the called number before numeric transformations.',
  }),
  from: key(fromSection, {
    description: 'From of calls, for providers that take the origin from other headers.',
  }),
  whenNeverUp: key(z.enum(['lastResort', 'disabled']), {
    description: 'What a server is that never answered a probe since the start.',
    default: DEFAULTS.peerServer.whenNeverUp,
  }),
  slowStart: key(leaf.duration(0, 3_600_000, '0s to 1h'), {
    description:
      'How long a server that comes back takes to get its whole weight, from a tenth on; 0s: it has it at once.',
    default: DEFAULTS.peerServer.slowStart,
    example: '30s',
  }),
  flapDamping: key(z.boolean(), {
    description:
      'Hold a server back for 8 to 15 minutes that went down and up twice within minutes, while its contract has a better one.',
    default: DEFAULTS.peerServer.flapDamping,
  }),
  ...wayKeys,
  ...digestKeys,
};

export const peerServerDefaults = z.strictObject(commonKeys);

export const peerServerSchema = z.strictObject({
  name: required(leaf.name, {
    description: 'What the server is called; its id is CONTRACT/NAME.',
    example: 'madrid',
  }),
  description: key(leaf.prose, { description: 'Anything worth knowing.', example: 'Madrid' }),
  sipProxy: required(leaf.hostPort, {
    description: 'Host[:port] of the server; without a port RFC 3263 finds it.',
    example: 'sip.acme.example',
  }),
  auth: key(authSection, {
    description: 'Credentials for calls and probes, where the provider asks for them.',
  }),
  ...commonKeys,
  addresses: addressesKey,
  probe: key(probeSection, { description: 'How this server is watched.' }),
  tls: key(tlsSection, { description: 'TLS towards this server.' }),
  preset: presetKey,
  requires: key(requiresSection, {
    description:
      'Registrations that have to be bound for the server to be enabled; not before their first attempt has ended.',
    example: { registrations: ['acme-main'], atLeast: 1 },
  }),
});

export type PeerServerSettings = z.infer<typeof peerServerSchema>;
export type PeerServerDefaults = z.infer<typeof peerServerDefaults>;
