/** One consumer as configured. Which keys go with which type is checked by the builder (to-consumers.ts). */
import { z } from 'zod';
import { DEFAULTS } from '../defaults.ts';
import { key, required } from './about.ts';
import * as leaf from './leaf.ts';

export const consumerSchema = z.strictObject({
  name: required(leaf.name, { description: 'What it is called.', example: 'edge' }),
  type: required(z.enum(['kamailioDispatcher', 'snapshotFile', 'webhook']), {
    description: 'What it is.',
    example: 'kamailioDispatcher',
  }),
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
      'kamailioDispatcher: the list_file of its dispatcher, written whole at every change; without rpc nobody looks whether it is read.',
    example: '/var/lib/trunkd/export/dispatcher.list',
  }),
  rpc: key(leaf.httpUrl, {
    description:
      'kamailioDispatcher: its JSON-RPC over HTTP, for states, reloads, and to read back what it holds; without listFile everything goes by it.',
    example: 'http://127.0.0.1:8080/RPC',
  }),
  socket: key(leaf.protocolAddress, {
    description:
      'kamailioDispatcher: the local socket of the proxy from which it sends to targets of that protocol. It has to be one of its own: Kamailio drops other lines in silence.',
    defaultText: 'its own choice',
    example: 'udp:203.0.113.10:5060',
  }),
  path: key(leaf.path, {
    description: 'snapshotFile: the file that is written, as JSON.',
    example: '/run/trunkd/snapshot.json',
  }),
  url: key(leaf.httpUrl, {
    description: 'webhook: where changes are POSTed; redirects are not followed.',
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
