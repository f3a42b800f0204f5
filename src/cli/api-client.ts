/** Asks the running daemon over its HTTP API. Every failure says what to do about it. */
import type { Secret } from '../core/base/secret.ts';
import { EXIT } from '../daemon/exit-codes.ts';

const TIMEOUT_MS = 10_000;
const PAGE_ROWS = 500;

/** The daemon could not be asked, or said no; the text is for people. */
export class ApiError extends Error {
  /** Exit status of the command. */
  readonly status: number;

  constructor(text: string, options?: ErrorOptions & { readonly status?: number }) {
    super(text, options);
    this.name = 'ApiError';
    this.status = options?.status ?? EXIT.unavailable.code;
  }
}

export class ApiClient {
  readonly #base: string;
  readonly #token: Secret | undefined;

  /** `base` is the URL of the server, `http://127.0.0.1:9077`. */
  constructor(base: string, token: Secret | undefined) {
    this.#base = base.replace(/\/+$/, '');
    this.#token = token;
  }

  /** Rows of a list, page by page. */
  async *rows(path: string): AsyncGenerator<Record<string, unknown>> {
    let cursor = '';
    for (;;) {
      const page = await this.get(`${path}?limit=${PAGE_ROWS}${cursor}`);
      const items = page['items'];
      if (!Array.isArray(items)) throw new ApiError(`${this.#base}${path} is not a trunkd API.`);
      yield* items;
      if (typeof page['next'] !== 'string') return;
      cursor = `&cursor=${encodeURIComponent(page['next'])}`;
    }
  }

  get(path: string): Promise<Record<string, unknown>> {
    return this.#ask(path, { method: 'GET' });
  }

  /** A command; a reload may take its time. */
  post(
    path: string,
    body: object,
    timeoutMs: number = TIMEOUT_MS,
  ): Promise<Record<string, unknown>> {
    const headers = { 'content-type': 'application/json' };
    return this.#ask(path, { method: 'POST', headers, body: JSON.stringify(body) }, timeoutMs);
  }

  async #ask(
    path: string,
    request: {
      readonly method: string;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    },
    timeoutMs: number = TIMEOUT_MS,
  ): Promise<Record<string, unknown>> {
    const authorization =
      this.#token === undefined ? {} : { authorization: `Bearer ${this.#token.reveal()}` };
    const headers = { ...request.headers, ...authorization };
    const signal = AbortSignal.timeout(timeoutMs);
    let reply: Response;
    let document: unknown;
    try {
      reply = await fetch(`${this.#base}${path}`, {
        ...request,
        headers,
        signal,
        redirect: 'error',
      });
      document = await reply.json();
    } catch (error) {
      throw new ApiError(`${this.#base} ${reasonOf(error)}`, { cause: error });
    }
    if (typeof document !== 'object' || document === null) {
      throw new ApiError(`${this.#base} is not a trunkd API.`);
    }
    if (!reply.ok) {
      const text = refusalOf(reply.status, { ...document });
      const isInvalid = 'type' in document && document.type === 'urn:trunkd:problem:invalidConfig';
      throw new ApiError(text, isInvalid ? { status: EXIT.config.code } : {});
    }
    return { ...document };
  }
}

function reasonOf(error: unknown): string {
  const { cause = error } = error instanceof Error ? error : {};
  const code = cause instanceof Error && 'code' in cause ? String(cause.code ?? '') : '';
  if (code === 'ECONNREFUSED') {
    return 'refuses the connection: the daemon does not run, or http.bind is another address.';
  }
  if (cause instanceof Error && cause.message === 'bad port') {
    return 'has a port that HTTP clients refuse to ask (5060 is one of them): give http.bind another.';
  }
  if (error instanceof Error && error.name === 'TimeoutError') return 'did not answer in time.';
  if (error instanceof SyntaxError) return 'did not answer with JSON: is it a trunkd API?';
  return `cannot be asked: ${code === '' ? String(cause) : code}.`;
}

/** The words of a problem document, and its list of problems where there is one. */
function refusalOf(status: number, document: Record<string, unknown>): string {
  const { title = `HTTP ${status}`, detail = '' } = document;
  const problems = document['problems'];
  const list = Array.isArray(problems) ? problems.map((problem) => `\n${problem}`).join('') : '';
  return `${title}: ${detail}${list}`;
}
