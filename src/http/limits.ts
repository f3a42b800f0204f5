/** Every limit of the HTTP server in one place. */
export const HTTP_LIMITS = {
  headerOctets: 16_384,
  /** Commands are a few words. */
  bodyOctets: 65_536,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 15_000,
  maxConnections: 100,
  /** For all clients together: one is a proxy or a monitor, not the public. */
  requestsPerSec: 500,
  requestBurst: 1_000,
  /** Questions for routes are counted by themselves: one for each call. */
  routesPerSec: 5_000,
  routeBurst: 5_000,
  /** Lists and metrics are made one after the other; more that wait are refused. */
  longAnswersWaiting: 64,
  pageSize: 1_000,
  defaultPageSize: 100,
  parameterOctets: 400,
  /** Problems of a refused reload that are listed in the answer; the log has them all. */
  listedProblems: 100,
} as const;
