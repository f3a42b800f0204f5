/** Keys that registrations and peer servers have in common, and the sections that stand at every level. */
import { z } from 'zod';
import { DEFAULTS } from '../defaults.ts';
import { PROBE_PROFILES } from '../probe-profiles.ts';
import { key } from './about.ts';
import * as leaf from './leaf.ts';

export const probeSection = z.strictObject({
  mode: key(z.enum(['options', 'idleOnly', 'connect', 'register', 'off']), {
    description:
      'How the server is watched: by OPTIONS requests; by those only while nothing is heard from it (every fifth is sent in any case); by a connection that is made and closed (TCP or TLS); by how REGISTERs to its addresses end, without any request of its own; or not at all.',
    default: DEFAULTS.probe.mode,
  }),
  interval: key(leaf.duration(1000, 3_600_000, '1s to 1h'), {
    description: 'Time between two probes of one target, give or take a tenth.',
    default: DEFAULTS.probe.interval,
    example: '10s',
  }),
  timeout: key(leaf.duration(500, 32_000, '500ms to 32s'), {
    description: 'How long an answer may take before the probe counts as unanswered.',
    default: DEFAULTS.probe.timeout,
    example: '2s',
  }),
  fall: key(z.int().min(1).max(20), {
    description: 'Failures in a row that make an up server down.',
    default: DEFAULTS.probe.fall,
    unit: 'probes',
  }),
  rise: key(z.int().min(1).max(20), {
    description: 'Successes in a row that make a down server up; 1 with `mode: register`.',
    default: DEFAULTS.probe.rise,
    unit: 'probes',
  }),
  profile: key(z.enum(PROBE_PROFILES), {
    description:
      'A set of the keys of this section by name: standard, fast, or one of the policies of answers. What stands beside it, or nearer to the server, wins.',
    defaultText: 'none',
    example: 'fast',
  }),
  recheck: key(leaf.duration(200, 60_000, '200ms to 1m'), {
    description:
      'Time from an unanswered probe, or a result that is to be confirmed, to the next one.',
    default: DEFAULTS.probe.recheck,
    example: '500ms',
  }),
  answers: key(leaf.name, {
    description:
      'Which answers count as up: standard, strict, anyResponse, teams, cisco, freeswitch, or a name of answerPolicies.',
    default: DEFAULTS.probe.answers,
    example: 'strict',
  }),
  impairedAbove: key(leaf.duration(1, 32_000, '1ms to 32s'), {
    description: 'A target is impaired whose smoothed round-trip time is above this.',
    defaultText: 'never for that',
    example: '800ms',
  }),
  through: key(leaf.registrationId, {
    description:
      'Id of a registration: probes go over the flow that it is bound over, with its Service-Route; while it is not bound, the last one counts.',
    defaultText: 'the way of calls to sipProxy',
    example: 'acme-main',
  }),
  maxForwards: key(z.int().min(0).max(255), {
    description:
      'Max-Forwards of the request; with 0 the first hop answers itself, with 483 as well.',
    default: DEFAULTS.probe.maxForwards,
    unit: 'hops',
  }),
  user: key(leaf.userPart, {
    description: 'User of the Request-URI and of To.',
    defaultText: 'none',
    example: 'ping',
  }),
  fromUser: key(leaf.userPart, {
    description: 'User of From.',
    defaultText: 'none',
    example: 'trunkd',
  }),
  fromDomain: key(leaf.host, {
    description: 'Domain of From.',
    defaultText: 'the host of sipProxy',
    example: 'sbc.example',
  }),
  headers: key(leaf.headers, {
    description: 'Header fields of your own in each probe; none that trunkd writes itself.',
    example: { 'X-Probe': 'trunkd' },
  }),
  upWhen: key(leaf.quorum, {
    description:
      'How many of the resolved targets of a server have to be up for it to be up: any, all, a number, or a percentage.',
    default: DEFAULTS.probe.upWhen,
    example: '50%',
  }),
});

export const tlsSection = z.strictObject({
  verify: key(z.enum(['strict', 'warn', 'off']), {
    description: 'How strictly the server has to prove itself; warn checks, reports and goes on.',
    default: DEFAULTS.tls.verify,
  }),
  identity: key(leaf.identities, {
    description:
      'The name that the certificate has to hold (RFC 5922); of a list, one. The first is asked for (SNI).',
    defaultText: 'the host name of the next hop; the domain where that is an IP address',
    example: 'sip.acme.example',
  }),
  fingerprints: key(z.array(leaf.fingerprint).min(1).max(16), {
    description:
      'SHA-256 of the certificates that are accepted, whoever signed them and whatever they name.',
    example: [
      '9f:86:d0:81:88:4c:7d:65:9a:2f:ea:a0:c5:5a:d0:15:a3:bf:4f:1b:2b:0b:82:2c:d1:5d:6c:15:b0:f0:0a:08',
    ],
  }),
  allowWildcard: key(z.boolean(), {
    description: 'Take a certificate for *.acme.example too, which RFC 5922 forbids.',
    default: DEFAULTS.tls.allowWildcard,
  }),
  minVersion: key(z.enum(['TLSv1.2', 'TLSv1.3']), {
    description: 'The oldest TLS version that is spoken.',
    default: DEFAULTS.tls.minVersion,
  }),
});

/** How challenges are answered; the same words for both kinds. */
export const digestKeys = {
  algorithms: key(leaf.algorithms, {
    description:
      'Digest algorithms that may be used, the preferred one first; server: all of them, in the order of the server.',
    default: DEFAULTS.digest.algorithms,
    example: ['SHA-256'],
  }),
  pinAlgorithm: key(z.boolean(), {
    description:
      'Refuse a challenge that offers only weaker algorithms than the same server accepted before; without it that is only told.',
    default: DEFAULTS.digest.pinAlgorithm,
  }),
};

/** Where requests go and what their answers may look like; the same words for both kinds. */
export const wayKeys = {
  transport: key(leaf.transport, {
    description:
      'Transport protocol. auto: what the URI or the local socket say, else RFC 3263 (NAPTR and SRV records, UDP without them).',
    default: DEFAULTS.registration.transport,
    example: 'tls',
  }),
  localSocket: key(leaf.name, {
    description: 'Name of the local socket that requests leave from.',
    defaultText: 'the first one of the protocol and address family',
    example: 'udp',
  }),
  outboundProxy: key(leaf.hops, {
    description:
      'Next hop: requests are sent there instead of to the name in the Request-URI. A single one gets no Route header; several (and a registrar behind them) are sent as Route headers with ;lr, a whole URI without ;lr as a strict router.',
    example: '198.51.100.7:5060',
  }),
  family: key(leaf.family, {
    description:
      'Address families that a host name is looked up for. auto: both, IPv4 first, without those that this host has no socket or no route for; preferIpv6: the same, IPv6 first.',
    default: DEFAULTS.registration.family,
    example: 'ipv4',
  }),
  sourceCheck: key(leaf.sourceCheck, {
    description:
      'Whose answers count: host (the IP address asked), strict (and its port), set (any address of the name), off.',
    default: DEFAULTS.registration.sourceCheck,
  }),
  admin: key(leaf.admin, {
    description: 'What the operator lets it do: up, drain (no new calls), off.',
    default: DEFAULTS.registration.admin,
  }),
  labels: key(leaf.labels, {
    description: "Words of your own for logs, metrics and webhooks, added to the contract's.",
    example: { site: 'madrid' },
  }),
  via: key(leaf.name, {
    description: 'Name of the SIP proxy of ours (proxies) through which requests travel.',
    defaultText: "the contract's",
    example: 'edge1',
  }),
};

/** Not for defaults: the addresses of one next hop. */
export const addressesKey = key(z.array(leaf.ipAddress).min(1).max(16), {
  description:
    'IP addresses of the next hop, in the order in which they are tried, in place of the DNS. Its name remains what TLS has to prove.',
  defaultText: 'what the DNS says',
  example: ['198.51.100.7', '198.51.100.8'],
});

export const presetKey = key(leaf.name, {
  description: 'Takes the defaults of the preset of that name.',
  example: 'quiet',
});
