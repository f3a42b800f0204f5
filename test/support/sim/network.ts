import { type Fault, failure, fault, type Result, success } from '../../../src/core/base/fault.ts';
import { after } from '../../../src/core/base/instant.ts';
import type { Random } from '../../../src/core/base/random.ts';
import { Timer } from '../../../src/core/base/timer-queue.ts';
import { type Target, targetKey } from '../../../src/core/sip/locate/target.ts';
import type {
  Flow,
  OpenFlow,
  TransportPort,
  TransportUser,
} from '../../../src/core/sip/transport/ports.ts';
import type { VirtualTime } from '../virtual-time.ts';

/** What a simulated server does with a datagram; `answer` may be called any number of times. */
export interface SimServer {
  receive(wire: string, from: string, answer: (wire: string) => void): void;
}

export interface Weather {
  /** Share of datagrams lost, each way by itself. */
  loss: number;
  /** One way, uniform between the two. */
  delayMs: readonly [number, number];
  duplicated: number;
}

/** A flow of the simulation: UDP to one server. */
interface SimFlow extends Flow {
  readonly server: string;
}

/**
 * A network of datagrams on virtual time, with loss, delay (hence reordering) and duplication by
 * seed. Servers are reached by their target key; a server that is not there is silent.
 */
export class SimNetwork implements TransportPort {
  readonly weather: Weather = { loss: 0, delayMs: [5, 40], duplicated: 0 };
  /** Counts for each server: datagrams that we sent there, lost ones included. */
  readonly sentTo = new Map<string, number>();
  user: TransportUser | undefined;
  /** While set, sending fails locally, as with a link that is down. */
  localFault: Fault | undefined;
  readonly #servers = new Map<string, SimServer>();
  readonly #flows = new Map<string, SimFlow>();
  readonly #time: VirtualTime;
  readonly #random: Random;

  constructor(time: VirtualTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  place(target: Target, server: SimServer): void {
    this.#servers.set(targetKey(target), server);
  }

  remove(target: Target): void {
    this.#servers.delete(targetKey(target));
  }

  open({ target }: OpenFlow, receive: (result: Result<Flow>) => void): void {
    if (target.protocol !== 'udp') {
      receive(failure(fault('transport.noSocket', 'local')));
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
    const { server } = flow as SimFlow;
    const { localFault } = this;
    if (localFault !== undefined) {
      this.#later(0, () => this.user?.flowFailed(flow, localFault));
      return;
    }
    this.sentTo.set(server, (this.sentTo.get(server) ?? 0) + 1);
    this.#carry(() =>
      this.#servers
        .get(server)
        ?.receive(wire, '10.0.0.1:5060', (answer) =>
          this.#carry(() => this.user?.received(answer, flow, this.#time.now())),
        ),
    );
  }

  close(): void {}

  keepAlive(): void {}

  inquire(): void {}

  #carry(deliver: () => void): void {
    const { loss, delayMs, duplicated } = this.weather;
    if (this.#random.fraction() < loss) return;
    const [least, most] = delayMs;
    const copies = this.#random.fraction() < duplicated ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.#later(least + this.#random.fraction() * (most - least), deliver);
    }
  }

  #later(ms: number, step: () => void): void {
    this.#time.timers.arm(new Timer(step), after(this.#time.now(), ms));
  }
}
