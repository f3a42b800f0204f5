/** What the units of all targets share: ports, and whoever looks after all of them together. */
import type { Clock } from '../base/clock.ts';
import type { Instant } from '../base/instant.ts';
import type { Random } from '../base/random.ts';
import type { TimerQueue } from '../base/timer-queue.ts';
import type { Hasher } from '../sip/digest/ports.ts';
import type { ProxyNamed } from '../sip/proxy/ports.ts';
import type { TransportPort } from '../sip/transport/ports.ts';
import type { PacerPort, UserAgentPort } from '../sip/user-agent/ports.ts';
import type { PeerState } from './events.ts';
import type { Freezer } from './freezer.ts';
import type { ProbeCap } from './probe-cap.ts';
import type { ProbeUnit } from './probe-unit.ts';
import type { ProbeCalendar } from './spread.ts';
import type { Finding } from './verdict.ts';

/** Several ways to one target. */
export interface Crowd {
  readonly units: Set<ProbeUnit>;
  /** The first moment that no regular probe of any of the units has taken yet. */
  freeAt: Instant;
}

export interface UnitPorts {
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly random: Random;
  readonly hasher: Hasher;
  readonly pacer: PacerPort;
  readonly userAgent: UserAgentPort;
  /** Makes connections for `mode: connect`. */
  readonly connector: Pick<TransportPort, 'open' | 'close'>;
  readonly calendar: ProbeCalendar;
  readonly proxyNamed: ProxyNamed;
  /** On all probes together. */
  readonly cap: ProbeCap;
  readonly freezer: Freezer;
  /** The first moment from `at` on at which the unit may probe its target in regular turn. */
  turn(unit: ProbeUnit, at: Instant): Instant;
  /** The state of the target changed, or whether anything can be said of it. */
  changed(unit: ProbeUnit, before: PeerState): void;
  finished(unit: ProbeUnit, finding: Finding, rttMs: number | undefined): void;
  /** Addresses that answers may come from when `sourceCheck` is `set`. */
  alternatives(unit: ProbeUnit): readonly string[];
}
