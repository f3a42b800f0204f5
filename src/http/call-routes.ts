/** Where a call may go, for the proxy that has it: `GET /v1/route`. Once for each call, so it has to be quick. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type LateTypes, schemasOf } from './late-schema.ts';
import type { RoutePort, RouteReply } from './ports.ts';
import { problemAnswer, sendBadParameter, sendNotFound } from './problem.ts';

const schema = schemasOf(() => import('./route-schemas.ts'));

export function addCallRoutes(
  app: FastifyInstance,
  routes: RoutePort,
  isRouter: (request: FastifyRequest) => boolean,
): void {
  app.withTypeProvider<LateTypes>().get(
    '/v1/route',
    {
      schema: {
        summary:
          'Where a call of a contract may go, in order: the document of the rtjson module of Kamailio, or plain JSON',
        querystring: schema('routeQuery'),
        response: { 200: schema('routeDocument'), '4xx': problemAnswer },
      },
    },
    (request, reply) => {
      send(reply, request.query.contract, routes.route(request.query, isRouter(request)));
    },
  );
}

function send(reply: FastifyReply, contract: string, answer: RouteReply): void {
  switch (answer.kind) {
    case 'document':
      reply.send(answer.document);
      return;
    case 'unknownContract':
      sendNotFound(reply, 'peering contract', contract);
      return;
    case 'badParameter':
      sendBadParameter(reply, answer.parameter, answer.text);
  }
}
