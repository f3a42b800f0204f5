/**
 * Keeper of the peer servers, and the book that observers read. Owned by the daemon, which hands it the
 * specs, passes commands on, and stops it.
 *
 *   apply(specs) -> placement.ts: locate -> unit-table.ts -> probe-unit.ts: the machine of each target
 *                                      changed -> announcer.ts: the word of each server -> events
 */
import type { Cause } from '../base/cause.ts';
import type { Instant } from '../base/instant.ts';
import { targetKey } from '../sip/locate/target.ts';
import type { Flow } from '../sip/transport/ports.ts';
import { Announcer } from './announcer.ts';
import { ContractPool } from './contract-pool.ts';
import { isAlarming, isGood, type Observation, observationText } from './observations.ts';
import type { Order } from './order.ts';
import { PeerServer, type ServerHost } from './peer-server.ts';
import { Placement, type PlacementPorts } from './placement.ts';
import { type RegisterReport, RegisterReports } from './register-reports.ts';
import {
  type RegisteredWay,
  type RegistrationsPort,
  type Requirement,
  Requirements,
} from './requirements.ts';
import type {
  ContractSnapshot,
  Freeze,
  HealthBook,
  PeerServerSnapshot,
  Revision,
} from './snapshot.ts';
import type { ContractSpec, OwnFaultSpec, PeerServerSpec } from './spec.ts';

export type ProberPorts = PlacementPorts & {
  /** Rises with every start of the daemon: the time of day, say. */
  readonly epoch?: number;
  /** How registrations stand that servers require; none where left out. */
  readonly registrations?: RegistrationsPort;
};

const NO_REGISTRATIONS: RegistrationsPort = {
  standingOf: () => undefined,
  wayOf: () => undefined,
};

export class Prober implements HealthBook, ServerHost {
  readonly #ports: ProberPorts;
  readonly #announcer: Announcer;
  readonly #placement: Placement;
  readonly #requirements: Requirements;
  readonly #reports: RegisterReports;
  readonly #pools = new Map<string, ContractPool>();
  readonly #servers = new Map<string, PeerServer>();

  constructor(ports: ProberPorts) {
    const { clock, timers, publish, epoch = 0, registrations = NO_REGISTRATIONS } = ports;
    this.#ports = ports;
    this.#announcer = new Announcer({ clock, timers, publish, epoch });
    const told: ProberPorts = {
      ...ports,
      publish: (event) => {
        if (event.type === 'verdicts.frozen') this.#announcer.revise();
        publish(event);
      },
    };
    this.#placement = new Placement(told, {
      changed: (server) => this.settle(server),
      freezeChanged: () => this.#settleAll(),
      unresolved: (server) => this.#announcer.noticeLookup(server),
      finished: (server, target, finding, rttMs) =>
        this.#announcer.finished(server, target, finding, rttMs),
    });
    this.#reports = new RegisterReports(ports, (report) => this.#placement.registerEnded(report));
    this.#requirements = new Requirements(ports, registrations, (server) => {
      if (server.spec.probeThrough !== undefined && server.isProbed) this.relocate(server);
      this.settle(server);
    });
  }

  get revision(): Revision {
    return this.#announcer.revision;
  }

  /** How many different probes there are; peer servers with equal ones share them. */
  get probeCount(): number {
    return this.#placement.unitCount;
  }

  /** Probes that the self-check found without a next step; must stay 0. */
  get stuck(): number {
    return this.#placement.stuck;
  }

  get freeze(): Freeze | undefined {
    return this.#placement.freezer.freeze;
  }

  /** When our own network is suspected. */
  setOwnFault(spec: OwnFaultSpec): void {
    this.#placement.freezer.spec = spec;
  }

  /** Nothing is disabled any more until `thaw`, or until its time. */
  orderFreeze(order: Pick<Order, 'by' | 'reason' | 'until'>): void {
    this.#placement.freezer.order(order.by, order.reason, order.until);
  }

  /** Ends any freeze. False: there was none. */
  thaw(): boolean {
    return this.#placement.freezer.thaw();
  }

  /** Something else than a probe was answered: our network lives. */
  witness(at: Instant): void {
    this.#placement.freezer.witness(at);
  }

  /** The cap on all probes together; 0: none. */
  setProbesPerSec(perSec: number): void {
    this.#placement.setProbesPerSec(perSec);
  }

  /**
   * Makes the servers those of `contracts`. A server with the same id keeps its state, its phase and
   * what an operator ordered, also when its probe plan changed; a new one begins as unknown; one that is
   * no longer there is forgotten, but not what is known of its address where another one is asked the same way.
   */
  apply(contracts: readonly ContractSpec[]): void {
    this.#placement.together(() => this.#apply(contracts));
  }

  #apply(contracts: readonly ContractSpec[]): void {
    const wanted = new Set<string>();
    let newCount = 0;
    for (const { peerServers } of contracts) {
      for (const { id } of peerServers) {
        wanted.add(id);
        if (!this.#servers.has(id)) newCount += 1;
      }
    }
    for (const [id, server] of this.#servers) {
      if (!wanted.has(id)) this.#forget(server);
    }
    const names = new Set(contracts.map(({ name }) => name));
    for (const [name, pool] of this.#pools) {
      if (names.has(name)) continue;
      pool.orderSlot.lift(this.#ports.timers);
      this.#pools.delete(name);
    }
    const hops = contracts.map((contract) => this.#take(contract, newCount));
    this.#requirements.apply(this.#servers.values());
    for (const [index, { name }] of contracts.entries()) this.#start(name, hops[index]);
  }

  /** Over the configuration, until `up` or its end. False when there is no such server. */
  orderServer(id: string, order: Order): boolean {
    const server = this.#servers.get(id);
    if (server === undefined) return false;
    const { spec, pool, orderSlot } = server;
    const isAsConfigured = order.command === 'up' && spec.admin === 'up' && pool.admin === 'up';
    if (isAsConfigured) orderSlot.lift(this.#ports.timers);
    else orderSlot.give(order, this.#ports.timers, () => this.#follow([server]));
    this.#follow([server]);
    return true;
  }

  /** The same for all servers of a contract. False when there is no such contract. */
  orderContract(name: string, order: Order): boolean {
    const pool = this.#pools.get(name);
    if (pool === undefined) return false;
    const isAsConfigured = order.command === 'up' && pool.spec.admin === 'up';
    if (isAsConfigured) pool.orderSlot.lift(this.#ports.timers);
    else pool.orderSlot.give(order, this.#ports.timers, () => this.#follow(pool.servers));
    this.#follow(pool.servers);
    return true;
  }

  /** Probes every target of a server at once. False when there is no such server, or it is not probed. */
  probeNow(id: string): boolean {
    const server = this.#servers.get(id);
    if (server === undefined || !isAsked(server)) return false;
    if (server.units.length === 0) this.#placement.locate(server);
    for (const unit of server.units) unit.probeNow();
    return true;
  }

  /**
   * What calls to a server got, or what a proxy made of that; where that is a failure, every target that waits for its next turn is
   * asked now. Undefined when there is no such server, else whether that was done.
   */
  observe(id: string, observation: Observation): boolean | undefined {
    const server = this.#servers.get(id);
    if (server === undefined) return undefined;
    if (!isAsked(server) || !isAlarming(observation, server.spec.probe.answers)) return false;
    const text = observationText(observation);
    for (const unit of server.units) {
      // What is down waits for its turn, and is asked out of it only where it may be up again.
      if (isGood(observation)) unit.probeNow();
      unit.observed(text, this.now());
    }
    return true;
  }

  /** Whether some server is probed only while nothing is heard from it (`mode: idleOnly`). */
  get wantsTraffic(): boolean {
    return this.#placement.wantsTraffic;
  }

  /** A message came from there; asked for by `wantsTraffic`. */
  heard({ protocol, remote }: Flow, at: Instant): void {
    const { address, port } = remote;
    const family = address.includes(':') ? 6 : 4;
    this.#placement.heard(targetKey({ protocol, address, port, family }), at);
  }

  /** Whether some server is judged by how REGISTERs to it end (`mode: register`). */
  get wantsReports(): boolean {
    return this.#placement.wantsReports;
  }

  /** A REGISTER ended; asked for by `wantsReports`. */
  registerEnded(report: RegisterReport): void {
    this.#reports.add(report);
  }

  /** A proxy of ours answers (again). */
  proxyAnswers(proxy: string): void {
    this.#placement.proxyAnswers(proxy);
  }

  /** A registration may stand otherwise than before. */
  registrationChanged(id: string): void {
    this.#requirements.changed(id);
  }

  /**
   * trunkd did not run for so long: what was under way proves nothing, and what ends at some time (orders,
   * freezes, waits) ends that much sooner, since the clocks of others went on.
   */
  stoodStill(ms: number): void {
    this.#placement.stoodStill(ms);
    const { timers } = this.#ports;
    for (const { orderSlot } of this.#pools.values()) orderSlot.aged(ms, timers);
    for (const server of this.#servers.values()) {
      server.orderSlot.aged(ms, timers);
      if (server.damper === undefined) continue;
      server.damper.aged(ms);
      this.settle(server);
    }
  }

  /** Stops all probes and timers; what is known can still be read. */
  stop(): void {
    this.#requirements.stop();
    this.#reports.stop();
    for (const server of this.#servers.values()) {
      this.#ports.timers.disarm(server.wordTimer);
      server.orderSlot.lift(this.#ports.timers);
    }
    for (const pool of this.#pools.values()) pool.orderSlot.lift(this.#ports.timers);
    this.#placement.stop(this.#servers.values());
  }

  contracts(): Iterable<string> {
    return this.#pools.keys();
  }

  contract(name: string): ContractSnapshot | undefined {
    return this.#pools.get(name)?.snapshot();
  }

  peerServers(): Iterable<string> {
    return this.#servers.keys();
  }

  peerServer(id: string): PeerServerSnapshot | undefined {
    return this.#servers.get(id)?.snapshot();
  }

  now(): Instant {
    return this.#ports.clock.now();
  }

  relocate(server: PeerServer): void {
    this.#placement.locate(server);
  }

  settle(server: PeerServer): void {
    this.#announcer.settle(server);
  }

  /** While verdicts are frozen, registrations that are lost disable nobody either. */
  requirementOf(server: PeerServer): Requirement {
    const requirement = this.#requirements.of(server);
    // What is met again is as good as any before the freeze.
    if (this.freeze === undefined || requirement === 'met')
      server.isUnmet = requirement === 'unmet';
    return requirement === 'unmet' && !server.isUnmet ? 'pending' : requirement;
  }

  registeredWayOf(server: PeerServer): RegisteredWay | undefined {
    return this.#requirements.wayOf(server);
  }

  requirementCauses(server: PeerServer): readonly Cause[] {
    return this.#requirements.causes(server);
  }

  #settleAll(): void {
    for (const server of this.#servers.values()) this.settle(server);
  }

  /** What may be done with them is another thing now. */
  #follow(servers: readonly PeerServer[]): void {
    for (const server of servers) {
      server.startCount = servers.length;
      this.#placement.place(server, server.spec.hop);
      this.settle(server);
    }
  }

  #forget(server: PeerServer): void {
    server.orderSlot.lift(this.#ports.timers);
    this.#placement.forget(server);
    this.#announcer.removed(server);
    this.#servers.delete(server.spec.id);
  }

  /** Takes the specs of a contract in; the hops that its servers had before. */
  #take(
    contract: ContractSpec,
    newCount: number,
  ): ReadonlyMap<PeerServer, PeerServerSpec['hop'] | undefined> {
    const known = this.#pools.get(contract.name);
    const pool = known ?? new ContractPool(contract);
    pool.spec = contract;
    this.#pools.set(contract.name, pool);
    const hops = new Map<PeerServer, PeerServerSpec['hop'] | undefined>();
    pool.servers = contract.peerServers.map((spec) => {
      const server = this.#servers.get(spec.id);
      if (server !== undefined) {
        hops.set(server, server.spec.hop);
        server.spec = spec;
        return server;
      }
      const added = new PeerServer(spec, pool, this);
      added.startCount = newCount;
      this.#servers.set(spec.id, added);
      return added;
    });
    return hops;
  }

  /** Locates and probes the servers of a contract, and tells of them. */
  #start(
    name: string,
    hops: ReadonlyMap<PeerServer, PeerServerSpec['hop'] | undefined> | undefined,
  ): void {
    const pool = this.#pools.get(name);
    if (pool === undefined) return;
    pool.recount();
    if (pool.regime === '') {
      pool.rollUp = pool.currentRollUp();
      pool.offers = pool.currentOffers();
    }
    for (const server of pool.servers) {
      this.#placement.place(server, hops?.get(server));
      this.settle(server);
    }
    this.#announcer.settlePool(pool);
  }
}

/** It is neither off nor judged by what others send: a probe can be sent. */
function isAsked({ isProbed, spec }: PeerServer): boolean {
  return isProbed && spec.probe.mode !== 'register';
}
