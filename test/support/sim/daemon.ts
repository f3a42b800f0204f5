import { RegistrationKeeper } from '../../../src/core/registration/keeper.ts';
import { HopLocator } from '../../../src/core/sip/locate/locator.ts';
import type { LookupPort } from '../../../src/core/sip/locate/ports.ts';
import type { PacingSpec } from '../../../src/core/sip/user-agent/ports.ts';
import { SipStack } from '../../../src/core/sip/user-agent/stack.ts';
import { resume } from '../../../src/daemon/standstill.ts';
import { EVERY_WAY } from '../every-way.ts';
import { nodeHasher } from '../node-hasher.ts';
import { SeededRandom } from '../seeded-random.ts';
import type { SimNetwork } from './network.ts';
import type { WorldTime } from './time.ts';
import type { Witness } from './witness.ts';

/** What is around a daemon. */
export interface Surroundings {
  readonly seed: number;
  readonly time: WorldTime;
  readonly network: SimNetwork;
  readonly lookup: LookupPort;
  readonly witness: Witness;
  readonly pacing: PacingSpec;
}

/** The registrations of a daemon without its edges, wired as src/daemon/assembly.ts does it, and watched. */
export class SimDaemon {
  readonly keeper: RegistrationKeeper;
  readonly stack: SipStack;
  readonly lookups: HopLocator;
  readonly #around: Surroundings;

  constructor(around: Surroundings) {
    const { seed, time, network, lookup, witness, pacing } = around;
    const clock = time.daemonClock;
    const timers = time.daemonTimers;
    const random = new SeededRandom(seed);
    this.#around = around;
    network.tap = witness.tap;
    this.stack = new SipStack({
      ...{ clock, timers, random, hasher: nodeHasher, transport: network, pacing },
      senderOf: () => 'stranger',
      maxInboundRate: 100,
      publish: () => {},
    });
    this.lookups = new HopLocator({ lookup, clock, timers, ways: EVERY_WAY });
    const { pacer, userAgent, flowKeeper } = this.stack;
    this.keeper = new RegistrationKeeper({
      ...{ clock, timers, random, hasher: nodeHasher, hostId: 'sim', flowKeeper, pacer, pacing },
      locator: this.lookups,
      userAgent: witness.watch(userAgent),
      publish: witness.published,
      stepped: witness.stepped,
    });
    flowKeeper.onNews = (flow, news) => this.keeper.flowNews(flow, news);
    network.user = {
      received: (wire, flow, at) => this.stack.received(wire, flow, at),
      ponged: (flow, at) => this.stack.ponged(flow, at),
      flowFailed: (flow, reason) => {
        this.stack.flowFailed(flow, reason);
        if (flow.protocol !== 'udp') this.keeper.flowLost(flow, reason);
      },
      dropped: (reason) => this.stack.dropped(reason),
    };
  }

  /** It did not run for that long. */
  resume(standstillMs: number): void {
    const { keeper, stack, lookups } = this;
    const prober = { stoodStill: () => {} };
    resume({ keeper, prober, stack, lookups, transport: this.#around.network }, standstillMs);
  }
}
