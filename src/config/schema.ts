/**
 * The configuration file: the one source of its types, defaults, documentation and JSON Schema.
 * Single values are in schema/leaf.ts, contracts and what stands in them in schema/contract.ts. The
 * schema checks each value by itself; what depends on several of them is checked by the builders.
 */
import { z } from 'zod';
import { DEFAULTS } from './defaults.ts';
import { key, required } from './schema/about.ts';
import { consumerSchema } from './schema/consumer.ts';
import { contractSchema, defaultsSection } from './schema/contract.ts';
import * as leaf from './schema/leaf.ts';
import { presetKey, tlsSection } from './schema/shared.ts';

const localSocketSchema = z.strictObject({
  name: required(leaf.name, { description: 'What the socket is called.', example: 'udp' }),
  protocol: required(z.enum(['udp', 'tcp', 'tls']), {
    description: 'Transport protocol.',
    example: 'udp',
  }),
  bind: required(leaf.bind, {
    description:
      'IP address and port; port 0 for any. A tcp or tls socket with a fixed port also listens. An address that no interface has yet is waited for.',
    example: '0.0.0.0:5070',
  }),
  advertise: key(leaf.hostPort, {
    description:
      'Host[:port] that stands in Via and in contact: self, where a NAT hides the socket.',
    example: '203.0.113.10:5070',
  }),
  ca: key(leaf.path, {
    description: 'Authorities that are trusted: system, or a PEM file.',
    defaultText: 'system',
    example: 'system',
  }),
  crl: key(leaf.path, {
    description:
      'Certificates that were revoked, as a PEM file: a list of each authority that servers are signed by.',
    example: '/etc/trunkd/crl.pem',
  }),
  certificate: key(leaf.path, {
    description: 'Our own certificate as a PEM file.',
    example: '/etc/trunkd/cert.pem',
  }),
  key: key(leaf.keyFile, {
    description: 'Its private key as a PEM file.',
    isSecret: true,
    example: '/etc/trunkd/key.pem',
  }),
});

const proxySchema = z.strictObject({
  name: required(leaf.name, { description: 'What the proxy is called.', example: 'edge1' }),
  address: required(leaf.protocolAddress, {
    description: 'Where we reach it: udp, tcp or tls, a colon, and host[:port].',
    example: 'udp:127.0.0.1:5060',
  }),
  contact: required(leaf.hostPort, {
    description: 'Host[:port] where it takes calls: the Contact of what is registered through it.',
    example: '203.0.113.10:5060',
  }),
  localSocket: key(leaf.name, {
    description: 'Name of the local socket that requests to it leave from.',
    defaultText: 'the first one of the protocol and address family',
    example: 'udp',
  }),
  tls: key(tlsSection, { description: 'TLS towards the proxy.' }),
});

const inboundSection = z.strictObject({
  allow: key(z.array(leaf.network).max(1000), {
    description:
      'Who may send us requests, besides our own targets; their calls are relayed, too (forwardTo).',
    default: [],
    example: ['127.0.0.0/8'],
  }),
  forwardTo: key(leaf.hop, {
    description:
      'The SIP proxy of yours to which calls are relayed that arrive at us: host[:port] or URI, udp unless it or socket says otherwise. With it, a registration without contact is called at us (contact: self).',
    defaultText: 'none: calls get 480',
    example: 'sip:127.0.0.1:5060',
  }),
  socket: key(leaf.name, {
    description:
      'Name of the local socket that calls leave from towards the proxy, and at which its requests arrive; nothing else may use it.',
    defaultText: 'one on an ephemeral port, which is another one after a restart',
    example: 'relay',
  }),
  tls: key(tlsSection, { description: 'TLS towards the proxy of forwardTo.' }),
  maxRate: key(z.int().min(1).max(100_000), {
    description:
      'Requests a second that are answered, and new calls a second that are relayed; more are dropped (an INVITE gets 503) and counted.',
    default: DEFAULTS.inbound.maxRate,
    unit: 'requests a second',
  }),
});

const tokenSchema = z.strictObject({
  name: required(leaf.name, {
    description: 'Whose it is, for the log.',
    example: 'edge',
    reload: 'restart',
  }),
  role: required(z.enum(['read', 'route']), {
    description:
      'read: everything that changes nothing; route: the same, and /v1/route gives it the credentials of calls, as digests, which it gives to nobody else.',
    example: 'route',
    reload: 'restart',
  }),
  token: required(leaf.secret, {
    description: 'The token.',
    isSecret: true,
    example: { file: '/etc/trunkd/edge.token' },
    reload: 'restart',
  }),
});

const httpSection = z.strictObject({
  bind: key(leaf.bind, {
    description: 'IP address and port of the API.',
    default: DEFAULTS.http.bind,
    reload: 'restart',
  }),
  token: key(leaf.secret, {
    description: 'Bearer token that requests have to bring; required unless bind is on loopback.',
    isSecret: true,
    example: { file: '/etc/trunkd/token' },
    reload: 'restart',
  }),
  tokens: key(z.array(tokenSchema).max(32), {
    description: 'Further bearer tokens, each for what its role allows.',
    reload: 'restart',
  }),
});

const stateSection = z.strictObject({
  directory: required(leaf.path, {
    description: 'Directory for what survives a restart.',
    example: '/var/lib/trunkd',
  }),
});

const logSection = z.strictObject({
  level: key(z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']), {
    description: 'The least important lines that are written.',
    default: DEFAULTS.log.level,
  }),
});

const dnsSection = z.strictObject({
  servers: key(z.array(leaf.ipPort).min(1).max(8), {
    description: 'Name servers that are asked.',
    defaultText: 'those of /etc/resolv.conf',
    example: ['127.0.0.1:53'],
    reload: 'restart',
  }),
});

const metricsSection = z.strictObject({
  perRegistration: key(z.int().min(0).max(1_000_000), {
    description: 'Up to how many registrations get metric series of their own.',
    default: DEFAULTS.metrics.perRegistration,
    unit: 'registrations',
  }),
});

const pacingSection = z.strictObject({
  perTarget: key(z.number().min(0).max(100_000), {
    description: 'Requests a second to one target, of all kinds; 0: no limit of any sort.',
    default: DEFAULTS.pacing.perTarget,
    unit: 'requests a second',
  }),
  burst: key(z.int().min(1).max(100_000), {
    description: 'Requests that may go at once after a pause.',
    default: DEFAULTS.pacing.burst,
    unit: 'requests',
  }),
  probes: key(z.int().min(0).max(1_000_000), {
    description: 'Probes a second to all targets together; 0: no limit.',
    default: DEFAULTS.pacing.probes,
    unit: 'probes a second',
  }),
  max: key(z.number().min(0).max(100_000), {
    description: 'What the rate may grow to while answers are quick.',
    defaultText: 'perTarget',
    unit: 'requests a second',
  }),
});

const ownFaultSection = z.strictObject({
  maxDown: key(leaf.percent, {
    description:
      'More than this share of the targets that were asked has to fail at once, while no registrar answers.',
    default: DEFAULTS.ownFault.maxDown,
  }),
  minTargets: key(z.int().min(2).max(10_000), {
    description: 'As many targets have to fail at least, on as many addresses.',
    default: DEFAULTS.ownFault.minTargets,
    unit: 'targets',
  }),
  minContracts: key(z.int().min(1).max(1_000), {
    description: 'In as many contracts at least.',
    default: DEFAULTS.ownFault.minContracts,
    unit: 'contracts',
  }),
  freezeMax: key(leaf.duration(1_000, 86_400_000, '1s to 1d'), {
    description: 'For how long verdicts freeze at most; then silence counts again.',
    default: DEFAULTS.ownFault.freezeMax,
  }),
});

const codes = z.array(leaf.statusCode).min(1).max(100);

const answerPolicySchema = z.strictObject({
  base: key(leaf.name, {
    description: 'The policy of trunkd that it begins with.',
    default: DEFAULTS.probe.answers,
    example: 'strict',
  }),
  up: key(codes, { description: 'Answers that speak for a server.', example: [403, '4xx'] }),
  impaired: key(codes, {
    description: 'Answers with which it stays enabled, but is impaired.',
    example: ['6xx'],
  }),
  down: key(codes, { description: 'Answers that speak against it.', example: [603] }),
  ignore: key(codes, { description: 'Answers that count neither way.', example: [429] }),
});

const globs = z.union([leaf.path, z.array(leaf.path).max(1000)], {
  error: 'has to be a file name pattern, or a list of them',
});

export const configSchema = z.strictObject({
  version: key(z.literal(1, { error: 'has to be 1: this trunkd reads version 1' }), {
    description: 'Version of the format.',
    default: 1,
  }),
  include: key(globs, {
    description:
      'Further files of the same form, as patterns: lists are joined, sections are merged.',
    example: 'contracts.d/*.yaml',
  }),
  localSockets: key(z.array(localSocketSchema).max(64), {
    description: 'Our own sockets. Where none fits, one on an ephemeral port is made up.',
  }),
  proxies: key(z.array(proxySchema).max(64), {
    description: 'SIP proxies of ours that carry the calls, for `via`.',
  }),
  inbound: key(inboundSection, { description: 'Requests that reach us.' }),
  http: key(z.union([z.literal('off'), httpSection], { error: 'has to be off or a section' }), {
    description: 'The HTTP API; off for none.',
    reload: 'restart',
  }),
  state: key(z.union([z.literal('off'), stateSection], { error: 'has to be off or a section' }), {
    description: 'What survives a restart; off for nothing. Accepted, not used yet.',
    defaultText: 'off, or $STATE_DIRECTORY where set',
    reload: 'restart',
  }),
  log: key(logSection, { description: 'What is logged.' }),
  dns: key(dnsSection, { description: 'How names are looked up.', reload: 'restart' }),
  metrics: key(metricsSection, { description: 'What is measured.' }),
  pacing: key(pacingSection, { description: 'How fast requests go to one target.' }),
  userAgent: key(leaf.line, {
    description: 'Text of the User-Agent header.',
    defaultText: 'trunkd and its version',
  }),
  unregisterOnStop: key(z.boolean(), {
    description: 'Remove all bindings when the daemon stops.',
    default: DEFAULTS.unregisterOnStop,
  }),
  ownFault: key(ownFaultSection, {
    description:
      'When to suspect our own network: verdicts freeze, so that nothing is disabled for its silence.',
  }),
  answerPolicies: key(z.record(leaf.name, answerPolicySchema), {
    description:
      'Named rules for probe.answers: status codes or classes (4xx); single codes go before classes, both before the base.',
    example: { acme: { base: 'strict', up: [403], ignore: [429] } },
  }),
  presets: key(z.record(leaf.name, defaultsSection), {
    description: 'Named sets of defaults.',
    example: { quiet: { probe: { interval: '60s' } } },
  }),
  preset: presetKey,
  defaults: key(defaultsSection, { description: 'For everything; they win over the preset.' }),
  peeringContracts: key(z.array(contractSchema), { description: 'The agreements.' }),
  consumers: key(z.array(consumerSchema).max(64), {
    description: 'Proxies and files that are told about enabled and disabled.',
  }),
  hostId: key(leaf.line, {
    description:
      'Text that tells this machine from others and stays the same over restarts: it goes into the instance-id of registrations (RFC 5626), which is what keeps a restart from leaving a second binding behind. Give it in containers, which often have no machine-id and a new host name each time.',
    defaultText: '/etc/machine-id, else the host name',
    example: 'trunks-madrid-1',
    reload: 'restart',
  }),
});

export type ConfigSettings = z.infer<typeof configSchema>;
export type ProxySettings = z.infer<typeof proxySchema>;
export type LocalSocketSettings = z.infer<typeof localSocketSchema>;
