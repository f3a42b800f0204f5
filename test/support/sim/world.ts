import { Secret } from '../../../src/core/base/secret.ts';
import type { HealthEvent } from '../../../src/core/health/events.ts';
import { Prober } from '../../../src/core/health/prober.ts';
import type { ContractSpec, PeerServerSpec } from '../../../src/core/health/spec.ts';
import type { RegistrationEvent } from '../../../src/core/registration/events.ts';
import { RegistrationKeeper } from '../../../src/core/registration/keeper.ts';
import type { RegistrationProfile, RegistrationSpec } from '../../../src/core/registration/spec.ts';
import { STRONGEST_FIRST } from '../../../src/core/sip/digest/algorithm.ts';
import { HopLocator } from '../../../src/core/sip/locate/locator.ts';
import type { Target } from '../../../src/core/sip/locate/target.ts';
import type { PacingSpec } from '../../../src/core/sip/user-agent/ports.ts';
import { SipStack } from '../../../src/core/sip/user-agent/stack.ts';
import { EVERY_WAY } from '../every-way.ts';
import { nodeHasher } from '../node-hasher.ts';
import { SeededRandom } from '../seeded-random.ts';
import { VirtualTime } from '../virtual-time.ts';
import { SimNetwork } from './network.ts';
import { SimPeer } from './peer.ts';
import { type RegistrarPlan, SimRegistrar } from './registrar.ts';

export const REGISTRAR: Target = { protocol: 'udp', address: '10.1.0.1', port: 5060, family: 4 };

/**
 * The whole daemon minus its edges, on virtual time, beside a simulated provider. Everything that
 * happens in it follows from the seed.
 */
export class World {
  readonly time = new VirtualTime();
  readonly network: SimNetwork;
  readonly registrar: SimRegistrar;
  readonly keeper: RegistrationKeeper;
  readonly prober: Prober;
  readonly stack: SipStack;
  readonly peers: SimPeer[] = [];
  readonly registrationEvents: RegistrationEvent[] = [];
  readonly healthEvents: HealthEvent[] = [];
  readonly #users = new Map<string, string>();

  constructor(seed: number, pacing: PacingSpec, plan: Partial<RegistrarPlan> = {}) {
    const { time } = this;
    const clock = time;
    const { timers } = time;
    const random = new SeededRandom(seed);
    const hasher = nodeHasher;
    this.network = new SimNetwork(time, new SeededRandom(seed + 1));
    this.registrar = new SimRegistrar(time, new SeededRandom(seed + 2), {
      realm: 'sim',
      users: this.#users,
      maxExpiresSec: 3600,
      nonceLifeSec: 7200,
      ...plan,
    });
    this.network.place(REGISTRAR, this.registrar);
    this.stack = new SipStack({
      clock,
      timers,
      random,
      hasher,
      transport: this.network,
      pacing,
      senderOf: () => 'stranger',
      maxInboundRate: 100,
      publish: () => {},
    });
    this.network.user = this.stack;
    const { pacer, userAgent, flowKeeper } = this.stack;
    const lookup = { ask: () => {} };
    const locator = new HopLocator({ lookup, clock, timers, ways: EVERY_WAY });
    this.keeper = new RegistrationKeeper({
      clock,
      timers,
      random,
      hasher,
      hostId: 'sim',
      flowKeeper,
      locator,
      pacer,
      userAgent,
      pacing,
      publish: (event: RegistrationEvent) => this.#note(this.registrationEvents, event),
    });
    flowKeeper.onNews = (flow, news) => this.keeper.flowNews(flow, news);
    this.prober = new Prober({
      clock,
      timers,
      random,
      hasher,
      locator,
      pacer,
      userAgent,
      connector: this.network,
      publish: (event: HealthEvent) => this.#note(this.healthEvents, event),
    });
  }

  /** Adds registrations `u0` ... with the given lifetime. */
  register(count: number, expiresSec: number): readonly RegistrationSpec[] {
    const profile = profileOf(expiresSec);
    const specs: RegistrationSpec[] = [];
    for (let index = 0; index < count; index += 1) {
      const username = `u${index}`;
      this.#users.set(username, `pw-${index}`);
      const spec: RegistrationSpec = {
        id: `${username}@sim.example`,
        username,
        ddi: `${1000 + index}`,
        credentials: {
          username,
          password: new Secret(`pw-${index}`),
          ha1: undefined,
          realm: undefined,
        },
        profile,
      };
      this.keeper.add(spec);
      specs.push(spec);
    }
    return specs;
  }

  /** Adds one contract with that many peer servers, each answering 200. */
  probe(count: number, intervalMs: number): void {
    const peerServers: PeerServerSpec[] = [];
    for (let index = 0; index < count; index += 1) {
      const address = `10.2.${index >> 8}.${index & 255}`;
      const peer = new SimPeer();
      this.peers.push(peer);
      this.network.place({ protocol: 'udp', address, port: 5060, family: 4 }, peer);
      peerServers.push(peerSpec(`peer${index}`, address, intervalMs));
    }
    const contract: ContractSpec = {
      name: 'pool',
      description: '',
      labels: {},
      metadata: {},
      admin: 'up',
      onAllDown: 'tryAll',
      balance: 'weighted',
      peerServers,
    };
    this.prober.apply([contract]);
  }

  /** Probe and answer events would fill the memory of a long run; changes are kept. */
  #note<E extends { readonly type: string }>(log: E[], event: E): void {
    if (event.type !== 'probe.finished' && event.type !== 'registration.answered') log.push(event);
  }
}

export function profileOf(expiresSec: number): RegistrationProfile {
  return {
    contract: 'pool',
    labels: {},
    domain: 'sim.example',
    scheme: 'sip',
    hop: { host: REGISTRAR.address, port: REGISTRAR.port, protocol: 'udp', secure: false },
    localSocket: undefined,
    tls: { verify: 'strict', identity: 'sim.example', allowWildcard: false, minVersion: 'TLSv1.2' },
    contact: { kind: 'address', hostPort: '10.0.0.1:5060' },
    expiresSec,
    onRemove: 'unregister',
    admin: 'up',
    failback: 'homing',
    keepAlive: 'auto',
    outbound: 'auto',
    sourceCheck: 'host',
    digest: STRONGEST_FIRST,
    userAgent: 'trunkd',
    onForeign: 'report',
  };
}

function peerSpec(name: string, address: string, intervalMs: number): PeerServerSpec {
  return {
    id: `pool/${name}`,
    contract: 'pool',
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
    probe: { mode: 'options', intervalMs, timeoutMs: 4000, fall: 3, rise: 2 },
    userAgent: 'trunkd',
    credentials: undefined,
    callOriginHeaders: ['pai'],
    requestUri: { strip: 0, prefix: '', parameters: '' },
    from: { user: undefined, domain: undefined },
  };
}
