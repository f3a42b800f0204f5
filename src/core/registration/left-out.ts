/**
 * Registrations that their target leaves without an answer while it answers others: then it is not the target
 * that is dead, and whoever looks for the fault shall look at these accounts.
 */
import type { Instant } from '../base/instant.ts';
import type { Entry } from './entry.ts';

export class LeftOut {
  /** At most as many as have their last attempt here; most targets have none. */
  #entries: Set<Entry> | undefined;
  #answeredAt: number = -1;

  /** Somebody got a final answer from the target; a challenge is none. */
  answered(now: Instant): void {
    this.#answeredAt = now;
  }

  /** It got an answer of its own, or is at this target no longer. */
  forget(entry: Entry): void {
    this.#entries?.delete(entry);
  }

  /** The target answers nobody: that says nothing of single ones. */
  forgetAll(): void {
    this.#entries = undefined;
  }

  /**
   * It got no answer. Others did if the target was heard meanwhile, or answered somebody since it failed before:
   * where few share a target hours may pass between two of them. `heardOthers`: what was heard was not about itself.
   */
  unanswered(entry: Entry, heardOthers: boolean): void {
    const { failures, since } = entry.state;
    const isAlone = heardOthers || (failures > 0 && this.#answeredAt > since);
    if (!isAlone) return;
    this.#entries ??= new Set();
    this.#entries.add(entry);
  }

  /** How many are left out, this one among them; 0: not this one. */
  count(entry: Entry): number {
    return this.#entries?.has(entry) === true ? this.#entries.size : 0;
  }
}
