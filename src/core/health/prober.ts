/**
 * Keeper of the peer servers, and the book that observers read. Owned by the daemon, which hands it the
 * specs, passes commands on, and stops it.
 *
 *   apply(specs) -> placement.ts: locate -> unit-table.ts -> probe-unit.ts: the machine of each target
 *                                      changed -> announcer.ts: the word of each server -> events
 */
import type { Publish } from '../base/event-hub.ts';
import { Announcer } from './announcer.ts';
import type { HealthEvent } from './events.ts';
import { ContractPool, PeerServer } from './peer-server.ts';
import { Placement, type PlacementPorts } from './placement.ts';
import type { ContractSnapshot, HealthBook, PeerServerSnapshot, Revision } from './snapshot.ts';
import type { Admin, ContractSpec, PeerServerSpec } from './spec.ts';

export type ProberPorts = PlacementPorts & {
  readonly publish: Publish<HealthEvent>;
  /** Rises with every start of the daemon: the time of day, say. */
  readonly epoch?: number;
};

export class Prober implements HealthBook {
  readonly #clock: ProberPorts['clock'];
  readonly #announcer: Announcer;
  readonly #placement: Placement;
  readonly #pools = new Map<string, ContractPool>();
  readonly #servers = new Map<string, PeerServer>();

  constructor(ports: ProberPorts) {
    this.#clock = ports.clock;
    this.#announcer = new Announcer(ports.clock, ports.publish, ports.epoch ?? 0);
    this.#placement = new Placement(ports, {
      changed: (server) => this.#announcer.settle(server),
      unresolved: (server) => this.#announcer.noticeLookup(server),
      finished: (server, target, finding, rttMs) =>
        this.#announcer.finished(server, target, finding, rttMs),
    });
  }

  get revision(): Revision {
    return this.#announcer.revision;
  }

  /** How many different probes there are; peer servers with equal ones share them. */
  get probeCount(): number {
    return this.#placement.unitCount;
  }

  /**
   * Makes the servers those of `contracts`. A server with the same id keeps its state, its phase and
   * what a command set, also when its probe plan changed; a new one begins as unknown; one that is no
   * longer there is forgotten.
   */
  apply(contracts: readonly ContractSpec[]): void {
    const wanted = new Set<string>();
    let newCount = 0;
    for (const { peerServers } of contracts) {
      for (const { id } of peerServers) {
        wanted.add(id);
        if (!this.#servers.has(id)) newCount += 1;
      }
    }
    for (const [id, server] of this.#servers) {
      if (wanted.has(id)) continue;
      this.#placement.forget(server);
      this.#announcer.removed(server);
      this.#servers.delete(id);
    }
    const names = new Set(contracts.map(({ name }) => name));
    for (const name of this.#pools.keys()) if (!names.has(name)) this.#pools.delete(name);
    for (const contract of contracts) this.#applyContract(contract, newCount);
  }

  /**
   * Sets what a server may do, whatever the configuration says; undefined gives the configuration its
   * say again. False when there is no such server.
   */
  setAdmin(id: string, admin: Admin | undefined): boolean {
    const server = this.#servers.get(id);
    if (server === undefined) return false;
    server.override = admin;
    server.startCount = 1;
    this.#placement.place(server, server.spec.hop);
    this.#announcer.settle(server);
    return true;
  }

  /** Probes every target of a server at once. False when there is no such server, or it is not probed. */
  probeNow(id: string): boolean {
    const server = this.#servers.get(id);
    if (server === undefined || !server.isProbed) return false;
    if (server.units.length === 0) this.#placement.locate(server);
    for (const unit of server.units) unit.probeNow();
    return true;
  }

  /** A proxy of ours answers (again). */
  proxyAnswers(proxy: string): void {
    this.#placement.proxyAnswers(proxy);
  }

  /** Stops all probes and timers; what is known can still be read. */
  stop(): void {
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

  #applyContract(contract: ContractSpec, newCount: number): void {
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
      const added = new PeerServer(spec, pool, this.#clock.now(), (late) =>
        this.#placement.locate(late),
      );
      added.startCount = newCount;
      this.#servers.set(spec.id, added);
      return added;
    });
    pool.recount();
    if (known === undefined) pool.rollUp = pool.currentRollUp();
    for (const server of pool.servers) {
      this.#placement.place(server, hops.get(server));
      this.#announcer.settle(server);
    }
    this.#announcer.settleRollUp(pool);
  }
}
