/**
 * How one consumer stands, for log and API. A machine of few words: what is told is every change of the state at once,
 * and another cause of the same state when the last word is half a minute old, so that causes in turns do not fill
 * the log.
 *
 *   starting --> inSync <--> drifting <--> failing
 */
import type { Cause } from '../core/base/cause.ts';
import { after, type Instant } from '../core/base/instant.ts';
import type { ConsumerState, ConsumerStatus } from './ports.ts';

/** Between two lines about one state. */
const RETELL_MS = 30_000;

export interface Word {
  readonly state: ConsumerState;
  /** Undefined: all is well, or it has just started. */
  readonly cause: Cause | undefined;
  /** How many things are not as they should be, as far as that is known. */
  readonly drift: number;
  readonly nextAttemptAt: Instant | undefined;
}

export type Told = (from: ConsumerState, word: Word) => void;

export class Standing {
  readonly #told: Told;
  #word: Word = { state: 'starting', cause: undefined, drift: 0, nextAttemptAt: undefined };
  #since: Instant;
  #lastPassAt: Instant | undefined;
  #toldState: ConsumerState = 'starting';
  #toldCause: Cause | undefined;
  #toldAt: Instant;

  constructor(now: Instant, told: Told) {
    this.#since = now;
    // That it starts is no news, whatever it waits for.
    this.#toldAt = now;
    this.#told = told;
  }

  get state(): ConsumerState {
    return this.#word.state;
  }

  get status(): ConsumerStatus {
    return { ...this.#word, since: this.#since, lastPassAt: this.#lastPassAt };
  }

  /** A pass ended, and this is what came of it. */
  passed(word: Word, now: Instant): void {
    this.#lastPassAt = now;
    this.become(word, now);
  }

  become(word: Word, now: Instant): void {
    if (word.state !== this.#word.state) this.#since = now;
    this.#word = word;
    if (!this.#isNews(word, now)) return;
    const from = this.#toldState;
    this.#toldState = word.state;
    this.#toldCause = word.cause;
    this.#toldAt = now;
    this.#told(from, word);
  }

  #isNews({ state, cause }: Word, now: Instant): boolean {
    if (state !== this.#toldState) return true;
    const known = this.#toldCause;
    if (cause?.code === known?.code && cause?.text === known?.text) return false;
    return after(this.#toldAt, RETELL_MS) <= now;
  }
}
