/** What others pull instead of being told: health words for checkers, and the list of a dispatcher, with ETag. */
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { StatusBook } from '../observe/status-book.ts';
import { type LateTypes, schemasOf } from './late-schema.ts';
import type { ListPort } from './ports.ts';
import { problemAnswer, sendNotFound, sendProblem } from './problem.ts';

const schema = schemasOf(() => import('./schemas.ts'));
const pulled = schemasOf(() => import('./route-schemas.ts'));

export function addPulled(app: FastifyInstance, status: StatusBook, lists: ListPort): void {
  const typed = app.withTypeProvider<LateTypes>();
  typed.get(
    '/v1/peer-servers/:contract/:name/health',
    {
      schema: {
        summary: '200 while calls may be sent to the peer server, else 503',
        params: schema('peerServerParams'),
        response: { 200: pulled('offered'), 503: pulled('offered'), '4xx': problemAnswer },
      },
    },
    ({ params }, reply) => {
      const id = `${params.contract}/${params.name}`;
      const row = status.peerServer(id);
      if (row === undefined) sendNotFound(reply, 'peer server', id);
      else sendOffered(reply, row.enabled || row.lastResort, row.lastResort);
    },
  );
  typed.get(
    '/v1/peering-contracts/:name/health',
    {
      schema: {
        summary: '200 while calls may be sent to any of its peer servers, else 503',
        params: schema('contractParams'),
        response: { 200: pulled('offered'), 503: pulled('offered'), '4xx': problemAnswer },
      },
    },
    ({ params }, reply) => {
      const row = status.contract(params.name);
      if (row === undefined) {
        sendNotFound(reply, 'peering contract', params.name);
        return;
      }
      const isOffered = row.peerServers.some((one) => one.enabled || one.lastResort);
      const hasBetter = row.peerServers.some((one) => one.enabled && !one.lastResort);
      sendOffered(reply, isOffered, isOffered && !hasBetter);
    },
  );
  typed.get(
    '/v1/dispatcher.list',
    {
      schema: {
        summary:
          'The list of a dispatcher of Kamailio, as a file; with ETag, so that If-None-Match gets 304; never empty: 503 instead',
        querystring: pulled('listQuery'),
        response: { '4xx': problemAnswer, 503: problemAnswer },
      },
    },
    ({ query, headers }, reply) => {
      const contracts = query.contracts?.split(',') ?? 'all';
      const unknown =
        contracts === 'all' ? undefined : contracts.find((one) => !status.hasContract(one));
      if (unknown !== undefined) sendNotFound(reply, 'peering contract', unknown);
      else sendList(reply, lists.dispatcherList(contracts), headers['if-none-match']);
    },
  );
}

function sendOffered(reply: FastifyReply, isOffered: boolean, lastResort: boolean): void {
  reply.code(isOffered ? 200 : 503).send({ offered: isOffered, lastResort });
}

/** RFC 9110 section 13.1.2. */
function sendList(reply: FastifyReply, text: string | undefined, known: string | undefined): void {
  if (text === undefined) {
    reply.header('retry-after', '5');
    sendProblem(
      reply,
      'unavailable',
      'No peer server is known for it; keep the list that you have.',
    );
    return;
  }
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  reply.header('etag', tag).header('cache-control', 'no-cache');
  const isKnown = known?.split(',').some((one) => one.trim().replace(/^W\//, '') === tag);
  if (isKnown === true) reply.code(304).send();
  else reply.type('text/plain; charset=utf-8').send(text);
}
