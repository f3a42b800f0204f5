import { type Fault, failure, fault, type Result, success } from '../../../src/core/base/fault.ts';
import type { Random } from '../../../src/core/base/random.ts';
import { type Target, targetKey } from '../../../src/core/sip/locate/target.ts';
import type { Flow } from '../../../src/core/sip/transport/ports.ts';
import type { SimServer, Weather } from './network.ts';

/** One TCP connection to one server. */
export class SimConnection implements Flow {
  readonly protocol = 'tcp';
  readonly localSocket = 'sim-tcp';
  readonly local = { address: '10.0.0.1', port: 40_000 };
  readonly remote: Flow['remote'];
  readonly sentBy = '10.0.0.1:5060';
  readonly contactHost = '10.0.0.1:5060';
  isOpen = true;
  /** The other side knows nothing of it any more. */
  isForgotten = false;
  readonly server: string;
  readonly up: string[] = [];
  readonly down: string[] = [];
  /** When the last one of each way arrives. */
  readonly arrivesAt = { up: 0, down: 0 };

  constructor(server: string, remote: Flow['remote']) {
    this.server = server;
    this.remote = remote;
  }
}

export interface ConnectionWorld {
  readonly random: Random;
  now(): number;
  later(ms: number, step: () => void): void;
  weather(server: string): Weather;
  serverAt(server: string): SimServer | undefined;
  isHostAwake(): boolean;
  /** Something reaches our host, if it is awake. */
  arrived(step: () => void): void;
  received(wire: string, flow: Flow): void;
  failed(flow: Flow, reason: Fault): void;
}

const CONNECT_LIMIT_MS = 10_000;
const FIRST_RTO_MS = 300;
const LONGEST_RTO_MS = 30_000;
const CLOSED: Fault = fault('transport.closed', 'peer');

/** Connections in order and without loss: what the weather takes is sent again, later and later. */
export class Connections {
  readonly #world: ConnectionWorld;
  readonly #open = new Map<string, SimConnection>();
  readonly #dialing = new Map<string, ((result: Result<Flow>) => void)[]>();

  constructor(world: ConnectionWorld) {
    this.#world = world;
  }

  get size(): number {
    return this.#open.size;
  }

  open(target: Target, receive: (result: Result<Flow>) => void): void {
    const key = targetKey(target);
    const known = this.#open.get(key);
    if (known !== undefined) {
      receive(success(known));
      return;
    }
    const waiting = this.#dialing.get(key);
    if (waiting !== undefined) {
      waiting.push(receive);
      return;
    }
    this.#dialing.set(key, [receive]);
    this.#dial(key, target, 1_000, 0);
  }

  send(connection: SimConnection, wire: string): void {
    if (!connection.isOpen) return;
    connection.up.push(wire);
    if (connection.up.length === 1) this.#push(connection, 'up', FIRST_RTO_MS);
  }

  /** Closed by us. */
  close(connection: SimConnection, reason: Fault): void {
    if (!connection.isOpen) return;
    this.#end(connection);
    this.#world.later(0, () => this.#world.failed(connection, reason));
  }

  closeAll(reason: Fault): void {
    for (const connection of [...this.#open.values()]) this.close(connection, reason);
  }

  /** The server ends all its connections; we hear of it if anything gets through. */
  reset(server: string): void {
    const connection = this.#open.get(server);
    if (connection === undefined) return;
    connection.isForgotten = true;
    if (this.#passes(server)) this.#refuse(connection);
  }

  #dial(key: string, target: Target, rtoMs: number, spentMs: number): void {
    const { random, later } = this.#world;
    if (this.#passes(key) && this.#world.serverAt(key) !== undefined) {
      later(10 + random.fraction() * 70, () => {
        const connection = new SimConnection(key, { address: target.address, port: target.port });
        this.#open.set(key, connection);
        this.#answer(key, success(connection));
      });
    } else if (spentMs + rtoMs > CONNECT_LIMIT_MS) {
      later(CONNECT_LIMIT_MS - spentMs, () =>
        this.#answer(key, failure(fault('timeout.connect', 'peer'))),
      );
    } else {
      later(rtoMs, () => this.#dial(key, target, rtoMs * 2, spentMs + rtoMs));
    }
  }

  /** A host that sleeps hears of it when it is awake again. */
  #answer(key: string, result: Result<Flow>): void {
    if (!this.#world.isHostAwake()) {
      this.#world.later(100, () => this.#answer(key, result));
      return;
    }
    const waiting = this.#dialing.get(key) ?? [];
    this.#dialing.delete(key);
    for (const receive of waiting) receive(result);
  }

  /** All go as long as they pass, none before the one ahead of it; what does not pass is sent again later. */
  #push(connection: SimConnection, way: 'up' | 'down', rtoMs: number): void {
    const { random, later, now } = this.#world;
    const line = connection[way];
    let rto = rtoMs;
    while (connection.isOpen && line.length > 0) {
      if (!this.#passes(connection.server)) {
        later(rto, () => this.#push(connection, way, Math.min(rto * 2, LONGEST_RTO_MS)));
        return;
      }
      rto = FIRST_RTO_MS;
      const wire = line.shift() ?? '';
      const [least, most] = this.#world.weather(connection.server).delayMs;
      const arrivesAt = now() + least + random.fraction() * (most - least);
      const last = Math.max(arrivesAt, connection.arrivesAt[way]);
      connection.arrivesAt[way] = last;
      later(last - now(), () => this.#arrived(connection, way, wire));
    }
  }

  #arrived(connection: SimConnection, way: 'up' | 'down', wire: string): void {
    if (!connection.isOpen) return;
    if (way === 'down') this.#world.arrived(() => this.#world.received(wire, connection));
    else if (connection.isForgotten) this.#refuse(connection);
    else this.#serve(connection, wire);
  }

  #serve(connection: SimConnection, wire: string): void {
    this.#world.serverAt(connection.server)?.receive(wire, '10.0.0.1:40000', (answer) => {
      if (!connection.isOpen || connection.isForgotten) return;
      connection.down.push(answer);
      if (connection.down.length === 1) this.#push(connection, 'down', FIRST_RTO_MS);
    });
  }

  /** RST. */
  #refuse(connection: SimConnection): void {
    this.#world.later(20, () =>
      this.#world.arrived(() => {
        if (!connection.isOpen) return;
        this.#end(connection);
        this.#world.failed(connection, CLOSED);
      }),
    );
  }

  #end(connection: SimConnection): void {
    connection.isOpen = false;
    connection.up.length = 0;
    connection.down.length = 0;
    if (this.#open.get(connection.server) === connection) this.#open.delete(connection.server);
  }

  #passes(server: string): boolean {
    const { loss, isCut } = this.#world.weather(server);
    return isCut !== true && this.#world.random.fraction() >= loss;
  }
}
