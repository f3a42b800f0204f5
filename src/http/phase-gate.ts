/**
 * Before trunkd is ready, and while it stops, what steers calls is 503 with Retry-After (features P26): whoever asks
 * goes by what it has. What is known can be read all the time.
 *
 *   starting   it knows no contract yet: 404 would send a proxy astray, and a command would meet half a configuration
 *   stopping   what it knows gets old; health words stay as they were, since 503 there says that a server is out
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HealthPort } from './ports.ts';
import { sendProblem } from './problem.ts';

const STEERING: ReadonlySet<string> = new Set(['/v1/route', '/v1/dispatcher.list']);
const HEALTH_WORD = /^\/v1\/(?:peer-servers\/[^/]+|peering-contracts)\/[^/]+\/health$/;

const TEXTS = {
  starting: 'trunkd has just started, and does not know all yet.',
  stopping: 'trunkd stops, or is about to be started anew.',
} as const;

/** Seconds; a restart takes a little longer than a start. */
const RETRY_AFTER = { starting: '1', stopping: '5' } as const;

/** A hook that answers by itself when the request has to wait. */
export function makePhaseGate({
  phase,
}: Pick<HealthPort, 'phase'>): (
  request: FastifyRequest,
  reply: FastifyReply,
) => Promise<FastifyReply | undefined> {
  return async (request, reply) => {
    const now = phase();
    if (now === 'ready' || !hasToWait(request, now)) return undefined;
    reply.header('retry-after', RETRY_AFTER[now]);
    return sendProblem(reply, 'notReady', TEXTS[now]);
  };
}

function hasToWait({ method, url }: FastifyRequest, phase: keyof typeof TEXTS): boolean {
  if (method === 'POST') return true;
  const path = url.split('?', 1)[0] ?? '';
  return STEERING.has(path) || (phase === 'starting' && HEALTH_WORD.test(path));
}
