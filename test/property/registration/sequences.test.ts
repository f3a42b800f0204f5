/**
 * Sequences instead of messages (reliability.md ROB-06): answers of any code in any order, again, late, to
 * other requests, with a wrong branch, over transactions, exchanges and registrations together, while
 * operators command, connections break and the host sleeps. What must hold always is in witness.ts; and no
 * binding is believed in that no genuine answer can have made.
 */
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/core/base/secret.ts';
import type { RegistrationSpec } from '../../../src/core/registration/spec.ts';
import { type Target, targetKey } from '../../../src/core/sip/locate/target.ts';
import { scaled, seeds } from '../../support/scale.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { SimDaemon } from '../../support/sim/daemon.ts';
import { SimDns } from '../../support/sim/dns.ts';
import { HostileServer } from '../../support/sim/hostile.ts';
import { SimNetwork } from '../../support/sim/network.ts';
import { WorldTime } from '../../support/sim/time.ts';
import { Witness } from '../../support/sim/witness.ts';
import { profileOf } from '../../support/sim/world.ts';

const STEPS = scaled(1_000_000);
const STEPS_A_WORLD = 5_000;
const COUNT = 30;
/** A cached nonce, two tries, a third after stale, and two further servers with realms of their own. */
const MOST_REQUESTS = 6;
const HONEST_HOURS = 3;

class Arena {
  readonly time = new WorldTime();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  readonly witness: Witness;
  readonly server: HostileServer;
  readonly daemon: SimDaemon;
  readonly pacing: { readonly perTarget: number; readonly burst: number; readonly max: number };

  constructor(seed: number) {
    const { time } = this;
    this.random = new SeededRandom(seed);
    const perTarget = this.#draw([2, 6, 50]);
    this.pacing = { perTarget, burst: 3, max: perTarget };
    this.network = new SimNetwork(time, new SeededRandom(seed + 1), () => time.daemonClock.now());
    this.network.weather.loss = this.#draw([0, 0, 0.1]);
    this.network.weather.duplicated = this.#draw([0, 0.1]);
    this.witness = new Witness(time, perTarget, MOST_REQUESTS);
    const later = (ms: number, step: () => void) => this.network.later(ms, step);
    this.server = new HostileServer(time, new SeededRandom(seed + 2), later);
    this.server.denies = (user) => /[05]$/.test(user);
    const lookup = new SimDns(time, new SeededRandom(seed + 3));
    const { network, witness, pacing } = this;
    this.daemon = new SimDaemon({ seed: seed + 4, time, network, lookup, witness, pacing });
    for (const protocol of ['udp', 'tcp'] as const) this.#populate(protocol, lookup);
  }

  /** Something happens to the daemon, and time passes. */
  disturb(): void {
    const id = `${this.#draw(['udp', 'tcp'])}${Math.floor((this.random.fraction() * COUNT) / 2)}`;
    const { keeper } = this.daemon;
    const order = { reason: '', until: undefined };
    const moves: (() => void)[] = [
      () => keeper.registerNow(id),
      () => keeper.order(id, { command: 'off', ...order }),
      () => keeper.order(id, { command: 'up', ...order }),
      () => keeper.forget(id, ''),
      () => keeper.fetchBindings(id, () => {}),
      () => this.network.connections.reset(targetKey(targetOf('tcp'))),
      () => this.#sleep(this.random.fraction() ** 3 * 4_000_000),
    ];
    if (this.random.fraction() < 0.5) this.#draw(moves)();
    this.time.run(this.random.fraction() ** 4 * 1_000_000);
    this.check();
  }

  check(): void {
    const { keeper } = this.daemon;
    this.witness.lookAtAll(keeper.counts());
    for (const entry of this.witness.entries.values()) {
      const { boundUntil } = entry.state;
      const now = this.time.daemonClock.now();
      if (boundUntil === undefined || boundUntil <= now) continue;
      const endMs = this.time.elapsedMs + (boundUntil - now);
      const promisedMs = this.server.promised.get(entry.spec.username) ?? 0;
      if (endMs > promisedMs + 1) this.witness.complain(`${entry.spec.id}: bound by no answer`);
    }
    this.witness.checkPace(this.pacing.burst);
    expect(this.witness.problems).toEqual([]);
    expect(keeper.stuck).toBe(0);
  }

  /** Once it behaves, everybody who is wanted is bound. */
  recover(): void {
    this.server.isHonest = true;
    for (const id of this.daemon.keeper.ids()) {
      this.daemon.keeper.order(id, { command: 'up', reason: '', until: undefined });
    }
    for (let minute = 0; minute < HONEST_HOURS * 60; minute += 1) this.time.run(60_000);
    this.check();
    for (const id of this.daemon.keeper.ids()) {
      expect(this.daemon.keeper.snapshot(id)?.state, id).toBe('registered');
    }
  }

  #sleep(ms: number): void {
    this.network.host = this.#draw(['asleep', 'stopped']);
    this.time.stopDaemon();
    this.time.run(ms);
    const standstillMs = this.time.resumeDaemon();
    this.network.wake();
    this.daemon.resume(standstillMs);
  }

  #populate(protocol: 'udp' | 'tcp', lookup: SimDns): void {
    const target = targetOf(protocol);
    const { address, port } = target;
    lookup.address(`${protocol}.example`, address);
    this.network.place(target, this.server);
    const users = new Set<string>();
    this.witness.allowed.set(targetKey(target), users);
    const expiresSec = this.#draw([30, 60, 600, 3600]);
    const hop = { host: `${protocol}.example`, port, protocol, secure: false };
    const profile = { ...profileOf(expiresSec), hop, outbound: this.#draw(['off', 'auto']) };
    for (let index = 0; index < COUNT / 2; index += 1) {
      const username = `${protocol}${index}`;
      users.add(username);
      const password = new Secret('swordfish');
      const spec: RegistrationSpec = {
        ...{ id: username, username, ddi: `d${username}`, profile },
        credentials: { username, password, ha1: undefined, realm: undefined },
      };
      this.daemon.keeper.add(spec);
    }
  }

  #draw<T extends string | number | (() => void)>(items: readonly T[]): T {
    return items[Math.floor(this.random.fraction() * items.length)] as T;
  }
}

function targetOf(protocol: 'udp' | 'tcp'): Target {
  return { protocol, address: protocol === 'udp' ? '10.1.0.1' : '10.1.0.2', port: 5060, family: 4 };
}

describe.each(seeds(STEPS / STEPS_A_WORLD))('a hostile registrar, seed %i', (seed) => {
  it('confuses nobody, and once it behaves everybody is bound', () => {
    const arena = new Arena(seed);
    while (arena.server.responses < STEPS_A_WORLD) arena.disturb();
    arena.recover();
  });
});
