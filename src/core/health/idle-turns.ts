/**
 * Which regular probes of a target are left out, since it was heard meanwhile (`mode: idleOnly`, features
 * P16). Only of one that is up, and never more than four in a row: anybody can send in the name of a
 * target, and that must not hide for long that it is dead.
 */
import type { Instant } from '../base/instant.ts';
import type { TargetState } from './target-state.ts';

const MOST_LEFT_OUT = 4;

export class IdleTurns {
  #heardAt: Instant | undefined;
  #leftOut = 0;

  heard(at: Instant): void {
    this.#heardAt = at;
  }

  /** Its turn has come. When it was heard, where that stands for the probe; undefined: it is to be sent. */
  insteadOfProbe({
    name,
    next,
    lastSentAt,
    failures,
    open,
  }: Pick<TargetState, 'name' | 'next' | 'lastSentAt' | 'failures' | 'open'>): Instant | undefined {
    const heardAt = this.#heardAt;
    const isQuiet = name === 'up' && next.kind === 'round' && failures + open.length === 0;
    const isNews = heardAt !== undefined && lastSentAt !== undefined && heardAt > lastSentAt;
    if (!isQuiet || !isNews || this.#leftOut >= MOST_LEFT_OUT) {
      this.#leftOut = 0;
      return undefined;
    }
    this.#leftOut += 1;
    this.#heardAt = undefined;
    return heardAt;
  }
}
