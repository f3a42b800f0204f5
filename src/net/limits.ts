/** Every bound of the network edge in one place; a test may shorten what it has to wait for. */
export interface NetLimits {
  /** From SYN to established. */
  readonly connectMs: number;
  readonly tlsHandshakeMs: number;
  /** How long a connect may wait for others to end before it fails. */
  readonly connectTurnMs: number;
  readonly connectsPerTarget: number;
  readonly connects: number;
  /** Connects that wait for their turn, and callers that wait for one connection. */
  readonly waiting: number;
  /**
   * What may wait in one connection's write queue: more than this for longer than that means that the
   * other side has stopped reading. A burst of ours may be larger for a moment, up to a fixed end.
   */
  readonly writeQueueOctets: number;
  readonly writeStallMs: number;
  readonly writeBurstOctets: number;
  /** A message that has begun must be complete by then (slow-loris). */
  readonly messageMs: number;
  /** How long an answer to broken framing may take to drain before the connection is cut. */
  readonly lingerMs: number;
  /** RFC 5626 section 4.4.1: the time between two pings is drawn from here. */
  readonly keepAliveMs: readonly [number, number];
  readonly pongMs: number;
  /** A connection of ours that carried no message for so long is closed: longer than any binding lives. */
  readonly unusedMs: number;
  /** The same for connections that others opened to us. */
  readonly idleMs: number;
  /** What goes over a local socket that a reload takes away may end by then: timers F and J. */
  readonly drainMs: number;
  /** How often our own addresses are looked at, and sockets that wait are tried again. */
  readonly addressPollMs: number;
  readonly accepted: number;
  readonly acceptedPerAddress: number;
  /** Proxies and tools of our own machine may have more. */
  readonly acceptedPerLoopback: number;
  /** UDP peers that are remembered; the least used are forgotten and met anew. */
  readonly udpPeers: number;
  readonly udpReceiveBufferOctets: number;
  /** Octets that the kernel would not take yet; more are refused as a local fault. */
  readonly udpSendQueueOctets: number;
}

export const NET_LIMITS: NetLimits = {
  connectMs: 4_000,
  tlsHandshakeMs: 6_000,
  connectTurnMs: 10_000,
  connectsPerTarget: 20,
  connects: 100,
  waiting: 100_000,
  writeQueueOctets: 256 * 1024,
  writeStallMs: 2_000,
  writeBurstOctets: 4 * 1024 * 1024,
  messageMs: 10_000,
  lingerMs: 1_000,
  keepAliveMs: [95_000, 120_000],
  pongMs: 10_000,
  unusedMs: 8 * 24 * 3_600_000,
  idleMs: 120_000,
  drainMs: 32_000,
  addressPollMs: 5_000,
  accepted: 200,
  acceptedPerAddress: 8,
  acceptedPerLoopback: 200,
  udpPeers: 65_536,
  udpReceiveBufferOctets: 4 * 1024 * 1024,
  udpSendQueueOctets: 4 * 1024 * 1024,
};
