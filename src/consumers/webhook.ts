/**
 * Keeper of one webhook: tells each change of a verdict by POST, in order, one at a time. What is not taken is tried
 * again with growing pauses; what is never taken, or does not fit into the queue, becomes a dead letter: a line in
 * a file where one is configured, and one in the log.
 *
 *   change -> queue (1,000) -> POST --2xx--> done
 *                               |--408, 425, 429, 5xx, nothing--> again: 1 s, 2 s, 4 s ... 5 min, 12 times
 *                               |--anything else, redirects among it--> dead letter
 */
import type { Cause } from '../core/base/cause.ts';
import { after } from '../core/base/instant.ts';
import type { Secret } from '../core/base/secret.ts';
import type { HealthEvent } from '../core/health/events.ts';
import type { HttpAnswer, HttpQuestion } from './ask-http.ts';
import { type ConsumerCauseCode, causeOfError, consumerCause } from './causes.ts';
import { pause } from './pause.ts';
import type {
  Consumer,
  ConsumerPorts,
  ConsumerState,
  ConsumerStatus,
  ContractChoice,
} from './ports.ts';
import { Standing, type Word } from './standing.ts';
import { messageOf, signature } from './webhook-messages.ts';

export interface WebhookSpec {
  readonly name: string;
  readonly contracts: ContractChoice;
  readonly mode: 'apply' | 'observe';
  readonly url: string;
  /** Undefined: messages are not signed. */
  readonly secret: Secret | undefined;
  /** JSON Lines; undefined: only the log has them. */
  readonly deadLetters: string | undefined;
}

const MAX_QUEUE = 1_000;
const MAX_TRIES = 12;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 300_000;

/** How long a message is tried: docs/operations.md says the same. */
export const WEBHOOK_PATIENCE = {
  tries: MAX_TRIES,
  /** All pauses together; what each try takes comes on top. */
  spanMs: Array.from({ length: MAX_TRIES - 1 }, (_, n) => retryMs(n + 1)).reduce((a, b) => a + b),
} as const;

/** Nobody who asks for them later needs more. */
const LATER: ReadonlySet<number> = new Set([408, 425, 429]);

interface Letter {
  readonly id: string;
  readonly body: string;
}

export interface WebhookPorts extends ConsumerPorts {
  readonly ask: (question: HttpQuestion) => Promise<HttpAnswer>;
}

export class Webhook implements Consumer {
  readonly name: string;
  readonly #spec: WebhookSpec;
  readonly #ports: WebhookPorts;
  readonly #queue: Letter[] = [];
  readonly #standing: Standing;
  #sent = 0;
  #isStopped = false;
  #isSending = false;
  #wake: () => void = () => {};

  constructor(spec: WebhookSpec, ports: WebhookPorts) {
    this.name = spec.name;
    this.#spec = spec;
    this.#ports = ports;
    const consumer = this.name;
    this.#standing = new Standing(ports.clock.now(), (from, { state, cause, nextAttemptAt }) =>
      ports.tell({ kind: 'changed', consumer, from, state, cause, nextAttemptAt }),
    );
  }

  get state(): ConsumerState {
    return this.#standing.state;
  }

  get status(): ConsumerStatus {
    return { ...this.#standing.status, drift: this.#queue.length };
  }

  start(): void {
    this.#become('inSync');
  }

  changed(): void {
    // Each event comes by itself.
  }

  heard(event: HealthEvent): void {
    const message = messageOf(event, this.#ports, this.#spec.contracts);
    if (message === undefined || this.#isStopped) return;
    const { epoch, sequence } = this.#ports.book.revision;
    this.#sent += 1;
    const id = `${epoch}-${this.#sent}`;
    const body = JSON.stringify({ id, epoch, sequence, ...message });
    this.#queue.push({ id, body });
    if (this.#queue.length > MAX_QUEUE) this.#bury(this.#queue.shift(), 'the queue is full');
    if (!this.#isSending) void this.#send();
  }

  /** What is still in the queue becomes dead letters. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    for (const letter of this.#queue.splice(0)) this.#bury(letter, 'trunkd or the consumer stops');
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    for (let letter = this.#queue[0]; letter !== undefined; letter = this.#queue[0]) {
      const why = await this.#deliver(letter);
      if (this.#isStopped) return;
      // The queue may have lost its first while this one was under way.
      if (this.#queue[0] === letter) this.#queue.shift();
      if (why !== undefined) this.#bury(letter, why);
    }
    this.#isSending = false;
    if (this.state === 'drifting') this.#become('inSync');
  }

  /** Resolves when it was taken, or to why it never will be. */
  async #deliver(letter: Letter): Promise<string | undefined> {
    for (let tries = 1; !this.#isStopped; tries += 1) {
      const answer = await this.#post(letter);
      if (answer === undefined) {
        const isMore = this.#queue.length > 1;
        this.#passed(isMore ? 'drifting' : 'inSync', isMore ? CATCHING_UP : undefined);
        return undefined;
      }
      const { why, isFinal } = answer;
      const isGivenUp = isFinal || tries === MAX_TRIES;
      const text = isFinal ? why : `${why}, after ${tries} tries`;
      if (isGivenUp) {
        this.#passed('failing', consumerCause('consumer.deadLetter', text));
        return text;
      }
      const waitMs = retryMs(tries);
      this.#passed('failing', consumerCause(answer.code, why), waitMs);
      await this.#wait(waitMs);
    }
    return '';
  }

  /** Resolves to why it was not taken. */
  async #post({ id, body }: Letter): Promise<Refusal | undefined> {
    const { url, secret, mode } = this.#spec;
    if (mode === 'observe') return undefined;
    const nowMs = this.#ports.wallMs();
    const signed =
      secret === undefined ? {} : { 'x-trunkd-signature': signature(secret.reveal(), body, nowMs) };
    const headers = { 'x-trunkd-delivery': id, ...signed };
    try {
      const { status } = await this.#ports.ask({ url, body, headers });
      if (status >= 200 && status < 300) return undefined;
      const isFinal = !LATER.has(status) && status < 500;
      return { code: 'consumer.refused', isFinal, why: `HTTP ${status}` };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { code: 'consumer.unreachable', isFinal: false, why };
    }
  }

  /** Ends early when the consumer stops. */
  async #wait(waitMs: number): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([pause(this.#ports, waitMs), woken]);
  }

  #bury(letter: Letter | undefined, why: string): void {
    if (letter === undefined) return;
    const { deadLetters } = this.#spec;
    const consumer = this.name;
    this.#ports.tell({ kind: 'deadLetter', consumer, id: letter.id, body: letter.body, why });
    if (deadLetters === undefined) return;
    this.#ports.files.append(deadLetters, `${letter.body}\n`).catch((error: unknown) => {
      this.#become('failing', causeOfError(error));
    });
  }

  /** A try ended. */
  #passed(state: ConsumerState, cause?: Cause, waitMs?: number): void {
    this.#standing.passed(this.#word(state, cause, waitMs), this.#ports.clock.now());
  }

  #become(state: ConsumerState, cause?: Cause, waitMs?: number): void {
    this.#standing.become(this.#word(state, cause, waitMs), this.#ports.clock.now());
  }

  #word(state: ConsumerState, cause: Cause | undefined, waitMs: number | undefined): Word {
    const nextAttemptAt = waitMs === undefined ? undefined : after(this.#ports.clock.now(), waitMs);
    return { state, cause, drift: this.#queue.length, nextAttemptAt };
  }
}

/** The pause after that many tries. */
function retryMs(tries: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (tries - 1), MAX_RETRY_MS);
}

const CATCHING_UP = consumerCause('consumer.catchingUp', '');

interface Refusal {
  readonly code: ConsumerCauseCode;
  /** Trying again would change nothing. */
  readonly isFinal: boolean;
  readonly why: string;
}
