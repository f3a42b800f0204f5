/**
 * A SIP proxy of ours and what lies behind it, on virtual time: the real stack, registrations and probes
 * on this side, a proxy that can die, restart and speak for itself on the other.
 */
import { type Fault, fault, success } from '../../src/core/base/fault.ts';
import { after } from '../../src/core/base/instant.ts';
import { Timer } from '../../src/core/base/timer-queue.ts';
import type { HealthEvent } from '../../src/core/health/events.ts';
import { Prober } from '../../src/core/health/prober.ts';
import type { RegistrationEvent } from '../../src/core/registration/events.ts';
import { RegistrationKeeper } from '../../src/core/registration/keeper.ts';
import type { NextHop, Target } from '../../src/core/sip/locate/target.ts';
import { ViaLocator } from '../../src/core/sip/locate/via-locator.ts';
import type { ProxyEvent } from '../../src/core/sip/proxy/events.ts';
import { OwnProxies } from '../../src/core/sip/proxy/own-proxies.ts';
import type { ProxySpec } from '../../src/core/sip/proxy/ports.ts';
import type { Flow } from '../../src/core/sip/transport/ports.ts';
import type { PacingSpec } from '../../src/core/sip/user-agent/ports.ts';
import { SipStack } from '../../src/core/sip/user-agent/stack.ts';
import { nodeHasher as hasher } from './node-hasher.ts';
import { answerTo, fieldOf, RecordingTransport } from './recording-transport.ts';
import { aProfile } from './registration/rig.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualTime } from './virtual-time.ts';

const PROXY: ProxySpec = {
  name: 'edge1',
  hop: { host: '127.0.0.1', port: 5060, protocol: 'udp', secure: false },
  contact: '203.0.113.10:5060',
  localSocket: undefined,
  tls: aProfile().tls,
  userAgent: 'trunkd',
};

const UNPACED: PacingSpec = { perTarget: 0, burst: 1, max: 0 };
const ROUND_TRIP_MS = 5;

/** What the proxy does with a request for a target: passes it on, lets it lie, or answers by itself. */
type Behind = 'alive' | 'dead' | string;

export class ProxyWorld extends RecordingTransport {
  readonly time = new VirtualTime();
  readonly stack: SipStack;
  readonly proxies: OwnProxies;
  readonly keeper: RegistrationKeeper;
  readonly prober: Prober;
  readonly events: (RegistrationEvent | HealthEvent | ProxyEvent)[] = [];
  isAlive = true;
  incarnation: string | undefined = 'one';
  /** By target (`tcp:192.0.2.1:5060`). */
  readonly behind = new Map<string, Behind>();
  /** What came to a target: who asked, when. */
  readonly registered: { readonly user: string; readonly atMs: number; readonly wire: string }[] =
    [];
  targets: readonly Target[] = [{ protocol: 'udp', address: '192.0.2.1', port: 5060, family: 4 }];

  constructor(pacing: PacingSpec = UNPACED) {
    super();
    const { time, events } = this;
    const { timers } = time;
    const random = new SeededRandom(7);
    const publish = (event: RegistrationEvent | HealthEvent | ProxyEvent) => events.push(event);
    this.stack = new SipStack({
      ...{ clock: time, timers, random, hasher, transport: this, pacing },
      senderOf: () => 'stranger',
      maxInboundRate: 100,
      publish: () => {},
      proxyNamed: (name) => this.proxies.named(name),
    });
    const plain = {
      locate: (
        hop: NextHop,
        receive: (result: ReturnType<typeof success<readonly Target[]>>) => void,
      ) => receive(hop.host === PROXY.hop.host ? PROXY_TARGET : success(this.targets)),
    };
    const { userAgent, pacer, flowKeeper } = this.stack;
    this.proxies = new OwnProxies({
      ...{ clock: time, timers, random, userAgent, publish, locator: plain },
      changed: (name, isRestarted) => {
        this.keeper.proxyChanged(name, isRestarted);
        if (this.proxies.named(name)?.target !== undefined) this.prober.proxyAnswers(name);
      },
    });
    const shared = {
      ...{ clock: time, timers, random, userAgent, pacer, publish },
      locator: new ViaLocator(plain),
      proxyNamed: (name: string) => this.proxies.named(name),
    };
    this.keeper = new RegistrationKeeper({
      ...{ ...shared, hasher, hostId: 'test', pacing },
      flowKeeper,
    });
    this.prober = new Prober({ ...shared, hasher, connector: this });
    this.proxies.apply([PROXY]);
  }

  override send(flow: Flow, wire: string): void {
    super.send(flow, wire);
    if (flow.remote.address !== '127.0.0.1' || !this.isAlive) return;
    const answer = this.#answerTo(wire);
    if (answer === undefined) return;
    const timer = new Timer((now) => this.stack.received(answer, flow, now));
    this.time.timers.arm(timer, after(this.time.now(), ROUND_TRIP_MS));
  }

  /** The connection that `fault` is about: all that is under way on the flow to the proxy fails. */
  breakFlow(flow: Flow, reason: Fault = fault('transport.closed', 'peer')): void {
    this.proxies.flowFailed(flow);
    this.stack.flowFailed(flow, reason);
  }

  /** Events of one type, in order. */
  of<T extends (RegistrationEvent | HealthEvent | ProxyEvent)['type']>(
    type: T,
  ): Extract<RegistrationEvent | HealthEvent | ProxyEvent, { readonly type: T }>[] {
    return this.events.filter(
      (event): event is Extract<typeof event, { readonly type: T }> => event.type === type,
    );
  }

  #answerTo(wire: string): string | undefined {
    const route = fieldOf(wire, 'Route');
    if (route === '') {
      const { incarnation } = this;
      const lines = incarnation === undefined ? [] : [`X-Trunkd-Incarnation: ${incarnation}`];
      return answerTo(wire, '200 OK', ...lines);
    }
    const [, host = '', transport = ''] = /, <sip:([^;]*);transport=(\w+);lr>/.exec(route) ?? [];
    const behind = this.behind.get(`${transport}:${host}`) ?? 'alive';
    if (behind === 'dead') return undefined;
    if (behind !== 'alive') {
      const [status = '', ...lines] = behind.split('\n');
      return answerTo(wire, status, ...lines);
    }
    if (!wire.startsWith('REGISTER')) return answerTo(wire, '200 OK');
    const [, user = ''] = /sip:([^@]*)@/.exec(fieldOf(wire, 'To')) ?? [];
    this.registered.push({ user, atMs: this.time.now(), wire });
    return answerTo(wire, '200 OK', `Contact: ${fieldOf(wire, 'Contact')};expires=600`);
  }
}

const PROXY_TARGET = success<readonly Target[]>([
  { protocol: 'udp', address: '127.0.0.1', port: 5060, family: 4 },
]);
