/** Books of the core with rows made up by a test: what the keepers implement, without any SIP. */

import type { Cause } from '../../src/core/base/cause.ts';
import { instant } from '../../src/core/base/instant.ts';
import { Secret } from '../../src/core/base/secret.ts';
import type {
  ContractSnapshot,
  HealthBook,
  PeerServerSnapshot,
} from '../../src/core/health/snapshot.ts';
import type { ContractSpec, PeerServerSpec } from '../../src/core/health/spec.ts';
import type { RegistrationState } from '../../src/core/registration/events.ts';
import type { ToldPause } from '../../src/core/registration/pause.ts';
import type {
  RegistrationBook,
  RegistrationSnapshot,
} from '../../src/core/registration/snapshot.ts';
import type { RegistrationSpec } from '../../src/core/registration/spec.ts';
import { STRONGEST_FIRST } from '../../src/core/sip/digest/algorithm.ts';

const TLS = {
  verify: 'strict',
  identity: 'reg.example',
  allowWildcard: false,
  minVersion: 'TLSv1.2',
} as const;
const HOP = { host: '192.0.2.1', port: 5060, protocol: 'udp', secure: false } as const;

/** The password of every made-up credential: it must appear nowhere. */
export const CANARY = 'CANARY-7f3a-secret';

export function aRegistrationSpec(id: string, contract = 'acme'): RegistrationSpec {
  return {
    id,
    username: id,
    ddi: `ddi-${id}`,
    credentials: {
      username: `auth-${id}`,
      password: new Secret(CANARY),
      ha1: undefined,
      realm: undefined,
    },
    profile: {
      contract,
      labels: { customer: 'big' },
      domain: 'acme.example',
      scheme: 'sip',
      hop: HOP,
      localSocket: undefined,
      tls: TLS,
      contact: { kind: 'self' },
      expiresSec: 600,
      onRemove: 'unregister',
      admin: 'up',
      failback: 'homing',
      keepAlive: 'auto',
      outbound: 'auto',
      sourceCheck: 'host',
      digest: STRONGEST_FIRST,
      userAgent: 'trunkd',
      onForeign: 'report',
    },
  };
}

export function aRegistration(
  id: string,
  changes: Partial<RegistrationSnapshot> = {},
): RegistrationSnapshot {
  return {
    spec: aRegistrationSpec(id),
    state: 'registered',
    bound: true,
    since: instant(1_000),
    cause: undefined,
    contact: `sip:ddi-${id}@203.0.113.10:5060`,
    grantedExpiresSec: 600,
    expiresAt: instant(601_000),
    nextAttemptAt: instant(500_000),
    target: 'udp:192.0.2.1:5060',
    lastResponse: { code: 200, reason: 'OK' },
    hasOutbound: false,
    order: undefined,
    facts: undefined,
    seenAs: undefined,
    keepAlive: undefined,
    callId: `call-${id}`,
    cseq: 2,
    counters: { attempts: 1, requests: 2, succeeded: 1, failed: 0, lapses: 0 },
    ...changes,
  };
}

export function aPeerServerSpec(id: string): PeerServerSpec {
  const [contract = '', name = ''] = id.split('/');
  return {
    id,
    contract,
    name,
    description: `Server ${name}`,
    labels: {},
    admin: 'up',
    sipProxy: 'sip.acme.example',
    scheme: 'sip',
    hop: HOP,
    localSocket: undefined,
    tls: TLS,
    sourceCheck: 'host',
    digest: STRONGEST_FIRST,
    priority: 1,
    weight: 1,
    whenNeverUp: 'lastResort',
    probe: { mode: 'options', intervalMs: 30_000, timeoutMs: 4_000, fall: 3, rise: 2 },
    userAgent: 'trunkd',
    credentials: {
      username: 'acct1',
      password: new Secret(CANARY),
      ha1: undefined,
      realm: undefined,
    },
    callOriginHeaders: ['pai'],
    requestUri: { strip: 2, prefix: '0034', parameters: ';user=phone' },
    from: { user: 'acct1', domain: undefined },
  };
}

export function aPeerServer(
  id: string,
  changes: Partial<PeerServerSnapshot> = {},
): PeerServerSnapshot {
  return {
    spec: aPeerServerSpec(id),
    state: 'up',
    enabled: true,
    lastResort: false,
    rank: 0,
    weight: 1,
    admin: 'up',
    order: undefined,
    isPartial: false,
    since: instant(2_000),
    cause: undefined,
    causes: [],
    changedIn: 1,
    rttMs: 12.34,
    targets: [
      {
        target: 'udp:192.0.2.1:5060',
        at: { protocol: 'udp', address: '192.0.2.1', port: 5060, family: 4 },
        state: 'up',
        enabled: true,
        since: instant(2_000),
        rttMs: 12.34,
        rtt: { lastMs: 12.34, smoothedMs: 12, p50Ms: 12, p95Ms: 13, samples: 3 },
        lastSentAt: instant(2_000),
        evidence: [{ at: instant(2_000), what: 'unknown -> up', times: 1, lastAt: instant(2_000) }],
        lastResponse: { code: 200, reason: 'OK' },
        successes: 2,
        failures: 0,
        nextProbeAt: instant(32_000),
      },
    ],
    nextProbeAt: instant(32_000),
    ...changes,
  };
}

export const A_CAUSE: Cause = {
  code: 'timeout.response',
  blame: 'peer',
  text: 'No answer came.',
  next: 'We try again.',
};

export class FakeRegistrationBook implements RegistrationBook {
  stuck = 0;
  paused: ToldPause | undefined;
  readonly rows = new Map<string, RegistrationSnapshot>();

  constructor(rows: readonly RegistrationSnapshot[]) {
    for (const row of rows) this.rows.set(row.spec.id, row);
  }

  ids(): Iterable<string> {
    return this.rows.keys();
  }

  snapshot(id: string): RegistrationSnapshot | undefined {
    return this.rows.get(id);
  }

  otherBindings(): ReadonlyMap<string, number> {
    return new Map();
  }

  counts(): ReadonlyMap<string, Readonly<Record<RegistrationState, number>>> {
    const all = new Map<string, Record<RegistrationState, number>>();
    for (const { spec, state } of this.rows.values()) {
      const { contract } = spec.profile;
      const counts = all.get(contract) ?? noRegistrations();
      counts[state] += 1;
      all.set(contract, counts);
    }
    return all;
  }
}

function noRegistrations(): Record<RegistrationState, number> {
  return {
    idle: 0,
    registering: 0,
    registered: 0,
    refreshFailing: 0,
    waiting: 0,
    rejected: 0,
    unregistering: 0,
    off: 0,
  };
}

export class FakeHealthBook implements HealthBook {
  readonly revision = { epoch: 1, sequence: 1 };
  readonly stuck = 0;
  freeze: HealthBook['freeze'];
  readonly rows = new Map<string, PeerServerSnapshot>();

  constructor(rows: readonly PeerServerSnapshot[]) {
    for (const row of rows) this.rows.set(row.spec.id, row);
  }

  contracts(): Iterable<string> {
    return new Set([...this.rows.values()].map(({ spec }) => spec.contract));
  }

  contract(name: string): ContractSnapshot | undefined {
    const peerServers = [...this.rows.values()].filter(({ spec }) => spec.contract === name);
    if (peerServers.length === 0) return undefined;
    const enabled = peerServers.filter((row) => row.enabled).length;
    const spec: ContractSpec = {
      name,
      description: `Contract ${name}`,
      labels: {},
      metadata: { numericTransformation: 'es' },
      admin: 'up',
      onAllDown: 'tryAll',
      balance: 'weighted',
      peerServers: peerServers.map((row) => row.spec),
    };
    const word = enabled === peerServers.length ? 'all' : enabled === 0 ? 'none' : 'some';
    const offers = enabled === 0 ? 'all' : 'enabled';
    return { spec, order: undefined, enabled: word, offers, isPanic: false, peerServers };
  }

  peerServers(): Iterable<string> {
    return this.rows.keys();
  }

  peerServer(id: string): PeerServerSnapshot | undefined {
    return this.rows.get(id);
  }
}
