/**
 * Keeper of one webhook: tells each change of a verdict by POST, in order, one at a time. What is not taken is tried
 * again with growing pauses; what is never taken, or does not fit into the queue, becomes a dead letter: a line in
 * a file where one is configured, and one in the log.
 *
 *   change -> queue (1,000) -> POST --2xx--> done
 *                               |--408, 425, 429, 5xx, nothing--> again: 1 s, 2 s, 4 s ... 5 min, 12 times
 *                               |--anything else, redirects among it--> dead letter
 */
import type { Secret } from '../core/base/secret.ts';
import type { HealthEvent } from '../core/health/events.ts';
import type { HttpAnswer, HttpQuestion } from './ask-http.ts';
import { pause } from './pause.ts';
import type { Consumer, ConsumerPorts, ConsumerState, ContractChoice } from './ports.ts';
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
  #state: ConsumerState = 'starting';
  #sent = 0;
  #isStopped = false;
  #isSending = false;
  #wake: () => void = () => {};

  constructor(spec: WebhookSpec, ports: WebhookPorts) {
    this.name = spec.name;
    this.#spec = spec;
    this.#ports = ports;
  }

  get state(): ConsumerState {
    return this.#state;
  }

  start(): void {
    this.#become('inSync', '');
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
    if (this.#state === 'drifting') this.#become('inSync', '');
  }

  /** Resolves when it was taken, or to why it never will be. */
  async #deliver(letter: Letter): Promise<string | undefined> {
    let why = '';
    for (let tries = 0; tries < MAX_TRIES && !this.#isStopped; tries += 1) {
      if (tries > 0) await this.#wait(Math.min(FIRST_RETRY_MS * 2 ** (tries - 1), MAX_RETRY_MS));
      const answer = this.#isStopped ? undefined : await this.#post(letter);
      if (answer === undefined) break;
      if (answer.isTaken) {
        this.#become(this.#queue.length > 1 ? 'drifting' : 'inSync', '');
        return undefined;
      }
      why = answer.why;
      this.#become('failing', why);
      if (answer.isFinal) return why;
    }
    return why;
  }

  async #post({ id, body }: Letter): Promise<Taken> {
    const { url, secret, mode } = this.#spec;
    if (mode === 'observe') return { isTaken: true, isFinal: true, why: '' };
    const nowMs = this.#ports.wallMs();
    const signed =
      secret === undefined ? {} : { 'x-trunkd-signature': signature(secret.reveal(), body, nowMs) };
    const headers = { 'x-trunkd-delivery': id, ...signed };
    try {
      const { status } = await this.#ports.ask({ url, body, headers });
      const isTaken = status >= 200 && status < 300;
      const isFinal = !LATER.has(status) && status < 500;
      return { isTaken, isFinal, why: `HTTP ${status}` };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { isTaken: false, isFinal: false, why };
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
      const text = `${deadLetters}: ${error instanceof Error ? error.message : error}`;
      this.#become('failing', text);
    });
  }

  #become(state: ConsumerState, text: string): void {
    const from = this.#state;
    this.#state = state;
    if (from !== state)
      this.#ports.tell({ kind: 'changed', consumer: this.name, from, state, text });
  }
}

interface Taken {
  readonly isTaken: boolean;
  /** Trying again would change nothing. */
  readonly isFinal: boolean;
  readonly why: string;
}
