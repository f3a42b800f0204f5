/** What the network edge counts, for metrics: totals since start, except where it says `now`. */
export class NetCounters {
  datagramsReceived = 0;
  datagramsSent = 0;
  /** Messages cut from streams, keep-alives not among them. */
  streamMessagesReceived = 0;
  streamMessagesSent = 0;
  octetsReceived = 0;
  octetsSent = 0;
  sendErrors = 0;
  socketErrors = 0;
  connectsStarted = 0;
  connectsFailed = 0;
  /** Connections that were refused by a limit of a listening socket. */
  acceptsRefused = 0;
  accepted = 0;
  pingsSent = 0;
  pongsMissed = 0;
  writeOverflows = 0;
  /** Connections that lost their framing, or stopped in the middle of a message. */
  framingErrors = 0;
  incompleteMessages = 0;
  /** Connections that are established now. */
  connectionsOpen = 0;
}

/** A copy of the counters, with what is under way now. */
export interface NetStats extends Readonly<NetCounters> {
  readonly connectsInFlight: number;
  readonly connectsWaiting: number;
  readonly udpPeers: number;
}
