/** Errors as problem details, RFC 9457. The codes are documented in docs/errors.md. */
import type { FastifyReply } from 'fastify';
import { schemasOf } from './late-schema.ts';

export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly meaning: string;
}

/** Every problem of the API; `type` is `urn:trunkd:problem:` and the key. */
export const PROBLEMS = {
  badParameter: {
    status: 400,
    title: 'Bad parameter',
    meaning: 'A parameter of path, query or body is missing, unknown or out of range.',
  },
  badRequest: {
    status: 400,
    title: 'Bad request',
    meaning: 'The request is not well-formed HTTP, or its body is not JSON.',
  },
  unauthorized: {
    status: 401,
    title: 'Token needed',
    meaning: 'The configured token did not come with the request: `Authorization: Bearer TOKEN`.',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed',
    meaning: 'The role of the token (`http.tokens`) does not allow the request.',
  },
  forbiddenOrigin: {
    status: 403,
    title: 'Foreign origin',
    meaning: 'A browser sent the request on behalf of another site.',
  },
  notFound: {
    status: 404,
    title: 'Not found',
    meaning:
      'There is no such path, registration, peering contract, peer server, proxy or consumer.',
  },
  methodNotAllowed: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path exists, the method does not fit; the Allow header lists those that do.',
  },
  requestTimeout: {
    status: 408,
    title: 'Request too slow',
    meaning: 'The request did not arrive in time.',
  },
  conflict: {
    status: 409,
    title: 'Command refused',
    meaning:
      'A reload would drop too much (`force` overrules this), or what the command is for is switched off.',
  },
  bodyTooLarge: {
    status: 413,
    title: 'Body too large',
    meaning: 'The body is longer than the limit.',
  },
  unsupportedMediaType: {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'Commands take `application/json` only.',
  },
  misdirected: {
    status: 421,
    title: 'Unknown host name',
    meaning:
      'The Host header names neither an IP address nor this host: the guard against DNS rebinding.',
  },
  invalidConfig: {
    status: 422,
    title: 'Configuration invalid',
    meaning: 'The configuration has errors and was not applied; `problems` lists them.',
  },
  tooManyRequests: {
    status: 429,
    title: 'Too many requests',
    meaning: 'More requests than the limit allows; Retry-After tells when to come back.',
  },
  headersTooLarge: {
    status: 431,
    title: 'Header fields too large',
    meaning: 'The header fields are longer than the limit.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    meaning: 'A bug; the log has a `bug.caught` line.',
  },
  notReady: {
    status: 503,
    title: 'Not ready',
    meaning:
      'trunkd has just started, or stops: calls are not steered now, and nothing is commanded. Keep what you have, and come back (Retry-After).',
  },
  unavailable: {
    status: 503,
    title: 'Nothing to tell',
    meaning: 'There is no answer yet that would do no harm; keep what you have, and come back.',
  },
} as const satisfies Readonly<Record<string, ProblemKind>>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly [extension: string]: unknown;
}

/** What every answer but the good ones looks like. */
export const problemAnswer = {
  description: 'A problem (RFC 9457)',
  content: {
    'application/problem+json': {
      schema: schemasOf(() => import('./schemas.ts'))('problemDocument'),
    },
  },
};

/** `detail` says what was wrong with this very request; it must hold nothing secret. */
export function problem(
  code: ProblemCode,
  detail: string,
  extensions: Readonly<Record<string, unknown>> = {},
): ProblemDocument {
  const { status, title } = PROBLEMS[code];
  return { ...extensions, type: `urn:trunkd:problem:${code}`, title, status, detail };
}

export function sendProblem(
  reply: FastifyReply,
  code: ProblemCode,
  detail: string,
  extensions?: Readonly<Record<string, unknown>>,
): FastifyReply {
  const document = problem(code, detail, extensions);
  return reply.code(document.status).type(PROBLEM_TYPE).send(JSON.stringify(document));
}

export function sendNotFound(reply: FastifyReply, kind: string, id: string): FastifyReply {
  return sendProblem(reply, 'notFound', `There is no ${kind} ${JSON.stringify(id)}.`);
}

/** One parameter is wrong in a way that its schema cannot tell. */
export function sendBadParameter(
  reply: FastifyReply,
  parameter: string,
  text: string,
): FastifyReply {
  const errors = [{ parameter, text }];
  return sendProblem(reply, 'badParameter', `${parameter}: ${text}`, { errors });
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';
