/**
 * Who may ask: the bearer token, the guard against DNS rebinding and foreign origins, and the rate.
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

export interface GuardOptions {
  readonly token: Secret | undefined;
  /** Names under which this server may be asked, besides IP literals and localhost. */
  readonly hostNames: readonly string[];
  readonly rate: TokenBucket;
  readonly now: () => Parameters<TokenBucket['take']>[0];
}

/** Returns the hook; it answers by itself when the request may not pass. */
export function makeGuard(
  options: GuardOptions,
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined> {
  const { token, rate, now } = options;
  const digest = token === undefined ? undefined : sha256(token.reveal());
  const hostNames = new Set(['localhost', ...options.hostNames.map((name) => name.toLowerCase())]);

  return async (request, reply) => {
    const isOpen = OPEN_PATHS.has(request.url.split('?', 1)[0] ?? '');
    const hasToken = digest !== undefined && carries(request.headers.authorization, digest);
    if (!hasToken && !isKnownHost(request.headers.host, hostNames)) {
      return sendProblem(reply, 'misdirected', 'Ask by IP address, localhost or the bound name.');
    }
    if (isForeign(request)) {
      return sendProblem(
        reply,
        'forbiddenOrigin',
        'This API does not answer pages of other sites.',
      );
    }
    if (digest !== undefined && !hasToken && !isOpen) {
      reply.header('www-authenticate', 'Bearer realm="trunkd"');
      return sendProblem(reply, 'unauthorized', 'Send the token of http.token as a bearer token.');
    }
    // Counted last, so that strangers cannot use up what the token's owner may ask.
    if (!isOpen && !rate.take(now())) {
      reply.header('retry-after', '1');
      return sendProblem(reply, 'tooManyRequests', 'Come back in a second.');
    }
    return undefined;
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** Compares digests, so that neither length nor content of the token shows in the time it takes. */
function carries(authorization: string | undefined, digest: Buffer): boolean {
  if (authorization === undefined || !/^bearer /i.test(authorization)) return false;
  return timingSafeEqual(sha256(authorization.slice(7).trim()), digest);
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
