/** A peering contract as configured, and the defaults that may stand at several levels. */
import { z } from 'zod';
import { DEFAULTS } from '../defaults.ts';
import { key, required } from './about.ts';
import * as leaf from './leaf.ts';
import { peerServerDefaults, peerServerSchema } from './peer-server.ts';
import { registrationDefaults, registrationSchema } from './registration.ts';
import { presetKey, probeSection, tlsSection } from './shared.ts';

export const defaultsSection = z.strictObject({
  registration: key(registrationDefaults, { description: 'For registrations.' }),
  peerServer: key(peerServerDefaults, { description: 'For peer servers.' }),
  probe: key(probeSection, { description: 'For the probes of peer servers.' }),
  tls: key(tlsSection, { description: 'For TLS of both.' }),
});

export const contractSchema = z.strictObject({
  name: required(leaf.name, { description: 'What the contract is called.', example: 'acme' }),
  description: key(leaf.prose, {
    description: 'Anything worth knowing.',
    example: 'ACME Telecom',
  }),
  labels: key(leaf.labels, {
    description: 'Words of your own for logs, metrics and webhooks.',
    example: { customer: 'big-corp' },
  }),
  metadata: key(leaf.metadata, {
    description: 'What the proxy has to know for its own work; handed on in routes as it stands.',
    example: { numericTransformation: 'es', externalTarification: 'no' },
  }),
  admin: key(leaf.admin, {
    description: 'Holds for all servers and registrations of the contract.',
    default: DEFAULTS.contract.admin,
  }),
  onAllDown: key(z.enum(['tryAll', 'none']), {
    description:
      'What consumers get when every server is disabled: all, as a last resort, or none.',
    default: DEFAULTS.contract.onAllDown,
  }),
  panicBelow: key(leaf.quorum, {
    description:
      'With fewer enabled servers than this the others are offered too, as a last resort, unless drained or off (needs onAllDown: tryAll).',
    defaultText: 'only when none is enabled',
    example: '50%',
  }),
  preset: presetKey,
  defaults: key(defaultsSection, { description: 'For this contract; they win over the preset.' }),
  peerServers: key(z.array(peerServerSchema), { description: 'The servers of the contract.' }),
  registrations: key(z.array(registrationSchema), {
    description: 'The registrations of the contract.',
  }),
  registrationsFrom: key(
    z.union([leaf.path, z.array(leaf.path)], {
      error: 'has to be the name of a file, or a list of them',
    }),
    {
      description: 'Files with one registration a line, as JSON (JSON Lines), with the same keys.',
      example: 'accounts.ndjson',
    },
  ),
  via: key(leaf.name, {
    description:
      'Name of the SIP proxy of ours (proxies) through which REGISTERs and probes travel; the Contact is then that of the proxy.',
    example: 'edge1',
  }),
  balance: key(z.enum(['weighted', 'roundRobin', 'inOrder', 'hash']), {
    description:
      'How routes share calls among servers of one priority: by weight, in turn, as they are listed, or by the key that is asked with (else the calling number).',
    default: DEFAULTS.contract.balance,
    example: 'roundRobin',
  }),
  dispatcherSet: key(z.int().min(0).max(2_147_483_647), {
    description:
      "Number of its set in Kamailio's dispatcher, for consumers of that type; without one it is in none.",
    defaultText: 'none',
    example: 1,
  }),
});

export type ContractSettings = z.infer<typeof contractSchema>;
export type DefaultsSettings = z.infer<typeof defaultsSection>;
