/**
 * Keeper of where the peer servers are: asks the locator for their targets, and again when the answer is
 * no longer fresh, and takes and gives back the probe units of those targets. An answer that fails
 * changes nothing: the last targets are probed on.
 */
import type { Publish } from '../base/event-hub.ts';
import { after, elapsedMs, type Instant } from '../base/instant.ts';
import { between } from '../base/random.ts';
import type { Locator } from '../sip/locate/ports.ts';
import { hopKey, isSameTarget, type NextHop, type Target } from '../sip/locate/target.ts';
import type { ProxyNamed } from '../sip/proxy/ports.ts';
import type { HealthEvent, PeerState } from './events.ts';
import { Freezer, type LocalEvidence } from './freezer.ts';
import { probeWay } from './options-probe.ts';
import type { PeerServer } from './peer-server.ts';
import { ProbeCap } from './probe-cap.ts';
import type { ProbeUnit } from './probe-unit.ts';
import type { RegisterReport } from './register-reports.ts';
import { ProbeCalendar } from './spread.ts';
import type { UnitPorts } from './unit-ports.ts';
import { UnitTable } from './unit-table.ts';
import type { Finding } from './verdict.ts';
import { Watchdog } from './watchdog.ts';

/** A name is not asked more often than this, whatever its TTL says. */
const LEAST_RELOCATE_MS = 5_000;
/** When to ask again where the answer does not say it, or does not come. */
const RELOCATE_MS = 30_000;
/** By which names that were asked together come apart. */
const RELOCATE_JITTER_MS = 1_000;

const NO_UNITS: readonly ProbeUnit[] = [];

export type PlacementPorts = Pick<
  UnitPorts,
  'clock' | 'timers' | 'random' | 'hasher' | 'pacer' | 'userAgent' | 'connector'
> & {
  readonly locator: Locator;
  /** Probes a second to all targets together; 0: no cap. */
  readonly probesPerSec?: number;
  /** What this machine knows of itself; nothing where left out. */
  readonly local?: LocalEvidence;
  readonly publish: Publish<HealthEvent>;
  /** SIP proxies of ours; none where left out. */
  readonly proxyNamed?: ProxyNamed | undefined;
};

/** What the prober is told. */
export interface PlacementUser {
  /** The targets of the server, or what is known of them, changed. */
  changed(server: PeerServer): void;
  /** Its name could be resolved before, or was not asked yet, and now it cannot. */
  unresolved(server: PeerServer): void;
  /** Verdicts are frozen, or no longer. */
  freezeChanged(): void;
  finished(server: PeerServer, target: string, finding: Finding, rttMs: number | undefined): void;
}

const NOTHING_KNOWN: LocalEvidence = { faultSince: () => undefined };

export class Placement {
  readonly freezer: Freezer;
  readonly #ports: PlacementPorts;
  readonly #user: PlacementUser;
  readonly #table: UnitTable;
  readonly #cap: ProbeCap;
  readonly #watchdog: Watchdog;

  constructor(ports: PlacementPorts, user: PlacementUser) {
    this.#ports = ports;
    this.#user = user;
    this.#cap = new ProbeCap(ports.clock, ports.timers, ports.probesPerSec ?? 0);
    this.#watchdog = new Watchdog(ports.clock, ports.timers, () => this.#table.units());
    const { clock, timers, random, hasher, pacer, userAgent, connector, publish } = ports;
    this.freezer = new Freezer({
      ...{ clock, timers, publish, local: ports.local ?? NOTHING_KNOWN },
      units: () => this.#table.units(),
      changed: () => this.#user.freezeChanged(),
    });
    this.#table = new UnitTable({
      clock,
      timers,
      random,
      hasher,
      pacer,
      userAgent,
      connector,
      proxyNamed: ports.proxyNamed ?? (() => undefined),
      calendar: new ProbeCalendar(random),
      cap: this.#cap,
      freezer: this.freezer,
      changed: (unit, before) => this.#unitChanged(unit, before),
      finished: (unit, finding, rttMs) => {
        for (const server of unit.subscribers) {
          this.#user.finished(server, unit.targetKey, finding, rttMs);
        }
      },
      alternatives: (unit) => this.#addressesBeside(unit),
    });
  }

  /** How many different probes there are. */
  get unitCount(): number {
    return this.#table.size;
  }

  /** Probes that were found without a next step; must stay 0. */
  get stuck(): number {
    return this.#watchdog.found;
  }

  setProbesPerSec(perSec: number): void {
    this.#cap.setRate(perSec);
  }

  /** Brings locating and probing of a server in line with its spec and admin. */
  place(server: PeerServer, previousHop: NextHop | undefined): void {
    if (!server.isProbed) {
      this.forget(server);
      return;
    }
    if (server.spec.probeThrough === undefined) server.registered = undefined;
    const isSameHop = previousHop !== undefined && hopKey(previousHop) === hopKey(server.spec.hop);
    const isElsewhere = server.spec.probeThrough !== undefined || !isSameHop;
    if (server.targets === undefined || isElsewhere) this.locate(server);
    else this.#use(server, server.targets);
  }

  /** What one server leaves meanwhile, another one may go on with. */
  together(change: () => void): void {
    this.#table.hold();
    change();
    this.#table.settle();
    if (this.#table.size === 0) this.#watchdog.stop();
  }

  /** Ends locating and probing of a server; nothing of it is known any more. */
  forget(server: PeerServer): void {
    server.locateSerial += 1;
    this.#ports.timers.disarm(server.locateTimer);
    for (const unit of server.units) this.#table.release(unit, server);
    server.units = NO_UNITS;
    if (this.#table.size === 0) this.#watchdog.stop();
    server.targets = undefined;
    server.lookupFault = undefined;
  }

  /** Asks where the server is; what it was known to have stays until the answer comes. */
  locate(server: PeerServer): void {
    const { clock, timers, locator } = this.#ports;
    server.locateSerial += 1;
    if (server.spec.probeThrough !== undefined) {
      this.#followRegistration(server);
      return;
    }
    const serial = server.locateSerial;
    timers.arm(server.locateTimer, after(clock.now(), RELOCATE_MS));
    locator.locate(server.spec.hop, (result, freshUntil) => {
      if (server.locateSerial !== serial) return;
      if (result.ok) {
        this.#planRelocation(server, freshUntil, false);
        const isNews = server.lookupFault !== undefined || server.targets !== result.value;
        server.lookupFault = undefined;
        if (!isNews) return;
        this.#use(server, result.value);
      } else {
        this.#planRelocation(server, freshUntil, true);
        const wasKnown = server.lookupFault?.code === result.fault.code;
        server.lookupFault = result.fault;
        if (!wasKnown) this.#user.unresolved(server);
      }
      this.#user.changed(server);
    });
  }

  /** Whether `heard` is of any use to anybody. */
  get wantsTraffic(): boolean {
    return this.#table.wantsTraffic;
  }

  heard(targetKey: string, at: Instant): void {
    this.#table.heard(targetKey, at);
  }

  /** Whether `registerEnded` is of any use to anybody. */
  get wantsReports(): boolean {
    return this.#table.wantsReports;
  }

  registerEnded(report: RegisterReport): void {
    this.#table.registerEnded(report);
  }

  /** A proxy of ours answers again: what nothing is known of behind it is asked without delay. */
  proxyAnswers(proxy: string): void {
    this.#table.hurryUnknown(proxy);
  }

  /** trunkd did not run for so long. */
  stoodStill(ms: number): void {
    this.freezer.aged(ms);
    this.#table.stoodStill(ms);
  }

  /** Stops every probe and timer; what the servers know stays. */
  stop(servers: Iterable<PeerServer>): void {
    for (const server of servers) {
      server.locateSerial += 1;
      this.#ports.timers.disarm(server.locateTimer);
    }
    this.#table.stop();
    this.#watchdog.stop();
    this.freezer.stop();
  }

  /** Takes the way of a registration; while that is not bound, the last one is asked on. */
  #followRegistration(server: PeerServer): void {
    const { clock, timers } = this.#ports;
    timers.arm(server.locateTimer, after(clock.now(), RELOCATE_MS));
    const way = server.host.registeredWayOf(server);
    if (way === undefined) return;
    server.registered = way;
    this.#use(server, [way.target]);
    this.#user.changed(server);
  }

  #planRelocation(server: PeerServer, freshUntil: Instant | undefined, hasFailed: boolean): void {
    const { clock, timers, random } = this.#ports;
    if (freshUntil === undefined && !hasFailed) {
      timers.disarm(server.locateTimer);
      return;
    }
    const now = clock.now();
    const freshMs = freshUntil === undefined ? RELOCATE_MS : elapsedMs(now, freshUntil);
    const waitMs = Math.max(freshMs, LEAST_RELOCATE_MS) + between(random, 0, RELOCATE_JITTER_MS);
    timers.arm(server.locateTimer, after(now, waitMs));
  }

  #use(server: PeerServer, targets: readonly Target[]): void {
    const old = server.units;
    const units = targets.map((target) => {
      const way = probeWay(server.spec, target, server.registered);
      const before = old.find((unit) => isSameTarget(unit.target, target));
      return this.#table.acquire(way, server, server.startCount, before);
    });
    for (const unit of old) if (!units.includes(unit)) this.#table.release(unit, server);
    if (units.length > 0) this.#watchdog.start();
    server.units = units;
    server.targets = targets;
  }

  #unitChanged(unit: ProbeUnit, before: PeerState): void {
    for (const server of unit.subscribers) this.#user.changed(server);
    if (unit.state.name !== 'down' || before === 'down') return;
    // Other ways to the same target have a word in this too, and their turn may be far.
    for (const sibling of this.#table.crowdOf(unit)) if (sibling !== unit) sibling.hurry();
  }

  /** All addresses that the name of the unit's servers has. */
  #addressesBeside(unit: ProbeUnit): readonly string[] {
    for (const { targets } of unit.subscribers) {
      if (targets !== undefined) return targets.map(({ address }) => address);
    }
    return [];
  }
}
