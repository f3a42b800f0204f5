/**
 * What the attempts under way and the last ones say about one target: whether it is quiet, dead or
 * too busy. Bookkeeping of the target gate; nothing here acts.
 */
import { elapsedMs, type Instant } from '../base/instant.ts';
import type { Entry } from './entry.ts';

/** Different registrations in a row: without an answer for dead, with 503 for busy. */
export const WITNESSES = 3;
/** Attempts that may begin without anything heard from the target since. */
export const UNHEARD_LIMIT = 20;
/** Three attempts without an answer for longer than this: no other begins. */
export const SILENCE_MS = 4_000;

export class SignsOfLife {
  /** Attempts under way in the order of their start. */
  readonly #unanswered = new Map<Entry, Instant>();
  #begunSinceHeard = 0;
  #heardAt: Instant;
  #witnesses: Entry[] = [];
  #witnessed: 'silent' | 'busy' = 'silent';

  constructor(now: Instant) {
    this.#heardAt = now;
  }

  /** Attempts under way. */
  get open(): number {
    return this.#unanswered.size;
  }

  began(entry: Entry, now: Instant): void {
    this.#unanswered.set(entry, now);
    this.#begunSinceHeard += 1;
  }

  ended(entry: Entry): void {
    this.#unanswered.delete(entry);
    this.#begunSinceHeard = Math.min(this.#begunSinceHeard, this.#unanswered.size);
  }

  /** Anything at all came from the target: it is not dead. */
  heard(now: Instant): void {
    this.#heardAt = now;
    this.#begunSinceHeard = 0;
    if (this.#witnessed === 'silent') this.forget();
  }

  /** Begins to count witnesses anew. */
  forget(): void {
    if (this.#witnesses.length > 0) this.#witnesses = [];
  }

  /** True once enough different registrations in a row have seen the same. */
  testify(entry: Entry, what: 'silent' | 'busy'): boolean {
    if (this.#witnessed !== what) this.forget();
    this.#witnessed = what;
    if (!this.#witnesses.includes(entry)) this.#witnesses.push(entry);
    return this.#witnesses.length >= WITNESSES;
  }

  /** True while more attempts would only add to those that nobody answers. */
  isQuiet(now: Instant): boolean {
    if (this.#begunSinceHeard >= UNHEARD_LIMIT) return true;
    // Who ended without an answer counts like those who still wait for one.
    const missing = WITNESSES - (this.#witnessed === 'silent' ? this.#witnesses.length : 0);
    if (this.#unanswered.size < missing || elapsedMs(this.#heardAt, now) <= SILENCE_MS)
      return false;
    let seen = 0;
    for (const begunAt of this.#unanswered.values()) {
      seen += 1;
      if (seen >= missing) return elapsedMs(begunAt, now) > SILENCE_MS;
    }
    return false;
  }
}
