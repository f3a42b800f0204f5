/** The consumers, joined to the rest: what they read, and where their news go. */

import type { ConsumerSpec } from '../config/daemon-spec.ts';
import { isSame } from '../config/diff.ts';
import { atomicFiles } from '../consumers/atomic-file.ts';
import { Consumers } from '../consumers/consumers.ts';
import type { ConsumerNews } from '../consumers/ports.ts';
import type { DaemonLog } from '../observe/log.ts';
import type { WallClock } from '../observe/wall-clock.ts';
import type { Assembly } from './assembly.ts';

export function makeConsumers(
  { clock, timers, prober }: Assembly,
  log: DaemonLog,
  wallClock: WallClock,
): Consumers {
  return new Consumers({
    clock,
    timers,
    book: prober,
    files: atomicFiles,
    wallMs: () => wallClock.nowMs(),
    tell: (news) => {
      tellLog(log, news);
      // Its calls fail there, as it seems: that deserves a look at once.
      if (news.kind === 'observed') prober.probeNow(news.peerServer);
    },
  });
}

/** For `Consumers.apply`. */
export function isSameConsumer(a: ConsumerSpec, b: ConsumerSpec): boolean {
  return isSame(a, b);
}

function tellLog(log: DaemonLog, news: ConsumerNews): void {
  if (news.kind === 'observed') {
    const { kind: _kind, ...fields } = news;
    log.write('warn', 'consumer.observed', fields);
    return;
  }
  const { consumer, from, state, text } = news;
  const level = state === 'inSync' ? 'info' : 'warn';
  log.write(level, 'consumer.changed', { consumer, from, state, text });
}
