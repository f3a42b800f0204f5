/** What can be read: design.md 4. Nothing here changes anything. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Metrics } from '../observe/metrics.ts';
import type { Page, StatusBook } from '../observe/status-book.ts';
import { parseCursor, printCursor } from './cursor.ts';
import { type LateTypes, schemasOf } from './late-schema.ts';
import type { HealthPort } from './ports.ts';
import { problemAnswer, sendBadParameter, sendNotFound } from './problem.ts';

const schema = schemasOf(() => import('./schemas.ts'));
const peerSchema = schemasOf(() => import('./peer-shapes.ts'));

export interface Sources {
  readonly status: StatusBook;
  readonly metrics: Metrics;
  readonly health: HealthPort;
  /** The OpenAPI document of all routes. */
  readonly describe: () => Promise<string>;
}

export function addRoutes(app: FastifyInstance, sources: Sources): void {
  addRegistrations(app, sources.status);
  addContracts(app, sources.status);
  addPeerServers(app, sources.status);
  addVerdicts(app, sources.status);
  addProxies(app, sources.status);
  addConsumers(app, sources.status);
  addCertificates(app, sources.status);
  addProbes(app, sources.health);
  addMachinePages(app, sources);
}

function addRegistrations(app: FastifyInstance, status: StatusBook): void {
  const typed = app.withTypeProvider<LateTypes>();
  typed.get(
    '/v1/registrations',
    {
      schema: {
        summary: 'All registrations, page by page, in the order of their ids',
        querystring: schema('registrationQuery'),
        response: { 200: schema('registrationPage'), '4xx': problemAnswer },
      },
    },
    ({ query }, reply) =>
      ifUnknown(status, query.contract, reply) ??
      sendPage(reply, query, (filter) => status.registrations(filter)),
  );
  typed.get(
    '/v1/registrations/:id',
    {
      schema: {
        summary: 'One registration',
        params: schema('registrationParams'),
        response: { 200: schema('registration'), '4xx': problemAnswer },
      },
    },
    ({ params }, reply) => {
      sendOne(reply, status.registration(params.id), 'registration', params.id);
    },
  );
}

function addContracts(app: FastifyInstance, status: StatusBook): void {
  const typed = app.withTypeProvider<LateTypes>();
  typed.get(
    '/v1/peering-contracts',
    {
      schema: {
        summary: 'All peering contracts with their peer servers',
        querystring: schema('contractQuery'),
        response: { 200: peerSchema('contractPage'), '4xx': problemAnswer },
      },
    },
    ({ query }, reply) => sendPage(reply, query, (filter) => status.contracts(filter)),
  );
  typed.get(
    '/v1/peering-contracts/:name',
    {
      schema: {
        summary: 'One peering contract',
        params: schema('contractParams'),
        response: { 200: peerSchema('contract'), '4xx': problemAnswer },
      },
    },
    ({ params }, reply) => {
      sendOne(reply, status.contract(params.name), 'peering contract', params.name);
    },
  );
}

function addPeerServers(app: FastifyInstance, status: StatusBook): void {
  const typed = app.withTypeProvider<LateTypes>();
  typed.get(
    '/v1/peer-servers',
    {
      schema: {
        summary: 'All peer servers, page by page, in the order of their ids',
        querystring: schema('peerServerQuery'),
        response: { 200: peerSchema('peerServerPage'), '4xx': problemAnswer },
      },
    },
    ({ query }, reply) =>
      ifUnknown(status, query.contract, reply) ??
      sendPage(reply, query, (filter) => status.peerServers(filter)),
  );
  typed.get(
    '/v1/peer-servers/:contract/:name',
    {
      schema: {
        summary: 'One peer server',
        params: schema('peerServerParams'),
        response: { 200: peerSchema('peerServer'), '4xx': problemAnswer },
      },
    },
    ({ params }, reply) => {
      const id = `${params.contract}/${params.name}`;
      sendOne(reply, status.peerServer(id), 'peer server', id);
    },
  );
}

function addVerdicts(app: FastifyInstance, status: StatusBook): void {
  app.withTypeProvider<LateTypes>().get(
    '/v1/verdicts',
    {
      schema: {
        summary:
          'Which version of all verdicts this is, whether they are frozen, and whether registrations are paused',
        response: { 200: peerSchema('verdicts') },
      },
    },
    (_request, reply) => {
      reply.send(status.verdicts());
    },
  );
}

function addProxies(app: FastifyInstance, status: StatusBook): void {
  const typed = app.withTypeProvider<LateTypes>();
  typed.get(
    '/v1/proxies',
    {
      schema: {
        summary: 'All SIP proxies of ours, and whether they answer',
        querystring: schema('proxyQuery'),
        response: { 200: schema('proxyPage'), '4xx': problemAnswer },
      },
    },
    ({ query }, reply) => sendPage(reply, query, (filter) => status.proxies(filter)),
  );
  typed.get(
    '/v1/proxies/:name',
    {
      schema: {
        summary: 'One SIP proxy of ours',
        params: schema('proxyParams'),
        response: { 200: schema('proxy'), '4xx': problemAnswer },
      },
    },
    ({ params }, reply) => {
      sendOne(reply, status.proxy(params.name), 'proxy', params.name);
    },
  );
}

function addConsumers(app: FastifyInstance, status: StatusBook): void {
  const typed = app.withTypeProvider<LateTypes>();
  typed.get(
    '/v1/consumers',
    {
      schema: {
        summary: 'All consumers: whether each holds what it is told, and if not, why',
        querystring: schema('consumerQuery'),
        response: { 200: schema('consumerPage'), '4xx': problemAnswer },
      },
    },
    ({ query }, reply) => sendPage(reply, query, (filter) => status.consumers(filter)),
  );
  typed.get(
    '/v1/consumers/:name',
    {
      schema: {
        summary: 'One consumer',
        params: schema('consumerParams'),
        response: { 200: schema('consumer'), '4xx': problemAnswer },
      },
    },
    ({ params }, reply) => {
      sendOne(reply, status.consumer(params.name), 'consumer', params.name);
    },
  );
}

function addCertificates(app: FastifyInstance, status: StatusBook): void {
  app.withTypeProvider<LateTypes>().get(
    '/v1/certificates',
    {
      schema: {
        summary: 'TLS certificates, ours and those that servers showed, and how long they are good',
        querystring: schema('certificateQuery'),
        response: { 200: schema('certificatePage'), '4xx': problemAnswer },
      },
    },
    ({ query }, reply) => sendPage(reply, query, (filter) => status.certificates(filter)),
  );
}

function addProbes(app: FastifyInstance, health: HealthPort): void {
  const open = { security: [] };
  app.get(
    '/livez',
    { schema: { summary: '200 while work moves, else 503: then restart it', ...open } },
    (_request, reply) => sendWord(reply, health.isAlive(), 'alive', 'stuck'),
  );
  app.get(
    '/readyz',
    {
      schema: { summary: '200 once configuration, sockets and HTTP are there, else 503', ...open },
    },
    (_request, reply) => sendWord(reply, health.isReady(), 'ready', 'not ready'),
  );
}

function addMachinePages(app: FastifyInstance, { metrics, describe }: Sources): void {
  app.get('/metrics', { schema: { summary: 'Prometheus metrics' } }, (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8');
    return reply.send(ReadableStream.from(metrics.render()));
  });
  let document: Promise<string> | undefined;
  app.get('/openapi.json', { schema: { summary: 'This description' } }, async (_request, reply) => {
    document ??= describe();
    return reply.type('application/json; charset=utf-8').send(await document);
  });
}

/** The answer to who asks for a contract that is not there: an empty list would look like good news. */
function ifUnknown(
  status: StatusBook,
  contract: string | undefined,
  reply: FastifyReply,
): FastifyReply | undefined {
  if (contract === undefined || status.hasContract(contract)) return undefined;
  return sendNotFound(reply, 'peering contract', contract);
}

async function sendPage<
  Filter extends { readonly cursor?: string | undefined; readonly limit: number },
  Row,
>(
  reply: FastifyReply,
  query: Filter,
  read: (filter: Filter & { readonly after: string | undefined }) => Promise<Page<Row>>,
): Promise<FastifyReply> {
  const { cursor } = query;
  const after = cursor === undefined ? undefined : parseCursor(cursor);
  if (cursor !== undefined && after === undefined) {
    return sendBadParameter(reply, 'cursor', 'not one that this API gave out');
  }
  const { items, next } = await read({ ...query, after });
  return reply.send({ items, next: next === null ? null : printCursor(next) });
}

function sendOne(reply: FastifyReply, row: object | undefined, kind: string, id: string): void {
  if (row !== undefined) reply.send(row);
  else sendNotFound(reply, kind, id);
}

function sendWord(reply: FastifyReply, isWell: boolean, yes: string, no: string): FastifyReply {
  return reply.code(isWell ? 200 : 503).send({ status: isWell ? yes : no });
}
