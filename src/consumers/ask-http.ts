/**
 * One HTTP request to a consumer: bounded in time and size, over a connection of its own, and never
 * redirected: where a consumer is, the configuration says and nobody else.
 */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { ConsumerFault } from './causes.ts';

/** How long a consumer may take to answer. */
export const TIMEOUT_MS = 5_000;
/** A dispatcher of some thousand targets answers with a megabyte. */
const MAX_OCTETS = 8 * 1024 * 1024;

export interface HttpQuestion {
  readonly url: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** A POST; rejects when no whole answer comes in time. */
export function askHttp(question: HttpQuestion): Promise<HttpAnswer> {
  const { url, body, headers, timeoutMs = TIMEOUT_MS } = question;
  const send = url.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method: 'POST',
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        connection: 'close',
        ...headers,
      },
    });
    const fail = (error: Error) =>
      reject(new ConsumerFault('consumer.unreachable', whyFailed(error, timeoutMs)));
    request.once('error', fail);
    // With another protocol (101) neither comes, and nothing that could be waited for.
    let isAnswered = false;
    request.once('close', () => {
      if (!isAnswered) fail(new Error('closed without an answer'));
    });
    request.once('response', (response) => {
      isAnswered = true;
      const pieces: Buffer[] = [];
      let octets = 0;
      response.on('data', (piece: Buffer) => {
        octets += piece.length;
        if (octets > MAX_OCTETS) response.destroy(new Error('the answer is too long'));
        else pieces.push(piece);
      });
      response.once('error', fail);
      response.once('end', () => {
        const text = Buffer.concat(pieces).toString('utf8');
        resolve({ status: response.statusCode ?? 0, text });
      });
    });
    request.end(body);
  });
}

function whyFailed(error: Error, timeoutMs: number): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError')
    return `no answer within ${timeoutMs} ms`;
  return error.message === '' ? String(error) : error.message;
}
