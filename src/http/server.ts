/**
 * The HTTP server: limits, guard, errors as problem details. What is asked for is in routes.ts and
 * commands.ts. Owned by the daemon, which starts and closes it.
 */
import { type FastifyError, type FastifyInstance, fastify } from 'fastify';
import type { Clock } from '../core/base/clock.ts';
import type { Secret } from '../core/base/secret.ts';
import { TokenBucket } from '../core/base/token-bucket.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { StatusBook } from '../observe/status-book.ts';
import { badParameters } from './bad-parameter.ts';
import { addCallRoutes } from './call-routes.ts';
import { addCommands } from './commands.ts';
import { type Guard, makeGuard, type RoleToken } from './guard.ts';
import { compileLate, loadLate } from './late-schema.ts';
import { HTTP_LIMITS } from './limits.ts';
import { queueLongAnswers } from './long-answers.ts';
import { makePhaseGate } from './phase-gate.ts';
import type { CommandPort, HealthPort, ListPort, RoutePort } from './ports.ts';
import { PROBLEM_TYPE, type ProblemCode, problem, sendProblem } from './problem.ts';
import { addPulled } from './pulled.ts';
import { addRoutes } from './routes.ts';

export interface HttpOptions {
  readonly status: StatusBook;
  readonly metrics: Metrics;
  readonly commands: CommandPort;
  readonly health: HealthPort;
  readonly routes: RoutePort;
  readonly lists: ListPort;
  readonly clock: Clock;
  readonly version: string;
  readonly token: Secret | undefined;
  readonly tokens: readonly RoleToken[];
  /** Names besides IP literals and localhost by which clients may call us. */
  readonly hostNames: readonly string[];
  /** A handler threw: our own bug. */
  readonly onBug: (error: unknown) => void;
}

const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** Stands in the place of compilers of fastify that would be loaded, 6 MB, and never used. */
function unused(): never {
  throw new Error('every schema of ours has our own compilers');
}

/** Whoever builds it calls `listen` and `close`. */
export type HttpServer = FastifyInstance;

/** The server with all its routes, not listening yet. */
export async function buildHttpServer(options: HttpOptions): Promise<HttpServer> {
  const app = fastify({
    logger: false,
    schemaController: { compilersFactory: { buildValidator: unused, buildSerializer: unused } },
    bodyLimit: HTTP_LIMITS.bodyOctets,
    requestTimeout: HTTP_LIMITS.requestTimeoutMs,
    keepAliveTimeout: HTTP_LIMITS.keepAliveTimeoutMs,
    forceCloseConnections: true,
    // What may be asked until the last moment, phase-gate.ts says.
    return503OnClosing: false,
    routerOptions: { maxParamLength: HTTP_LIMITS.parameterOctets },
    http: {
      maxHeaderSize: HTTP_LIMITS.headerOctets,
      headersTimeout: HTTP_LIMITS.headersTimeoutMs,
      connectionsCheckingInterval: 5_000,
    },
    frameworkErrors: (_error, _request, reply) => {
      sendProblem(reply, 'badRequest', 'The path cannot be decoded.');
    },
    clientErrorHandler: (error, socket) => {
      if (!socket.writable) return;
      socket.end(rawProblem(clientProblem(error.code)));
    },
  });
  app.server.maxConnections = HTTP_LIMITS.maxConnections;
  // A form of another site can send text/plain without asking; JSON it cannot.
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(compileLate);
  // Rows have their shape by type; checking 1,000 of them again for each answer would cost more than making them.
  app.setSerializerCompiler(() => JSON.stringify);
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(HEADERS);
  });
  const guard = guardOf(options);
  app.addHook('onRequest', guard.hook);
  app.addHook('onRequest', makePhaseGate(options.health));
  app.addHook('preValidation', loadLate);
  queueLongAnswers(app);
  app.setErrorHandler<FastifyError>((error, _request, reply) =>
    sendFailure(error, reply, options.onBug),
  );
  app.setNotFoundHandler((request, reply) => {
    const { method } = request;
    if ((ALL_METHODS as readonly string[]).includes(method)) {
      return sendProblem(reply, 'notFound', `There is no ${request.url.split('?', 1)[0]}.`);
    }
    reply.header('allow', 'GET, HEAD, POST');
    return sendProblem(reply, 'methodNotAllowed', `No path takes ${method}.`);
  });
  const methods = collectMethods(app);
  const addAll = (to: FastifyInstance): void => {
    addRoutes(to, { ...options, describe });
    addPulled(to, options.status, options.lists);
    addCallRoutes(to, options.routes, guard.isRouter);
    addCommands(to, options.commands);
  };
  const describe = async (): Promise<string> => {
    const { describeApi } = await import('./openapi.ts');
    const { version, token } = options;
    return await describeApi({ version, hasToken: token !== undefined, addRoutes: addAll });
  };
  addAll(app);
  refuseOtherMethods(app, methods);
  await app.ready();
  return app;
}

function guardOf({ token, tokens, hostNames, clock }: HttpOptions): Guard {
  const now = () => clock.now();
  const { requestsPerSec, requestBurst, routesPerSec, routeBurst } = HTTP_LIMITS;
  const rate = new TokenBucket(requestsPerSec, requestBurst, now());
  const routeRate = new TokenBucket(routesPerSec, routeBurst, now());
  return makeGuard({ token, tokens, hostNames, rate, routeRate, now });
}

type Reply = Parameters<typeof sendProblem>[0];

function sendFailure(error: FastifyError, reply: Reply, onBug: (error: unknown) => void): Reply {
  if (error.validation !== undefined) {
    const errors = badParameters(error.validation);
    const detail = errors
      .map(({ parameter, text }) =>
        parameter === '' ? `the body ${text}` : `${parameter}: ${text}`,
      )
      .join('; ');
    return sendProblem(reply, 'badParameter', detail, { errors });
  }
  switch (error.statusCode) {
    case 413:
      return sendProblem(reply, 'bodyTooLarge', `At most ${HTTP_LIMITS.bodyOctets} octets.`);
    case 415:
      return sendProblem(reply, 'unsupportedMediaType', 'Send JSON as application/json.');
    case undefined:
      break;
    default:
      if (error.statusCode < 500) return sendProblem(reply, 'badRequest', error.message);
  }
  onBug(error);
  return sendProblem(reply, 'internal', 'A bug; the log has more.');
}

/** What is not even a request gets its answer before any route is looked at. */
function clientProblem(code: string): { code: ProblemCode; line: string } {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { code: 'headersTooLarge', line: '431 Request Header Fields Too Large' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { code: 'requestTimeout', line: '408 Request Timeout' };
    default:
      return { code: 'badRequest', line: '400 Bad Request' };
  }
}

function rawProblem({ code, line }: { code: ProblemCode; line: string }): string {
  const body = JSON.stringify(problem(code, 'The request was not read to its end.'));
  return [
    `HTTP/1.1 ${line}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}

const ALL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

function collectMethods(app: FastifyInstance): Map<string, Set<string>> {
  const methods = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set();
    for (const one of typeof method === 'string' ? [method] : method) known.add(one);
    methods.set(url, known);
  });
  return methods;
}

/** A known path with another method is 405 with Allow (RFC 9110 section 15.5.6), not 404. */
function refuseOtherMethods(app: FastifyInstance, methods: Map<string, Set<string>>): void {
  for (const [url, known] of [...methods]) {
    const allow = [...known].join(', ');
    app.route({
      url,
      method: ALL_METHODS.filter((method) => !known.has(method)),
      schema: { hide: true },
      // Before the body is looked at: the method alone decides.
      preParsing: async (_request, reply) => {
        reply.header('allow', allow);
        return sendProblem(reply, 'methodNotAllowed', `This path takes ${allow}.`) as never;
      },
      handler: (_request, reply) => {
        sendProblem(reply, 'methodNotAllowed', `This path takes ${allow}.`);
      },
    });
  }
}
