/**
 * Who may ask, and for what: the bearer tokens and their roles, the guard against DNS rebinding and foreign origins, and the rate.
 * A page of another site can reach loopback through the browser of an operator, but it cannot know
 * the token, and it cannot choose the Host header.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Secret } from '../core/base/secret.ts';
import type { TokenBucket } from '../core/base/token-bucket.ts';
import { sendProblem } from './problem.ts';

/** Open to everybody: they tell one word, to a load balancer or an orchestrator. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/livez', '/readyz']);
const ROUTE_PATH = '/v1/route';
const PROXY_NEWS = /^\/v1\/(?:proxies\/[^/]+\/commands|peer-servers\/[^/]+\/[^/]+\/observations)$/;

/** What a further token is good for: `route` also sees the credentials of calls. */
export interface RoleToken {
  readonly role: 'read' | 'route';
  readonly token: Secret;
}

export interface GuardOptions {
  readonly token: Secret | undefined;
  readonly tokens: readonly RoleToken[];
  /** Names under which this server may be asked, besides IP literals and localhost. */
  readonly hostNames: readonly string[];
  readonly rate: TokenBucket;
  /** For questions of proxies for routes, so that monitors cannot take calls their turn. */
  readonly routeRate: TokenBucket;
  readonly now: () => Parameters<TokenBucket['take']>[0];
}

export interface Guard {
  /** Answers by itself when the request may not pass. */
  readonly hook: (
    request: FastifyRequest,
    reply: FastifyReply,
  ) => Promise<FastifyReply | undefined>;
  /** Did it bring a token with the role `route`? */
  readonly isRouter: (request: FastifyRequest) => boolean;
}

export function makeGuard(options: GuardOptions): Guard {
  const { rate, routeRate, now } = options;
  const tokens = readTokens(options);
  const hostNames = new Set(['localhost', ...options.hostNames.map((name) => name.toLowerCase())]);
  const routers = new WeakSet<FastifyRequest>();

  const hook: Guard['hook'] = async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const role = roleOf(request, tokens);
    const strange = whyStrange(request, role !== undefined, hostNames);
    if (strange !== undefined) return sendProblem(reply, ...strange);
    if (OPEN_PATHS.has(path)) return undefined;
    const refused = refuse(request, reply, role, path, tokens);
    if (refused !== undefined) return refused;
    // Counted last, so that strangers cannot use up what the token's owner may ask.
    const bucket = path === ROUTE_PATH ? routeRate : rate;
    if (!bucket.take(now())) {
      reply.header('retry-after', '1');
      return sendProblem(reply, 'tooManyRequests', 'Come back in a second.');
    }
    if (role === 'route') routers.add(request);
    return undefined;
  };
  return { hook, isRouter: (request) => routers.has(request) };
}

interface Tokens {
  /** Of http.token; undefined: nobody needs one. */
  readonly owner: Buffer | undefined;
  readonly others: readonly { readonly role: RoleToken['role']; readonly digest: Buffer }[];
}

function readTokens({ token, tokens }: GuardOptions): Tokens {
  return {
    owner: token === undefined ? undefined : sha256(token.reveal()),
    others: tokens.map((one) => ({ role: one.role, digest: sha256(one.token.reveal()) })),
  };
}

/** Whose token came with the request; undefined: none of ours. */
function roleOf(
  { headers }: FastifyRequest,
  { owner, others }: Tokens,
): RoleToken['role'] | 'owner' | undefined {
  const shown = digestOf(headers.authorization);
  if (shown === undefined) return undefined;
  if (owner !== undefined && timingSafeEqual(shown, owner)) return 'owner';
  return others.find(({ digest }) => timingSafeEqual(shown, digest))?.role;
}

/** A request that a page of another site may have made. */
function whyStrange(
  request: FastifyRequest,
  hasToken: boolean,
  hostNames: ReadonlySet<string>,
): readonly ['misdirected' | 'forbiddenOrigin', string] | undefined {
  if (!hasToken && !isKnownHost(request.headers.host, hostNames)) {
    return ['misdirected', 'Ask by IP address, localhost or the bound name.'];
  }
  if (!isForeign(request)) return undefined;
  return ['forbiddenOrigin', 'This API does not answer pages of other sites.'];
}

/** The answer to who may not ask this; undefined: go on. */
function refuse(
  { method }: FastifyRequest,
  reply: FastifyReply,
  role: RoleToken['role'] | 'owner' | undefined,
  path: string,
  { owner }: Tokens,
): FastifyReply | undefined {
  if (role === undefined && owner !== undefined) {
    reply.header('www-authenticate', 'Bearer realm="trunkd"');
    return sendProblem(reply, 'unauthorized', 'Send the token of http.token as a bearer token.');
  }
  if (role === undefined || role === 'owner' || mayAsk(role, method, path)) return undefined;
  return sendProblem(reply, 'forbidden', `A token with the role ${role} does not command.`);
}

/** What a proxy has to tell goes with the role `route`, too. */
function mayAsk(role: RoleToken['role'], method: string, path: string): boolean {
  if (method === 'GET' || method === 'HEAD') return true;
  return role === 'route' && PROXY_NEWS.test(path);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** Of the bearer token, so that neither length nor content of ours shows in the time that comparing takes. */
function digestOf(authorization: string | undefined): Buffer | undefined {
  if (authorization === undefined || !/^bearer /i.test(authorization)) return undefined;
  return sha256(authorization.slice(7).trim());
}

/** An IP literal cannot be rebound; a name has to be one of ours. */
function isKnownHost(host: string | undefined, hostNames: ReadonlySet<string>): boolean {
  if (host === undefined) return true;
  const name = host.replace(/:\d+$/, '').toLowerCase();
  return name.startsWith('[') || /^\d+(?:\.\d+){3}$/.test(name) || hostNames.has(name);
}

/** Browsers tell where a request comes from; other clients send neither header. */
function isForeign({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') return true;
  const { origin } = headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== headers.host;
}
