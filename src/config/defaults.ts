/**
 * What holds where nothing is configured (design: every default in one place). The schema prints
 * these values into the documentation and the JSON Schema; the builders use them as they stand.
 */
export const DEFAULTS = {
  http: { bind: '127.0.0.1:9077' },
  inbound: { maxRate: 100 },
  log: { level: 'info' },
  metrics: { perRegistration: 1000 },
  pacing: { perTarget: 6, burst: 3 },
  userAgent: 'trunkd',
  unregisterOnStop: false,
  contract: { admin: 'up', onAllDown: 'tryAll', balance: 'weighted' },
  registration: {
    expires: 3600,
    transport: 'auto',
    onRemove: 'unregister',
    registrarMode: 'parallel',
    line: false,
    mode: 'single',
    onForeign: 'report',
    admin: 'up',
    sourceCheck: 'host',
    redirects: 'never',
    outbound: 'auto',
    family: 'auto',
    failback: 'homing',
    flows: 1,
    keepAlive: 'auto',
  },
  peerServer: {
    uriScheme: 'sip',
    transport: 'auto',
    priority: 1,
    weight: 1,
    callOriginHeaders: ['pai'],
    whenNeverUp: 'lastResort',
    admin: 'up',
    sourceCheck: 'host',
  },
  digest: { algorithms: ['SHA-512-256', 'SHA-256', 'MD5'], pinAlgorithm: false },
  probe: { mode: 'options', interval: '30s', timeout: '4s', fall: 3, rise: 2 },
  tls: { verify: 'strict', allowWildcard: false, minVersion: 'TLSv1.2' },
} as const;
