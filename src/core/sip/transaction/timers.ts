/** RFC 3261 section 17.1.1.1 and table 4: the round-trip estimate and what follows from it. */
export interface SipTimers {
  /** Round-trip time estimate. */
  readonly t1Ms: number;
  /** Longest interval between retransmissions of a non-INVITE request. */
  readonly t2Ms: number;
  /** How long a message may linger in the network. */
  readonly t4Ms: number;
}

export const DEFAULT_TIMERS: SipTimers = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 };

/** Timers F and J on unreliable transports: 64 x T1. */
export function transactionTimeoutMs(timers: SipTimers): number {
  return 64 * timers.t1Ms;
}
