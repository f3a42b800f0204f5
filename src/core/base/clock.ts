import type { Instant } from './instant.ts';

/** The port for time. Core never asks the machine for it in any other way. */
export interface Clock {
  /** Monotonic; never steps back, does not follow the wall clock. */
  now(): Instant;
}
