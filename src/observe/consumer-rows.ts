/** What the API shows of one consumer. */
import type { Cause } from '../core/base/cause.ts';
import type { Instant } from '../core/base/instant.ts';
import { type RenderedCause, renderCause } from './cause.ts';
import type { WallClock } from './wall-clock.ts';

/** A consumer as its keeper tells it. */
export interface ConsumerReading {
  readonly name: string;
  readonly type: string;
  readonly mode: 'apply' | 'observe';
  readonly state: 'starting' | 'inSync' | 'drifting' | 'failing';
  readonly since: Instant;
  readonly cause: Cause | undefined;
  readonly lastPassAt: Instant | undefined;
  readonly drift: number;
  readonly nextAttemptAt: Instant | undefined;
}

/** All of them, by name. */
export type ConsumerReadings = () => ReadonlyMap<string, ConsumerReading>;

export interface ConsumerRow {
  readonly name: string;
  readonly type: string;
  readonly mode: 'apply' | 'observe';
  readonly state: ConsumerReading['state'];
  readonly since: string;
  readonly cause: RenderedCause | null;
  readonly lastPassAt: string | null;
  readonly drift: number;
  readonly nextAttemptAt: string | null;
}

export function consumerRow(reading: ConsumerReading, wallClock: WallClock): ConsumerRow {
  const { name, type, mode, state, since, cause, lastPassAt, drift, nextAttemptAt } = reading;
  return {
    ...{ name, type, mode, state },
    since: wallClock.iso(since),
    cause: renderCause(cause, nextAttemptAt, wallClock),
    lastPassAt: wallClock.iso(lastPassAt),
    drift,
    nextAttemptAt: wallClock.iso(nextAttemptAt),
  };
}
