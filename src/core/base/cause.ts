import type { Blame } from './fault.ts';

/** Why something is as it is, for people: what happened, whose fault it is, what to do. */
export interface Cause {
  /** Stable, documented in docs/errors.md; a fault code or a code of the machine itself. */
  readonly code: string;
  /** `operator`: it is as somebody ordered it. */
  readonly blame: Blame | 'operator' | 'nobody';
  /** What happened, in one sentence. */
  readonly text: string;
  /** What trunkd does next, and what the operator can do; the time of the next attempt is added by observers. */
  readonly next: string;
}
