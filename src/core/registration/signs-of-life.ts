/**
 * What the attempts under way and the last ones say about one target: whether it is quiet, dead or
 * too busy. Bookkeeping of the target gate; nothing here acts.
 */
import { elapsedMs, type Instant } from '../base/instant.ts';
import type { Entry } from './entry.ts';

/** Different registrations in a row: without an answer for dead, with 503 for busy. */
export const WITNESSES = 3;
/** Attempts that may begin without anything heard from the target since. */
const UNHEARD_LIMIT = 20;
/** Three attempts without an answer for longer than this: others begin one by one. */
const SILENCE_MS = 4_000;

export class SignsOfLife {
  /** Attempts under way that began since the last sign of life, in that order; and when. */
  #unheard: Entry[] = [];
  #begunAt: Instant[] = [];
  #open = 0;
  #witnesses: Entry[] = [];
  #witnessed: 'silent' | 'busy' = 'silent';

  /** Attempts under way. */
  get open(): number {
    return this.#open;
  }

  began(entry: Entry, now: Instant): void {
    this.#open += 1;
    this.#unheard.push(entry);
    this.#begunAt.push(now);
  }

  /** True when nothing at all was heard from the target since it began. */
  ended(entry: Entry): boolean {
    this.#open -= 1;
    const place = this.#unheard.indexOf(entry);
    if (place < 0) return false;
    this.#unheard.splice(place, 1);
    this.#begunAt.splice(place, 1);
    return true;
  }

  /** Anything at all came from the target: it is not dead. */
  heard(): void {
    if (this.#unheard.length > 0) {
      this.#unheard = [];
      this.#begunAt = [];
    }
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
    if (this.#unheard.length >= UNHEARD_LIMIT) return true;
    // Who ended without an answer counts like those who still wait for one.
    const missing = WITNESSES - (this.#witnessed === 'silent' ? this.#witnesses.length : 0);
    const decisive = Math.max(1, missing) - 1;
    const begunAt = this.#begunAt[decisive];
    const last = this.#begunAt.at(-1);
    if (begunAt === undefined || last === undefined) return false;
    if (elapsedMs(begunAt, now) <= SILENCE_MS) return false;
    // Perhaps just these three were lost: one more now and then, each after twice the pause.
    return elapsedMs(last, now) <= SILENCE_MS * 2 ** (this.#begunAt.length - 1 - decisive);
  }
}
