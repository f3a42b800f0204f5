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
  /** Requests of others that were answered, by status. */
  readonly answered: ReadonlyMap<number, number>;
  /** Messages of calls that were relayed: `request toProxy` and so on. */
  readonly relayed: ReadonlyMap<string, number>;
  /** Those that were not, by reason. */
  readonly relayRefused: ReadonlyMap<string, number>;
  readonly retransmissions: number;
  /** Keep-alives over UDP: STUN requests and double CRLFs that were sent, and STUN answers to us. */
  readonly keepAlivesSent: number;
  readonly stunAnswers: number;
  /** Messages to our resolver that were no answer to what it asked. */
  readonly foreignDnsAnswers: number;
  readonly clientTransactions: number;
  readonly serverTransactions: number;
  readonly datagramsReceived: number;
  readonly datagramsSent: number;
  readonly streamMessagesReceived: number;
  readonly streamMessagesSent: number;
  readonly sendErrors: number;
  readonly connectsFailed: number;
  readonly connectionsOpen: number;
  readonly udpBuffers: readonly {
    readonly localSocket: string;
    readonly octets: number;
    readonly drops: number | undefined;
  }[];
  /** Local sockets by name: is it open, or does it wait for its address? */
  readonly localSockets: ReadonlyMap<string, boolean>;
}

export interface CertificateReading {
  readonly role: 'own' | 'peer';
  /** The local socket, or the identity and target of the server that showed it. */
  readonly name: string;
  readonly localSocket: string;
  readonly subject: string;
  /** SHA-256. */
  readonly fingerprint: string;
  /** Unix time in milliseconds. */
  readonly notAfterMs: number;
}

export interface Readings {
  process(): ProcessReading;
  certificates(): readonly CertificateReading[];
  sip(): SipReading;
  isReady(): boolean;
}
