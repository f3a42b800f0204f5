/**
 * One long answer at a time. A page of 1,000 rows takes tens of milliseconds of the event loop, and a hundred
 * clients that ask at once (or one that does not wait for its answers) would take all of it from SIP. So each
 * is begun when the one before it is made, not when its client has read it, and one turn of the loop later.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HTTP_LIMITS } from './limits.ts';
import { sendProblem } from './problem.ts';

/** What is as long as the configuration. */
const LONG_PATHS: ReadonlySet<string> = new Set([
  '/v1/registrations',
  '/v1/peering-contracts',
  '/v1/peer-servers',
  '/v1/dispatcher.list',
  '/metrics',
]);

export function queueLongAnswers(app: FastifyInstance): void {
  const line = new Line();
  const served = new WeakSet<FastifyRequest>();
  const leave = async (request: FastifyRequest): Promise<void> => {
    if (served.delete(request)) line.leave();
  };
  app.addHook('preHandler', async (request, reply) => {
    if (!LONG_PATHS.has(request.routeOptions.url ?? '')) return undefined;
    const turn = line.enter();
    if (turn === undefined) {
      reply.header('retry-after', '1');
      return sendProblem(reply, 'tooManyRequests', 'Too many long answers are being waited for.');
    }
    await turn;
    served.add(request);
    return undefined;
  });
  // The text is made by then. After the response: for whatever never came so far.
  app.addHook('onSend', leave);
  app.addHook('onResponse', leave);
}

class Line {
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;

  /** Resolves when it is the turn of whoever asks; undefined: too many wait. `leave` has to follow. */
  enter(): Promise<void> | undefined {
    if (this.#waiting.length >= HTTP_LIMITS.longAnswersWaiting) return undefined;
    if (this.#isBusy) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#isBusy = true;
    return Promise.resolve();
  }

  leave(): void {
    setImmediate(() => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#isBusy = false;
      else next();
    });
  }
}
