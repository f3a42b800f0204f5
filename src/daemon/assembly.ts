/**
 * The parts that do SIP, put together: edges below, core above, one timer queue for all. No logic of
 * its own. The daemon and the one-shot commands build on it.
 */
import type { Clock } from '../core/base/clock.ts';
import { TimerQueue } from '../core/base/timer-queue.ts';
import { Prober } from '../core/health/prober.ts';
import { Callers } from '../core/registration/callers.ts';
import { RegistrationKeeper } from '../core/registration/keeper.ts';
import { Router } from '../core/routing/router.ts';
import { HopLocator } from '../core/sip/locate/locator.ts';
import { ViaLocator } from '../core/sip/locate/via-locator.ts';
import { OwnProxies } from '../core/sip/proxy/own-proxies.ts';
import type { ProxyNamed } from '../core/sip/proxy/ports.ts';
import type { RelaySpec } from '../core/sip/relay/ports.ts';
import type { CallRelay } from '../core/sip/relay/relay.ts';
import type { AddressUser, LocalSocketSpec, TransportUser } from '../core/sip/transport/ports.ts';
import type { PacingSpec } from '../core/sip/user-agent/ports.ts';
import { SipStack } from '../core/sip/user-agent/stack.ts';
import { StubResolver } from '../net/dns.ts';
import { nodeHasher } from '../net/hash.ts';
import { hostId } from '../net/host-id.ts';
import { LocalWatch } from '../net/local-watch.ts';
import type { Notify } from '../net/notice.ts';
import { EntropyRandom } from '../net/random.ts';
import { TimerDriver } from '../net/timer-driver.ts';
import { Transport } from '../net/transport.ts';
import type { CoreEvent } from '../observe/events.ts';
import { standings } from './join.ts';
import { RememberingLocator, Senders } from './senders.ts';
import { makeRelay } from './take-calls.ts';

/** What the parts need to know of the configuration when they are made; a restart changes it. */
export interface AssemblySpec {
  readonly localSockets: readonly LocalSocketSpec[];
  readonly inbound: {
    readonly allow: readonly string[];
    readonly maxRate: number;
    readonly relay: RelaySpec | undefined;
  };
  readonly dns: { readonly servers: readonly string[] | undefined };
  /** Undefined: that of the machine. */
  readonly hostId?: string | undefined;
  readonly pacing: PacingSpec;
  readonly probesPerSec: number;
}

export interface Assembly {
  /** Tells this machine from others, over restarts. */
  readonly hostId: string;
  readonly clock: Clock;
  readonly timers: TimerQueue;
  readonly driver: TimerDriver;
  readonly transport: Transport;
  /** What is known of the DNS. */
  readonly lookups: HopLocator;
  readonly stack: SipStack;
  readonly senders: Senders;
  readonly proxies: OwnProxies;
  readonly keeper: RegistrationKeeper;
  readonly prober: Prober;
  readonly local: LocalWatch;
  readonly router: Router;
  readonly callers: Callers;
  readonly lookup: StubResolver;
  readonly relay: CallRelay;
}

export interface AssemblyPorts {
  readonly clock: Clock;
  readonly publish: (event: CoreEvent) => void;
  readonly notify: Notify;
}

/** Nothing is open yet: `transport.bind()` opens the sockets, `driver.start()` lets time run. */
export function assemble(spec: AssemblySpec, ports: AssemblyPorts): Assembly {
  const { clock, publish, notify } = ports;
  const timers = new TimerQueue();
  const random = new EntropyRandom();
  const hasher = nodeHasher;
  const driver = new TimerDriver(timers, clock);
  const senders = new Senders(spec.inbound.allow);
  // Sockets and stack know each other; the sockets are made first and bring nothing before they are bound.
  const user: TransportUser & AddressUser = {
    received: (wire, flow, at) => {
      if (prober.wantsTraffic) prober.heard(flow, at);
      stack.received(wire, flow, at);
    },
    ponged: (flow, at) => stack.ponged(flow, at),
    flowFailed: (flow, reason) => {
      // First of all: what was under way through a proxy of ours failed for want of it.
      proxies.flowFailed(flow);
      stack.flowFailed(flow, reason);
      if (flow.protocol !== 'udp') keeper.flowLost(flow, reason);
    },
    dropped: (reason) => stack.dropped(reason),
    localAddressChanged: (change) => keeper.localAddressChanged(change),
  };
  const transport = new Transport(spec.localSockets, { user, clock, random, timers, notify });
  const { pacing, probesPerSec } = spec;
  const stack: SipStack = new SipStack({
    clock,
    timers,
    random,
    hasher,
    transport,
    pacing,
    senderOf: (address) => senders.senderOf(address),
    maxInboundRate: spec.inbound.maxRate,
    publish,
    proxyNamed: (name) => proxies.named(name),
  });
  const lookup = new StubResolver({ clock, timers, servers: spec.dns.servers });
  const found = new HopLocator({ lookup, clock, timers, ways: transport });
  const plainLocator = new RememberingLocator(found, senders);
  const { pacer, userAgent, flowKeeper } = stack;
  const proxies: OwnProxies = new OwnProxies({
    ...{ clock, timers, random, userAgent, publish, locator: plainLocator },
    changed: (name, isRestarted) => {
      keeper.proxyChanged(name, isRestarted);
      if (proxies.named(name)?.target !== undefined) prober.proxyAnswers(name);
    },
  });
  const callers = new Callers();
  // Not the locator that remembers: the proxy does not become a provider by being asked for.
  const relay = makeRelay({ clock, transport, hasher, random, callers, locator: found }, stack);
  const proxyNamed: ProxyNamed = (name) => proxies.named(name);
  const locator = new ViaLocator(plainLocator);
  const common = { clock, timers, random, hasher, pacer, userAgent };
  const shared = { ...common, locator, publish, proxyNamed };
  const own = spec.hostId ?? hostId();
  const keeper: RegistrationKeeper = new RegistrationKeeper({
    ...shared,
    flowKeeper,
    callers,
    hostId: own,
    pacing,
  });
  flowKeeper.onNews = (flow, news) => keeper.flowNews(flow, news);
  const registrations = standings(keeper);
  const local = new LocalWatch(clock);
  const health = { ...shared, probesPerSec, registrations, local, connector: transport };
  const prober: Prober = new Prober({ ...health, epoch: Date.now() });
  const router = new Router({ book: prober, random, hasher });
  return {
    ...{ clock, timers, driver, transport, lookups: found, stack, senders, proxies },
    ...{ keeper, prober, local, router, callers, lookup, relay, hostId: own },
  };
}
