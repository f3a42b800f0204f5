import type { Clock } from '../core/base/clock.ts';
import { type Instant, instant } from '../core/base/instant.ts';

/** The monotonic clock of the process, in milliseconds with a fraction. */
export const monotonicClock: Clock = {
  now(): Instant {
    return instant(performance.now());
  },
};
