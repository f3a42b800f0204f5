/** The one registration that tries, while all others of a target or registrar wait. */
import type { Instant } from '../base/instant.ts';
import type { Entry } from './entry.ts';

export class Canary {
  #entry: Entry | undefined;
  #nextAt: Instant;
  #sent = 0;

  constructor(now: Instant) {
    this.#nextAt = now;
  }

  /** When the next one may go, if none is under way. */
  get nextAt(): Instant {
    return this.#nextAt;
  }

  /** How many went since the last `reset`. */
  get sent(): number {
    return this.#sent;
  }

  get isUnderWay(): boolean {
    return this.#entry !== undefined;
  }

  is(entry: Entry): boolean {
    return this.#entry === entry;
  }

  reset(nextAt: Instant): void {
    this.#sent = 0;
    this.#nextAt = nextAt;
  }

  /** Only the time of the next one changes. */
  postpone(nextAt: Instant): void {
    this.#nextAt = nextAt;
  }

  goes(entry: Entry, nextAt: Instant): void {
    this.#entry = entry;
    this.#sent += 1;
    this.#nextAt = nextAt;
  }

  /** True when this registration was the canary, and is not any longer. */
  returned(entry: Entry): boolean {
    if (this.#entry !== entry) return false;
    this.#entry = undefined;
    return true;
  }
}
