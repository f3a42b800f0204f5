import { type Fault, failure, fault, type Result, success } from '../../../src/core/base/fault.ts';
import { after, type Instant } from '../../../src/core/base/instant.ts';
import type { Random } from '../../../src/core/base/random.ts';
import { Timer } from '../../../src/core/base/timer-queue.ts';
import { type Target, targetKey } from '../../../src/core/sip/locate/target.ts';
import type {
  Flow,
  OpenFlow,
  TransportPort,
  TransportUser,
} from '../../../src/core/sip/transport/ports.ts';
import { Connections, SimConnection } from './connections.ts';
import type { Times } from './time.ts';

/** What a simulated server does with a message; `answer` may be called any number of times. */
export interface SimServer {
  receive(wire: string, from: string, answer: (wire: string) => void): void;
}

export interface Weather {
  /** Share of datagrams lost, each way by itself. */
  loss: number;
  /** Share of answers lost besides. */
  lossBack?: number;
  /** One way, uniform between the two. */
  delayMs: readonly [number, number];
  duplicated: number;
  /** Share that is overtaken by what comes within the next two seconds. */
  reordered?: number;
  /** Nothing passes, either way. */
  isCut?: boolean;
}

/** A flow of the simulation: UDP to one server. */
interface SimFlow extends Flow {
  readonly server: string;
}

const OVERTAKEN_MS = 2_000;
/** What a socket buffer holds while the process is stopped. */
const MOST_BUFFERED = 200;

/**
 * A network of datagrams and connections on virtual time, with loss, delay (hence reordering) and
 * duplication by seed. Servers are reached by their target key; a server that is not there is silent.
 */
export class SimNetwork implements TransportPort {
  /** Of all paths that have none of their own in `paths`. */
  readonly weather: Weather = { loss: 0, delayMs: [5, 40], duplicated: 0 };
  readonly paths = new Map<string, Weather>();
  /** Counts for each server: messages that we sent there, lost ones included. */
  readonly sentTo = new Map<string, number>();
  user: TransportUser | undefined;
  /** Shown each message as it leaves us. */
  tap: ((wire: string, server: string) => void) | undefined;
  /** While set, sending fails locally, as with a link that is down. */
  localFault: Fault | undefined;
  /** `asleep`: what comes is lost; `stopped`: it waits in the buffer of the socket. */
  host: 'awake' | 'stopped' | 'asleep' = 'awake';
  readonly connections: Connections;
  #buffered: (() => void)[] = [];
  readonly #servers = new Map<string, SimServer>();
  readonly #flows = new Map<string, SimFlow>();
  readonly #time: Times;
  readonly #now: () => Instant;
  readonly #random: Random;

  /** `now`: by the clock of the daemon, where that is another one. */
  constructor(time: Times, random: Random, now: () => Instant = () => time.now()) {
    this.#time = time;
    this.#now = now;
    this.#random = random;
    this.connections = new Connections({
      now: () => time.now(),
      later: (ms, step) => this.later(ms, step),
      random,
      weather: (server) => this.weatherOf(server),
      serverAt: (server) => this.#servers.get(server),
      isHostAwake: () => this.host === 'awake',
      arrived: (step) => this.#arrive(step),
      received: (wire, flow) => this.user?.received(wire, flow, this.#now()),
      failed: (flow, reason) => this.user?.flowFailed(flow, reason),
    });
  }

  place(target: Target, server: SimServer): void {
    this.#servers.set(targetKey(target), server);
  }

  remove(target: Target): void {
    this.#servers.delete(targetKey(target));
  }

  weatherOf(server: string): Weather {
    return this.paths.get(server) ?? this.weather;
  }

  open({ target }: OpenFlow, receive: (result: Result<Flow>) => void): void {
    if (target.protocol === 'tcp') {
      const { localFault } = this;
      if (localFault === undefined) this.connections.open(target, receive);
      else this.later(0, () => receive(failure(localFault)));
      return;
    }
    if (target.protocol !== 'udp') {
      this.later(0, () => receive(failure(fault('transport.noSocket', 'local'))));
      return;
    }
    const key = targetKey(target);
    let flow = this.#flows.get(key);
    if (flow === undefined) {
      flow = {
        protocol: 'udp',
        localSocket: 'sim',
        local: { address: '10.0.0.1', port: 5060 },
        remote: { address: target.address, port: target.port },
        sentBy: '10.0.0.1:5060',
        contactHost: '10.0.0.1:5060',
        isOpen: true,
        server: key,
      };
      this.#flows.set(key, flow);
    }
    receive(success(flow));
  }

  send(flow: Flow, wire: string): void {
    const { server } = flow as SimFlow | SimConnection;
    const { localFault } = this;
    if (localFault !== undefined && flow.protocol === 'udp') {
      this.later(0, () => this.user?.flowFailed(flow, localFault));
      return;
    }
    this.sentTo.set(server, (this.sentTo.get(server) ?? 0) + 1);
    this.tap?.(wire, server);
    if (flow instanceof SimConnection) {
      this.connections.send(flow, wire);
      return;
    }
    this.#carry(server, false, () =>
      this.#servers
        .get(server)
        ?.receive(wire, '10.0.0.1:5060', (answer) =>
          this.#carry(server, true, () =>
            this.#arrive(() => this.user?.received(answer, flow, this.#now())),
          ),
        ),
    );
  }

  close(flow: Flow, reason: Fault): void {
    if (flow instanceof SimConnection) this.connections.close(flow, reason);
  }

  /** As src/net/transport.ts. */
  closeAll(reason: Fault): void {
    this.connections.closeAll(reason);
  }

  keepAlive(): void {}

  inquire(): void {}

  /** The host runs again: what its sockets kept comes in now. */
  wake(): void {
    this.host = 'awake';
    const buffered = this.#buffered;
    this.#buffered = [];
    for (const step of buffered) step();
  }

  later(ms: number, step: () => void): void {
    this.#time.timers.arm(new Timer(step), after(this.#time.now(), ms));
  }

  #arrive(step: () => void): void {
    if (this.host === 'awake') step();
    else if (this.host === 'stopped' && this.#buffered.length < MOST_BUFFERED) {
      this.#buffered.push(step);
    }
  }

  #carry(server: string, isBack: boolean, deliver: () => void): void {
    const weather = this.weatherOf(server);
    const { loss, lossBack = 0, delayMs, duplicated, reordered = 0, isCut } = weather;
    if (isCut === true || this.#random.fraction() < loss) return;
    if (isBack && lossBack > 0 && this.#random.fraction() < lossBack) return;
    const [least, most] = delayMs;
    const copies = duplicated > 0 && this.#random.fraction() < duplicated ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const isOvertaken = reordered > 0 && this.#random.fraction() < reordered;
      const ms = least + this.#random.fraction() * (most - least);
      this.later(isOvertaken ? ms + this.#random.fraction() * OVERTAKEN_MS : ms, deliver);
    }
  }
}
