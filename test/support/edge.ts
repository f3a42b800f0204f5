/**
 * The network edge on real sockets: a Transport with its timers, and a user that keeps what it hears.
 * Nobody sleeps: a test waits for what shall happen, with a bound.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import type { Fault, Result } from '../../src/core/base/fault.ts';
import type { Instant } from '../../src/core/base/instant.ts';
import { TimerQueue } from '../../src/core/base/timer-queue.ts';
import type { Target, TransportProtocol } from '../../src/core/sip/locate/target.ts';
import type {
  AddressUser,
  Flow,
  LocalAddressChange,
  LocalSocketSpec,
  OpenFlow,
  TlsPolicy,
  TransportUser,
} from '../../src/core/sip/transport/ports.ts';
import { monotonicClock } from '../../src/net/clock.ts';
import type { NetLimits } from '../../src/net/limits.ts';
import type { NetNotice } from '../../src/net/notice.ts';
import { EntropyRandom } from '../../src/net/random.ts';
import { TimerDriver } from '../../src/net/timer-driver.ts';
import { Transport } from '../../src/net/transport.ts';
import { eventually } from './processes.ts';

export interface Heard {
  readonly wire: string;
  readonly flow: Flow;
  readonly at: Instant;
}

export class Edge implements TransportUser, AddressUser {
  readonly transport: Transport;
  readonly heard: Heard[] = [];
  readonly failures: { readonly flow: Flow; readonly reason: Fault }[] = [];
  readonly drops: string[] = [];
  readonly pongs: Flow[] = [];
  readonly notices: NetNotice[] = [];
  readonly moves: LocalAddressChange[] = [];
  /** Called for each message after it is kept: to answer like the core would. */
  react: (heard: Heard) => void = () => undefined;
  readonly #driver: TimerDriver;
  #isInside = false;

  constructor(specs: readonly LocalSocketSpec[], limits: Partial<NetLimits> = {}) {
    const timers = new TimerQueue();
    this.#driver = new TimerDriver(timers, monotonicClock, 10);
    this.transport = new Transport(specs, {
      user: this,
      clock: monotonicClock,
      random: new EntropyRandom(),
      timers,
      notify: (notice) => this.notices.push(notice),
      limits,
    });
  }

  static async start(
    specs: readonly LocalSocketSpec[],
    limits: Partial<NetLimits> = {},
  ): Promise<Edge> {
    const edge = new Edge(specs, limits);
    edge.#driver.start();
    await edge.transport.bind();
    return edge;
  }

  async stop(): Promise<void> {
    await this.transport.stop();
    this.#driver.stop();
  }

  open(target: Target, more: Partial<Omit<OpenFlow, 'target'>> = {}): Promise<Result<Flow>> {
    const request = { target, localSocket: undefined, tls: undefined, ...more };
    return new Promise((resolve) => this.#outside(() => this.transport.open(request, resolve)));
  }

  /** The flow, or an error that names the fault. */
  async flowTo(target: Target, more: Partial<Omit<OpenFlow, 'target'>> = {}): Promise<Flow> {
    const result = await this.open(target, more);
    if (!result.ok) throw new Error(`${result.fault.code}: ${result.fault.text}`);
    return result.value;
  }

  /** The fault with which a connect ends. */
  async faultOf(target: Target, more: Partial<Omit<OpenFlow, 'target'>> = {}): Promise<Fault> {
    const result = await this.open(target, more);
    if (result.ok) throw new Error('the connection came about');
    return result.fault;
  }

  send(flow: Flow, wire: string): void {
    this.#outside(() => this.transport.send(flow, wire));
  }

  close(flow: Flow, reason: Fault): void {
    this.#outside(() => this.transport.close(flow, reason));
  }

  ponged(flow: Flow): void {
    this.pongs.push(flow);
  }

  async hears(count: number): Promise<readonly Heard[]> {
    await soon(() => this.heard.length >= count, `${count} messages, got ${this.heard.length}`);
    return this.heard;
  }

  async failsOn(flow: Flow): Promise<Fault> {
    const find = () => this.failures.find((failure) => failure.flow === flow);
    await soon(() => find() !== undefined, 'the flow to fail');
    return (find() as { readonly reason: Fault }).reason;
  }

  received(wire: string, flow: Flow, at: Instant): void {
    this.#checkOutside();
    const heard = { wire, flow, at };
    this.heard.push(heard);
    this.react(heard);
  }

  flowFailed(flow: Flow, reason: Fault): void {
    this.#checkOutside();
    this.failures.push({ flow, reason });
  }

  localAddressChanged(change: LocalAddressChange): void {
    this.#checkOutside();
    this.moves.push(change);
  }

  dropped(reason: string): void {
    this.drops.push(reason);
  }

  #outside(call: () => void): void {
    this.#isInside = true;
    call();
    this.#isInside = false;
  }

  /** The port promises that the user is never called from inside its own calls. */
  #checkOutside(): void {
    if (this.#isInside) throw new Error('the edge called its user from inside open, send or close');
  }
}

export async function soon(holds: () => boolean, what: string): Promise<void> {
  await eventually(holds, { everyMs: 5, timeoutMs: 15_000, what: () => what });
}

export function aLocalSocket(
  protocol: TransportProtocol,
  more: Partial<LocalSocketSpec> = {},
): LocalSocketSpec {
  const family = more.family ?? 4;
  return {
    name: `${protocol}${family}`,
    protocol,
    address: family === 6 ? '::1' : '127.0.0.1',
    port: 0,
    family,
    advertise: undefined,
    tls: protocol === 'tls' ? { ca: undefined, certificate: undefined, key: undefined } : undefined,
    ...more,
  };
}

export function aTarget(protocol: TransportProtocol, port: number, address = '127.0.0.1'): Target {
  return { protocol, port, address, family: address.includes(':') ? 6 : 4 };
}

export function aTlsPolicy(more: Partial<TlsPolicy> = {}): TlsPolicy {
  const identity = 'registrar.test';
  return { verify: 'strict', identity, allowWildcard: false, minVersion: 'TLSv1.2', ...more };
}

/** A message that is complete on a stream. */
export function aMessage(name: string, body = ''): string {
  return `OPTIONS sip:${name} SIP/2.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** How many sockets this process holds, by the kernel's count. */
export function openSockets(): number {
  let count = 0;
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')) count += 1;
    } catch (error) {
      // The descriptor of the listing itself is gone by now.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return count;
}
