import type { Fault } from '../../../src/core/base/fault.ts';
import { after } from '../../../src/core/base/instant.ts';
import { Timer } from '../../../src/core/base/timer-queue.ts';
import type { HealthEvent } from '../../../src/core/health/events.ts';
import { Prober } from '../../../src/core/health/prober.ts';
import type { RegisteredWay, RegistrationStanding } from '../../../src/core/health/requirements.ts';
import type { PeerServerSnapshot } from '../../../src/core/health/snapshot.ts';
import type {
  Admin,
  ContractSpec,
  PeerServerSpec,
  ProbePlan,
} from '../../../src/core/health/spec.ts';
import { STRONGEST_FIRST } from '../../../src/core/sip/digest/algorithm.ts';
import { HopLocator } from '../../../src/core/sip/locate/locator.ts';
import type { Locator, LookupPort } from '../../../src/core/sip/locate/ports.ts';
import type { PacerPort } from '../../../src/core/sip/user-agent/ports.ts';
import { EVERY_WAY } from '../every-way.ts';
import { nodeHasher } from '../node-hasher.ts';
import { SeededRandom } from '../seeded-random.ts';
import { VirtualTime } from '../virtual-time.ts';
import { ScriptedNetwork } from './scripted-network.ts';

export const PLAN: ProbePlan = {
  mode: 'options',
  intervalMs: 10_000,
  timeoutMs: 4_000,
  fall: 3,
  rise: 2,
};

/** A peer server at an IPv4 address, whose name within contract `acme` is the address. */
export function aServer(address: string, more: Partial<PeerServerSpec> = {}): PeerServerSpec {
  const contract = more.contract ?? 'acme';
  const name = more.name ?? address;
  return {
    id: `${contract}/${name}`,
    contract,
    name,
    description: '',
    labels: {},
    admin: 'up',
    sipProxy: address,
    scheme: 'sip',
    hop: { host: address, port: 5060, protocol: 'udp', secure: false },
    localSocket: undefined,
    tls: { verify: 'strict', identity: address, allowWildcard: false, minVersion: 'TLSv1.2' },
    sourceCheck: 'host',
    digest: STRONGEST_FIRST,
    priority: 1,
    weight: 1,
    whenNeverUp: 'lastResort',
    probe: PLAN,
    userAgent: 'trunkd',
    credentials: undefined,
    callOriginHeaders: ['pai'],
    requestUri: { strip: 0, prefix: '', parameters: '' },
    from: { user: undefined, domain: undefined },
    ...more,
  };
}

export function aContract(
  peerServers: readonly PeerServerSpec[],
  more: Partial<ContractSpec> = {},
): ContractSpec {
  return {
    name: 'acme',
    description: '',
    labels: {},
    metadata: {},
    admin: 'up',
    onAllDown: 'tryAll',
    balance: 'weighted',
    peerServers,
    ...more,
  };
}

const REFUSED = { code: 'rejected.forbidden', blame: 'peer', text: '403.', next: '' } as const;

/** Grants everything in the next step of the timer queue, and counts. */
class OpenPacer implements PacerPort {
  readonly #time: VirtualTime;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  enqueue(_target: string, wish: { readonly grant: () => void }): { cancel(): void } {
    const timer = new Timer(wish.grant);
    this.#time.timers.arm(timer, this.#time.now());
    return { cancel: () => this.#time.timers.disarm(timer) };
  }

  /** Everybody queues, so that grants come from a later step, as they may in the daemon. */
  enter(): boolean {
    return false;
  }

  refund(): void {}
}

/** A prober on virtual time over a scripted network, and what it said. */
export class ProbeLab {
  readonly time = new VirtualTime();
  readonly network: ScriptedNetwork;
  readonly prober: Prober;
  readonly events: HealthEvent[] = [];

  constructor(seed = 1, lookup: LookupPort = { ask: () => {} }, locator?: Locator) {
    const random = new SeededRandom(seed);
    const clock = this.time;
    this.network = new ScriptedNetwork(this.time, new SeededRandom(seed + 1_000_000));
    this.prober = new Prober({
      clock: this.time,
      timers: this.time.timers,
      random,
      locator: locator ?? new HopLocator({ lookup, clock, timers: clock.timers, ways: EVERY_WAY }),
      hasher: nodeHasher,
      pacer: new OpenPacer(this.time),
      userAgent: this.network,
      connector: this.network,
      registrations: {
        wayOf: (id) => this.registeredWays.get(id),
        standingOf: (id) => {
          const standing = this.registrations.get(id);
          return standing && { standing, cause: standing === 'unbound' ? REFUSED : undefined };
        },
      },
      local: {
        faultSince: (_since, _limitMs, isLoopback) => {
          const reason = this.ownFault;
          return reason?.code === 'ownFault.noCarrier' && isLoopback ? undefined : reason;
        },
      },
      publish: (event) => {
        if (event.type !== 'probe.finished' || this.keepsProbes) this.events.push(event);
      },
    });
  }

  /** What is wrong with this machine. */
  ownFault: Fault | undefined;
  /** How the registrations stand that servers may require. */
  readonly registrations = new Map<string, RegistrationStanding['standing']>();

  /** Where they are bound. */
  readonly registeredWays = new Map<string, RegisteredWay>();

  /** A registration stands otherwise from now on. */
  register(id: string, standing: RegistrationStanding['standing']): void {
    this.registrations.set(id, standing);
    this.prober.registrationChanged(id);
    this.run(0.01);
  }

  /** Whether `probe.finished` is kept too. */
  keepsProbes = false;

  run(seconds: number): void {
    this.time.run(seconds * 1000);
  }

  /** Orders something for a server, for `forSec` seconds where that is given. */
  order(id: string, command: Admin, forSec?: number, reason = ''): boolean {
    const at = this.time.now();
    const until = forSec === undefined ? undefined : after(at, forSec * 1000);
    return this.prober.orderServer(id, { command, reason, by: 'test', at, until });
  }

  server(id: string): PeerServerSnapshot {
    const snapshot = this.prober.peerServer(id);
    if (snapshot === undefined) throw new Error(`no peer server ${id}`);
    return snapshot;
  }

  /** `up enabled`, `down disabled lastResort` ... */
  word(id: string): string {
    const { state, enabled, lastResort } = this.server(id);
    return `${state} ${enabled ? 'enabled' : 'disabled'}${lastResort ? ' lastResort' : ''}`;
  }

  /** The changes of one server so far, as their words. */
  changes(id: string): string[] {
    const words: string[] = [];
    for (const event of this.events) {
      if (event.type !== 'peerServer.changed' || event.spec.id !== id) continue;
      const { state, enabled, lastResort } = event;
      words.push(`${state} ${enabled ? 'enabled' : 'disabled'}${lastResort ? ' lastResort' : ''}`);
    }
    return words;
  }

  /** The codes of the notices so far. */
  notices(): string[] {
    return this.events.flatMap((event) =>
      event.type === 'peerServer.noticed' ? [event.cause.code] : [],
    );
  }

  /** Runs until the condition holds, in steps of 10 ms; the seconds that it took. */
  until(condition: () => boolean, limitSeconds: number): number {
    const start = this.time.now();
    const end = after(start, limitSeconds * 1000);
    while (!condition()) {
      if (this.time.now() >= end) throw new Error(`not within ${limitSeconds} s`);
      this.time.run(10);
    }
    return (this.time.now() - start) / 1000;
  }
}

/** Servers 192.0.2.1 and 192.0.2.2 of contract `acme`, both found to be up. */
export function aPair(more: Partial<ContractSpec> = {}): ProbeLab {
  const lab = new ProbeLab();
  lab.prober.apply([aContract([aServer('192.0.2.1'), aServer('192.0.2.2')], more)]);
  lab.run(15);
  return lab;
}

/** The changes of roll-ups so far, as `all>some`. */
export function rollUps(lab: ProbeLab): string[] {
  return lab.events.flatMap((event) =>
    event.type === 'peeringContract.changed' ? [`${event.was}>${event.enabled}`] : [],
  );
}
