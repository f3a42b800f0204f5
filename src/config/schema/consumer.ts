/** One consumer as configured. Which keys go with which type is checked by the builder (to-consumers.ts). */
import { z } from 'zod';
import { DEFAULTS } from '../defaults.ts';
import { key, required } from './about.ts';
import * as leaf from './leaf.ts';

export const consumerSchema = z.strictObject({
  name: required(leaf.name, { description: 'What it is called.', example: 'edge' }),
  type: required(
    z.enum([
      'kamailioDispatcher',
      'kamailioAddress',
      'kamailioHtable',
      'opensipsMi',
      'snapshotFile',
      'webhook',
    ]),
    {
      description: 'What it is.',
      example: 'kamailioDispatcher',
    },
  ),
  contracts: key(
    z.union([z.literal('all'), z.array(leaf.name).min(1)], {
      error: 'has to be all, or a list of names',
    }),
    {
      description: 'The contracts that it is told of.',
      default: DEFAULTS.consumer.contracts,
      example: ['acme'],
    },
  ),
  mode: key(z.enum(['apply', 'observe']), {
    description: 'observe: it is read, and only told in the log what would be changed.',
    default: DEFAULTS.consumer.mode,
  }),
  listFile: key(leaf.path, {
    description:
      'kamailioDispatcher: the list_file of its dispatcher; kamailioAddress: the address_file of permissions. Written whole at every change; without rpc nobody looks whether it is read.',
    example: '/var/lib/trunkd/export/dispatcher.list',
  }),
  rpc: key(leaf.httpUrl, {
    description:
      'kamailioDispatcher, kamailioAddress, kamailioHtable: its JSON-RPC over HTTP, for states, reloads, and to read back what it holds; a dispatcher without listFile gets everything by it.',
    example: 'http://127.0.0.1:8080/RPC',
  }),
  socket: key(leaf.protocolAddress, {
    description:
      'kamailioDispatcher: the local socket of the proxy from which it sends to targets of that protocol. It has to be one of its own: Kamailio drops other lines in silence.',
    defaultText:
      'the address of the proxy of `via`, if it is an IP address with a port; else its own choice',
    example: 'udp:203.0.113.10:5060',
  }),
  group: key(z.int().min(0).max(2_147_483_647), {
    description: 'kamailioAddress: the group of addresses, as in allow_source_address().',
    default: DEFAULTS.consumer.group,
  }),
  table: key(leaf.name, {
    description: 'kamailioHtable: the table that maps the user of our Contact to the registration.',
    default: DEFAULTS.consumer.table,
  }),
  gateways: key(z.record(leaf.peerServerId, leaf.line), {
    description:
      'opensipsMi: gateways of drouting, as the id of the peer server: the id of the gateway.',
    example: { 'acme/madrid': 'gw1' },
  }),
  path: key(leaf.path, {
    description: 'snapshotFile: the file that is written, as JSON.',
    example: '/run/trunkd/snapshot.json',
  }),
  url: key(leaf.httpUrl, {
    description:
      'webhook: where changes are POSTed; opensipsMi: its MI (mi_http). Redirects are not followed.',
    example: 'https://noc.example/trunkd',
  }),
  secret: key(leaf.secret, {
    description: 'webhook: the key of the HMAC in X-Trunkd-Signature.',
    defaultText: 'none: not signed',
    isSecret: true,
    example: { file: '/etc/trunkd/hook.secret' },
  }),
  deadLetters: key(leaf.path, {
    description: 'webhook: a file for messages that were never taken (JSON Lines, 16 MiB at most).',
    defaultText: 'none: only the log has them',
    example: '/var/lib/trunkd/dead-letters.ndjson',
  }),
});

export type ConsumerSettings = z.infer<typeof consumerSchema>;
