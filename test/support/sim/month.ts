import type { Fault } from '../../../src/core/base/fault.ts';
import { Secret } from '../../../src/core/base/secret.ts';
import type { RegistrationSpec } from '../../../src/core/registration/spec.ts';
import type { TransportProtocol } from '../../../src/core/sip/locate/target.ts';
import { type NextHop, type Target, targetKey } from '../../../src/core/sip/locate/target.ts';
import { WallClock } from '../../../src/observe/wall-clock.ts';
import { SeededRandom } from '../seeded-random.ts';
import { Books } from './books.ts';
import { SimDaemon } from './daemon.ts';
import { SimDns } from './dns.ts';
import { Lifeline } from './lifeline.ts';
import { SimNetwork, type Weather } from './network.ts';
import { SimRegistrar } from './registrar.ts';
import { WorldTime } from './time.ts';
import { Witness } from './witness.ts';
import { profileOf } from './world.ts';

const PACING = { perTarget: 6, burst: 3, max: 6 };
const EXPIRES_SEC = 3600;
/** Canary of 30 s and a quarter, its answer, and a pace that was halved and doubles every 10 s. */
const NOTICE_MS = 90_000;
/** A registrar of one or two is never known as dead: each of them backs off by itself, up to 30 min. */
const LONGEST_BACKOFF_MS = 1_900_000;
/** At more than this of the pace a crowd takes as long as at this: there is no use in being exact. */
const MOST_LOAD = 0.8;
/** Between two refreshes of an hour's grant. */
const USUAL_PERIOD_SEC = 2_970;
/** A refresh is planned at most that long before the end of its binding: M + 0.1 G. */
const PLANNED_AHEAD_MS = 720_000;

/** One provider: its share of the registrations, and how it is found. */
interface ProviderPlan {
  readonly name: string;
  readonly share: number;
  readonly hop: NextHop;
  readonly protocol: TransportProtocol;
  readonly addresses: readonly string[];
  readonly nonceLifeSec: number;
}

const PROVIDERS: readonly ProviderPlan[] = [
  {
    ...{ name: 'pair', share: 0.5, protocol: 'udp', nonceLifeSec: 7200 },
    hop: { host: 'pair.example', port: undefined, protocol: 'udp', secure: false },
    addresses: ['10.1.0.1', '10.1.0.2'],
  },
  {
    ...{ name: 'fixed', share: 0.2, protocol: 'udp', nonceLifeSec: 7200 },
    hop: { host: '10.2.0.1', port: 5060, protocol: 'udp', secure: false },
    addresses: ['10.2.0.1'],
  },
  {
    ...{ name: 'named', share: 0.15, protocol: 'udp', nonceLifeSec: 60 },
    hop: { host: 'named.example', port: 5060, protocol: 'udp', secure: false },
    addresses: ['10.3.0.1'],
  },
  {
    ...{ name: 'stream', share: 0.15, protocol: 'tcp', nonceLifeSec: 7200 },
    hop: { host: 'stream.example', port: 5060, protocol: 'tcp', secure: false },
    addresses: ['10.4.0.1'],
  },
  {
    ...{ name: 'tiny', share: 0, protocol: 'udp', nonceLifeSec: 7200 },
    hop: { host: 'tiny.example', port: 5060, protocol: 'udp', secure: false },
    addresses: ['10.5.0.1'],
  },
];

/** A provider as it is: its registrar, the ways to it, and what is wrong with it just now. */
export interface Provider {
  readonly name: string;
  readonly registrar: SimRegistrar;
  readonly lifeline: Lifeline;
  readonly keys: readonly string[];
  readonly weather: readonly Weather[];
  readonly users: Map<string, string>;
  /** How many troubles there are that leave no path to it. */
  troubles: number;
}

/**
 * The whole daemon but its edges, on virtual time, beside five providers with books of their own, a name
 * server, and a network; everything that happens follows from the seed. Faults are made by faults.ts.
 */
export class Month {
  readonly time = new WorldTime();
  readonly network: SimNetwork;
  readonly dns: SimDns;
  readonly books = new Books();
  readonly witness: Witness;
  readonly providers: readonly Provider[];
  readonly daemon: SimDaemon;
  readonly wallClock: WallClock;
  readonly count: number;
  /** The last troubles, for whoever looks for the reason of a failure. */
  #lately: string[] = [];
  /** By how much the wall clock is wrong. */
  wallJumpMs = 0;

  constructor(seed: number, count: number) {
    const { time } = this;
    const clock = time.daemonClock;
    this.count = count;
    this.network = new SimNetwork(time, new SeededRandom(seed + 1), () => clock.now());
    this.dns = new SimDns(time, new SeededRandom(seed + 2));
    this.witness = new Witness(time, PACING.perTarget);
    this.wallClock = new WallClock(clock, () => 1.8e12 + time.elapsedMs + this.wallJumpMs);
    const { network, dns: lookup, witness } = this;
    this.daemon = new SimDaemon({ seed, time, network, lookup, witness, pacing: PACING });
    this.providers = PROVIDERS.map((plan, index) => this.#provider(plan, seed + 10 + index));
  }

  /** Takes time on, with all that is looked at each minute. */
  run(minutes: number): void {
    for (let minute = 0; minute < minutes; minute += 1) {
      this.time.run(60_000);
      if (!this.time.isDaemonStopped) this.witness.lookAtAll(this.daemon.keeper.counts());
      this.books.look(this.time.elapsedMs);
    }
  }

  /** A trouble begins. */
  note(trouble: string): void {
    this.#lately.push(`at ${(this.time.elapsedMs / 1000).toFixed(0)} s: ${trouble}`);
    if (this.#lately.length > 12) this.#lately.shift();
  }

  /** What went wrong so far, and what was going on. */
  problems(): readonly string[] {
    const problems = this.#problems();
    return problems.length === 0 ? problems : [...problems, 'Lately:', ...this.#lately];
  }

  #problems(): readonly string[] {
    // The books judge; what the registrars put down of their own would only grow.
    for (const { registrar } of this.providers) registrar.lapses.length = 0;
    this.witness.checkPace(PACING.burst);
    const stuck = this.daemon.keeper.stuck === 0 ? [] : [`${this.daemon.keeper.stuck} were stuck`];
    // What the network turned round is no fault of ours: the order of what leaves is the witness's business.
    const isOurs = (violation: string) => violation.startsWith('wrong digest');
    const violations = this.providers.flatMap(({ registrar }) =>
      registrar.violations.filter(isOurs),
    );
    return [...this.witness.problems, ...this.books.problems, ...violations, ...stuck];
  }

  /** From now on no path leads to them (or, with false, does again). */
  trouble(providers: readonly Provider[], isThere: boolean): void {
    const now = this.time.elapsedMs;
    for (const provider of providers) {
      provider.troubles += isThere ? 1 : -1;
      if (provider.troubles > 0) provider.lifeline.died(now);
      else provider.lifeline.revived(now, this.#allowanceMs(provider));
    }
  }

  /** All paths of all providers. */
  localFault(reason: Fault | undefined): void {
    this.network.localFault = reason;
    this.trouble(this.providers, reason !== undefined);
    if (reason !== undefined) return;
    // The edge sees that addresses and routes are back.
    for (const protocol of ['udp', 'tcp'] as const) {
      const change = { localSocket: 'sim', protocol, family: 4, isDefault: true } as const;
      this.daemon.keeper.localAddressChanged({ ...change, remotes: undefined });
    }
  }

  /** `asleep`: what is sent to us is lost; `stopped`: it waits in the buffers of the sockets. */
  stand(how: 'asleep' | 'stopped'): void {
    this.network.host = how;
    this.time.stopDaemon();
    this.trouble(this.providers, true);
  }

  goOn(): void {
    const standstillMs = this.time.resumeDaemon();
    this.network.wake();
    this.wallClock.stoodStill(standstillMs);
    this.daemon.resume(standstillMs);
    this.trouble(this.providers, false);
  }

  /** Something else is wrong now, which may hold up those who are still coming back. */
  worsened(): void {
    const now = this.time.elapsedMs;
    for (const provider of this.providers) {
      provider.lifeline.worsened(now, () => this.#allowanceMs(provider));
    }
  }

  /** Everybody who is or will soon be due, with two requests each, their copies among them. */
  #allowanceMs(provider: Provider): number {
    const { lifeline, users } = provider;
    if (users.size < 3) return LONGEST_BACKOFF_MS;
    const due = this.books.endingBefore(lifeline, this.time.elapsedMs + PLANNED_AHEAD_MS);
    // Meanwhile others come due, too.
    const rest = 1 - Math.min(MOST_LOAD, loadOf(provider));
    return NOTICE_MS + (due * requestsPerUser(provider) * 1000) / PACING.perTarget / rest;
  }

  #provider(plan: ProviderPlan, seed: number): Provider {
    const { name, addresses, protocol } = plan;
    const users = new Map<string, string>();
    const registrar = new SimRegistrar(this.time, new SeededRandom(seed), {
      ...{ realm: name, users, maxExpiresSec: EXPIRES_SEC, nonceLifeSec: plan.nonceLifeSec },
      remembered: 300,
    });
    const lifeline = new Lifeline();
    registrar.onArrival = () => {};
    registrar.onBound = (user, grantedSec) =>
      this.books.bound(user, grantedSec, this.time.elapsedMs);
    const keys: string[] = [];
    const weather: Weather[] = [];
    for (const address of addresses) {
      const target: Target = { protocol, address, port: 5060, family: 4 };
      this.network.place(target, registrar);
      const own: Weather = { loss: 0, delayMs: [5, 40], duplicated: 0 };
      this.network.paths.set(targetKey(target), own);
      weather.push(own);
      keys.push(targetKey(target));
      this.witness.allowed.set(targetKey(target), new Set());
      this.dns.address(`${keys.length}.${name}.example`, address);
    }
    this.dns.address(`${name}.example`, addresses[0] as string);
    if (addresses.length > 1) {
      const targets = addresses.map((_, index) => `${index + 1}.${name}.example`);
      this.dns.servers(`_sip._${protocol}.${name}.example`, targets);
    }
    const provider = { name, registrar, lifeline, keys, weather, users, troubles: 0 };
    this.#populate(plan, provider);
    return provider;
  }

  #populate({ share, hop, name }: ProviderPlan, { lifeline, keys, users }: Provider): void {
    const profile = { ...profileOf(EXPIRES_SEC), contract: name, domain: `${name}.example`, hop };
    const count = share === 0 ? 2 : Math.round(this.count * share);
    const upMs = NOTICE_MS + (count * 2 * 1000) / PACING.perTarget;
    for (let index = 0; index < count; index += 1) {
      const username = `${name}${index}`;
      users.set(username, `pw-${username}`);
      this.books.add(username, lifeline, upMs);
      const password = new Secret(`pw-${username}`);
      const spec: RegistrationSpec = {
        ...{ id: `${username}@${name}.example`, username, ddi: `d${username}`, profile },
        credentials: { username, password, ha1: undefined, realm: undefined },
      };
      this.daemon.keeper.add(spec);
    }
    for (const key of keys) this.witness.allowed.set(key, new Set(users.keys()));
  }
}

/** A challenge and the answer to it. */
function requestsPerUser({ weather }: Provider): number {
  return 2 * Math.max(...weather.map(copiesIn));
}

/** Of what the pace lets pass. */
function loadOf(provider: Provider): number {
  const perSec = (provider.users.size * requestsPerUser(provider)) / USUAL_PERIOD_SEC;
  return perSec / PACING.perTarget;
}

/** How often a request is sent until its answer is here (timer E with T1 up to T2), twice that where many are lost. */
function copiesIn({ delayMs, loss, lossBack = 0 }: Weather): number {
  const longestMs = 2 * delayMs[1];
  const copies = 1 + [4_000, 8_000].filter((ms) => ms < longestMs).length;
  return loss + lossBack > 0.1 ? 2 * copies : copies;
}
