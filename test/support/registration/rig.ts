import { createHash } from 'node:crypto';
import { type Fault, type Result, success } from '../../../src/core/base/fault.ts';
import { after } from '../../../src/core/base/instant.ts';
import { Secret } from '../../../src/core/base/secret.ts';
import { Callers } from '../../../src/core/registration/callers.ts';
import type { RegistrationEvent } from '../../../src/core/registration/events.ts';
import { RegistrationKeeper } from '../../../src/core/registration/keeper.ts';
import type { RegistrationSnapshot } from '../../../src/core/registration/snapshot.ts';
import type { RegistrationProfile, RegistrationSpec } from '../../../src/core/registration/spec.ts';
import { STRONGEST_FIRST } from '../../../src/core/sip/digest/algorithm.ts';
import type {
  FlowKeeperPort,
  KeepAliveWish,
  KeptAlive,
} from '../../../src/core/sip/keep-alive/ports.ts';
import type { Target } from '../../../src/core/sip/locate/target.ts';
import type { Flow } from '../../../src/core/sip/transport/ports.ts';
import { Pacer } from '../../../src/core/sip/user-agent/pacer.ts';
import type { PacingSpec } from '../../../src/core/sip/user-agent/ports.ts';
import { SeededRandom } from '../seeded-random.ts';
import { VirtualTime } from '../virtual-time.ts';
import { ScriptedUserAgent } from './scripted-user-agent.ts';

const UNPACED: PacingSpec = { perTarget: 0, burst: 1, max: 0 };

/** Writes down which flows are to be kept alive. */
class RecordingFlowKeeper implements FlowKeeperPort {
  readonly wishes = new Map<Flow, KeepAliveWish>();
  readonly abandoned: Flow[] = [];

  keep(flow: Flow, wish: KeepAliveWish): KeptAlive {
    this.wishes.set(flow, wish);
    return { method: flow.protocol === 'udp' ? wish.kind : 'ping' };
  }

  release(flow: Flow): void {
    this.wishes.delete(flow);
  }

  abandon(flow: Flow): void {
    this.release(flow);
    this.abandoned.push(flow);
  }
}

/** A keeper on virtual time with the real pacer, before a scripted registrar. */
export class Rig {
  readonly time = new VirtualTime();
  readonly pacer: Pacer;
  readonly userAgent: ScriptedUserAgent;
  readonly keeper: RegistrationKeeper;
  readonly callers = new Callers();
  readonly flowKeeper = new RecordingFlowKeeper();
  readonly events: RegistrationEvent[] = [];
  /** What the name resolves to; a fault where it does not. */
  /** The locator forgets who asked: a bug that the sweeper has to find. */
  isLost = false;
  targets: Result<readonly Target[], Fault> = success([aTarget('192.0.2.1')]);
  /** How often the locator was asked. */
  located = 0;
  /** How long each answer of the DNS is good for; undefined: for ever. */
  ttlMs: number | undefined;
  /** Hosts that resolve to an address of their own. */
  readonly addresses = new Map<string, string>();

  constructor(options: { readonly seed?: number; readonly pacing?: PacingSpec } = {}) {
    const { time } = this;
    const { seed = 1, pacing = UNPACED } = options;
    const { timers } = time;
    this.pacer = new Pacer({ clock: time, timers, pacing });
    this.userAgent = new ScriptedUserAgent(time, this.pacer);
    this.keeper = new RegistrationKeeper({
      clock: time,
      timers,
      random: new SeededRandom(seed),
      hostId: 'test',
      flowKeeper: this.flowKeeper,
      callers: this.callers,
      hasher: { hash: (name, text) => createHash(name).update(text, 'latin1').digest('hex') },
      locator: {
        locate: ({ host }, receive) => {
          this.located += 1;
          const address = this.addresses.get(host);
          const targets = address === undefined ? this.targets : success([aTarget(address)]);
          const { ttlMs } = this;
          const until = ttlMs === undefined ? undefined : after(time.now(), ttlMs);
          if (!this.isLost) receive(targets, until);
        },
      },
      pacer: this.pacer,
      userAgent: this.userAgent,
      pacing,
      publish: (event) => this.events.push(event),
    });
  }

  add(count: number, profile: Partial<RegistrationProfile> = {}, prefix = 'u'): void {
    const shared = aProfile(profile);
    for (let index = 0; index < count; index += 1) {
      this.keeper.add(aRegistration(`${prefix}${index}`, shared));
    }
  }

  of(id: string): RegistrationSnapshot {
    const snapshot = this.keeper.snapshot(id);
    if (snapshot === undefined) throw new Error(`${id} is not kept`);
    return snapshot;
  }

  /** How many registrations are in a state. */
  counted(state: RegistrationSnapshot['state']): number {
    let sum = 0;
    for (const counts of this.keeper.counts().values()) sum += counts[state];
    return sum;
  }

  changes(id: string): string[] {
    return this.events.flatMap((event) =>
      event.type === 'registration.changed' && event.spec.id === id ? [event.state] : [],
    );
  }

  notices(): string[] {
    return this.events.flatMap((event) =>
      event.type === 'registration.noticed' ? [event.cause.code] : [],
    );
  }

  /** Milliseconds of virtual time until that instant. */
  inMs(at: number | undefined): number {
    return (at ?? Number.NaN) - this.time.now();
  }
}

export function aTarget(address: string, protocol: Target['protocol'] = 'udp'): Target {
  return { protocol, address, port: 5060, family: 4 };
}

export function aProfile(differing: Partial<RegistrationProfile> = {}): RegistrationProfile {
  return {
    contract: 'acme',
    labels: {},
    domain: 'acme.example',
    scheme: 'sip',
    hop: { host: 'reg.acme.example', port: undefined, protocol: 'udp', secure: false },
    localSocket: undefined,
    tls: {
      verify: 'strict',
      identity: 'acme.example',
      allowWildcard: false,
      minVersion: 'TLSv1.2',
    },
    contact: { kind: 'address', hostPort: '203.0.113.10:5060' },
    expiresSec: 600,
    onRemove: 'unregister',
    admin: 'up',
    keepAlive: 'auto',
    outbound: 'auto',
    sourceCheck: 'host',
    failback: 'homing',
    digest: STRONGEST_FIRST,
    userAgent: 'trunkd',
    onForeign: 'report',
    ...differing,
  };
}

export function aRegistration(
  id: string,
  profile: RegistrationProfile = aProfile(),
  differing: Partial<RegistrationSpec> = {},
): RegistrationSpec {
  return {
    id,
    username: id,
    ddi: `d${id}`,
    credentials: {
      username: id,
      password: new Secret('swordfish'),
      ha1: undefined,
      realm: undefined,
    },
    profile,
    ...differing,
  };
}
