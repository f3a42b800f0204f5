/** What observers ask of the edges at the moment of a scrape. Implemented by the daemon. */
export interface ProcessReading {
  readonly cpuSec: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  /** Unix time. */
  readonly startedAtSec: number;
  /** The longest delay of the event loop since this was last read. */
  readonly loopLagSec: number;
  readonly logLinesDropped: number;
}

export interface SipReading {
  /** Dropped messages by reason. */
  readonly dropped: ReadonlyMap<string, number>;
  readonly retransmissions: number;
  /** Open connections by protocol. */
  readonly connections: ReadonlyMap<string, number>;
}

export interface Readings {
  process(): ProcessReading;
  sip(): SipReading;
  isReady(): boolean;
}
