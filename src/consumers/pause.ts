import type { Clock } from '../core/base/clock.ts';
import { after } from '../core/base/instant.ts';
import { Timer, type TimerQueue } from '../core/base/timer-queue.ts';

/** Resolves after that time of the queue, which may be a virtual one. */
export function pause(
  { clock, timers }: { readonly clock: Clock; readonly timers: TimerQueue },
  waitMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    timers.arm(new Timer(() => resolve()), after(clock.now(), waitMs));
  });
}
