import type { Clock } from '../core/base/clock.ts';
import type { Random } from '../core/base/random.ts';
import type { TimerQueue } from '../core/base/timer-queue.ts';
import type { AddressUser, TransportUser } from '../core/sip/transport/ports.ts';
import type { CertificateBook } from './certificates.ts';
import type { NetCounters } from './counters.ts';
import type { NetLimits } from './limits.ts';
import type { LocalAddresses } from './local-address.ts';
import type { Notify } from './notice.ts';
import type { StrandedRemotes } from './stranded.ts';

/** What all sockets of one transport share. */
export interface NetContext {
  readonly user: TransportUser & AddressUser;
  /** Once it is over, nothing that was put off is told any more. */
  readonly lifetime: { isOver: boolean };
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly random: Random;
  readonly limits: NetLimits;
  readonly counters: NetCounters;
  readonly notify: Notify;
  readonly certificates: CertificateBook;
  readonly localAddresses: LocalAddresses;
  /** Where to no way was known lately. */
  readonly stranded: StrandedRemotes;
}
