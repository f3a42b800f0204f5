/**
 * The network edge as the SIP core sees it: all local sockets of the configuration behind one port.
 * Chooses the local socket for a target, and hands on; decides nothing else.
 */

import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import { assert } from '../core/base/assert.ts';
import type { Clock } from '../core/base/clock.ts';
import {
  type Blame,
  type Fault,
  type FaultCode,
  failure,
  fault,
  type Result,
  success,
} from '../core/base/fault.ts';
import type { Random } from '../core/base/random.ts';
import type { TimerQueue } from '../core/base/timer-queue.ts';
import type { Target, TransportProtocol } from '../core/sip/locate/target.ts';
import type {
  Flow,
  LocalSocketSpec,
  OpenFlow,
  SocketAddress,
  TransportPort,
  TransportUser,
} from '../core/sip/transport/ports.ts';
import { BindError } from './bind-error.ts';
import { NetCounters, type NetStats } from './counters.ts';
import { FlowTable } from './flow-table.ts';
import { NET_LIMITS, type NetLimits } from './limits.ts';
import { checkLocalAddress, Listener } from './listener.ts';
import { LocalAddresses } from './local-address.ts';
import type { NetContext } from './net-context.ts';
import type { Notify } from './notice.ts';
import { SocketSet } from './socket-set.ts';
import { StreamFlow } from './stream-flow.ts';
import { TlsContexts } from './tls.ts';
import { UdpFlow, UdpSocket } from './udp.ts';

type Receive = (result: Result<Flow>) => void;

/** A configured local socket with what serves it. */
type LocalSocket =
  | { readonly protocol: 'udp'; readonly spec: LocalSocketSpec; readonly udp: UdpSocket }
  | { readonly protocol: 'tcp'; readonly spec: LocalSocketSpec }
  | { readonly protocol: 'tls'; readonly spec: LocalSocketSpec; readonly contexts: TlsContexts };

export interface TransportOptions {
  readonly user: TransportUser;
  readonly clock: Clock;
  readonly random: Random;
  /** The queue that a TimerDriver drives: all time limits of the edge are in it. */
  readonly timers: TimerQueue;
  /** What the operator should hear. */
  readonly notify: Notify;
  /** For tests that cannot wait; the defaults are NET_LIMITS. */
  readonly limits?: Partial<NetLimits>;
}

export class Transport implements TransportPort {
  readonly #context: NetContext;
  readonly #locals: LocalSocket[];
  readonly #listeners: Listener[] = [];
  readonly #sockets = new SocketSet();
  readonly #flows: FlowTable;

  constructor(specs: readonly LocalSocketSpec[], options: TransportOptions) {
    const { user, clock, random, timers, notify } = options;
    this.#context = {
      user,
      lifetime: { isOver: false },
      clock,
      random,
      timers,
      notify,
      limits: { ...NET_LIMITS, ...options.limits },
      counters: new NetCounters(),
      localAddresses: new LocalAddresses(clock),
    };
    this.#locals = specs.map((spec) => this.#local(spec));
    this.#flows = new FlowTable(this.#context, this.#sockets);
  }

  /**
   * Opens every local socket. Rejects with a BindError, or with an AggregateError of several whose
   * message names each; what was opened is closed again then. One that nobody configured and that
   * cannot be opened is told and left out.
   */
  async bind(): Promise<void> {
    const errors = await this.#openAll([...this.#locals]);
    const [first] = errors;
    if (first === undefined) return;
    await this.stop();
    if (errors.length === 1) throw first;
    throw new AggregateError(errors, errors.map(({ message }) => message).join('\n'));
  }

  /** Opens made-up sockets that a reload needs besides those that are open. Never rejects for the world. */
  async addMadeUp(specs: readonly LocalSocketSpec[]): Promise<void> {
    assert(
      specs.every(({ isMadeUp }) => isMadeUp === true),
      'configured sockets are opened at the start',
    );
    const locals = specs.map((spec) => this.#local(spec));
    await this.#openAll(locals);
    const { lifetime } = this.#context;
    for (const local of locals) {
      if (lifetime.isOver && local.protocol === 'udp') await local.udp.close();
    }
  }

  /** Closes everything; the core hears nothing more. Ends when no file descriptor is left. */
  async stop(): Promise<void> {
    this.#context.lifetime.isOver = true;
    this.#flows.destroy();
    const closing = this.#locals.map((local) =>
      local.protocol === 'udp' ? local.udp.close() : Promise.resolve(),
    );
    for (const listener of this.#listeners) closing.push(listener.close());
    await Promise.all([...closing, this.#sockets.destroyAll()]);
  }

  open(request: OpenFlow, receive: Receive): void {
    const local = this.#localFor(request);
    if (local === undefined) {
      this.#refuse(receive, 'transport.noSocket', 'config', noSocketText(request));
      return;
    }
    const { target } = request;
    if (!isReachable(target)) {
      const text = `${target.address} port ${target.port} is no address to send to.`;
      this.#refuse(receive, 'transport.unreachable', 'peer', text);
      return;
    }
    if (local.protocol === 'udp') {
      const flow = local.udp.flowTo(target.address, target.port);
      if (flow !== undefined) receive(success(flow));
      else this.#refuse(receive, 'transport.local', 'local', noWayText(target));
      return;
    }
    if (local.protocol === 'tcp') {
      this.#flows.find({ target, spec: local.spec, tls: undefined }, receive);
      return;
    }
    const { tls: policy } = request;
    assert(policy !== undefined, 'a TLS target comes with a policy');
    const { spec, contexts } = local;
    this.#flows.find({ target, spec, tls: { contexts, policy } }, receive);
  }

  send(flow: Flow, wire: string): void {
    if (flow instanceof UdpFlow || flow instanceof StreamFlow) flow.write(wire);
    else throw new TypeError('This flow was not made by this transport.');
  }

  close(flow: Flow, reason: Fault): void {
    if (flow instanceof StreamFlow) flow.end(reason);
  }

  /** Is there a local socket of that protocol and address family? */
  serves(protocol: TransportProtocol, family: 4 | 6): boolean {
    return this.#locals.some(({ spec }) => spec.protocol === protocol && spec.family === family);
  }

  /** Where a UDP socket is bound, with the port that the kernel chose; undefined for other sockets. */
  boundAddress(localSocket: string): SocketAddress | undefined {
    const local = this.#locals.find(({ spec }) => spec.name === localSocket);
    return local?.protocol === 'udp' ? local.udp.bound : undefined;
  }

  stats(): NetStats {
    let udpPeers = 0;
    for (const local of this.#locals) if (local.protocol === 'udp') udpPeers += local.udp.peerCount;
    return {
      ...this.#context.counters,
      connectsInFlight: this.#flows.connectsInFlight,
      connectsWaiting: this.#flows.connectsWaiting,
      udpPeers,
    };
  }

  #refuse(receive: Receive, code: FaultCode, blame: Blame, text: string): void {
    setImmediate(() => {
      if (!this.#context.lifetime.isOver) receive(failure(fault(code, blame, text)));
    });
  }

  #local(spec: LocalSocketSpec): LocalSocket {
    const { protocol } = spec;
    if (protocol === 'udp') return { protocol, spec, udp: new UdpSocket(spec, this.#context) };
    if (protocol === 'tcp') return { protocol, spec };
    return { protocol, spec, contexts: new TlsContexts(spec, this.#context.notify) };
  }

  /** What could not be opened is no local socket any more; returns why, but for sockets that are made up. */
  async #openAll(locals: readonly LocalSocket[]): Promise<readonly BindError[]> {
    const errors: BindError[] = [];
    await Promise.all(
      locals.map(async (local) => {
        try {
          await this.#bind(local);
          if (!this.#locals.includes(local)) this.#locals.push(local);
        } catch (error) {
          if (!(error instanceof BindError)) throw error;
          if (local.spec.isMadeUp === true) await this.#leaveOut(local, error);
          else errors.push(error);
        }
      }),
    );
    return errors;
  }

  async #leaveOut(local: LocalSocket, { message }: BindError): Promise<void> {
    const index = this.#locals.indexOf(local);
    if (index >= 0) this.#locals.splice(index, 1);
    if (local.protocol === 'udp') await local.udp.close();
    const { name, family, protocol } = local.spec;
    const kind = `${protocol.toUpperCase()} over IPv${family}`;
    const text = `${message} Nothing can be reached by ${kind}; a reload tries again.`;
    this.#context.notify({ kind: 'socket.leftOut', localSocket: name, text });
  }

  async #bind(local: LocalSocket): Promise<void> {
    const { spec } = local;
    if (local.protocol === 'udp') {
      await local.udp.bind();
      return;
    }
    const listens = spec.port !== 0;
    const material = local.protocol === 'tls' ? loadTls(local.contexts, spec) : undefined;
    if (!listens) {
      await checkLocalAddress(spec);
      return;
    }
    const listener = new Listener(spec, this.#context, this.#sockets, material);
    this.#listeners.push(listener);
    await listener.listen();
  }

  #localFor({ target, localSocket }: OpenFlow): LocalSocket | undefined {
    return this.#locals.find(
      ({ spec }) =>
        spec.protocol === target.protocol &&
        spec.family === target.family &&
        (localSocket === undefined || spec.name === localSocket),
    );
  }
}

/** Reads what the socket is configured with, so that a bad file is told at start and not by a call. */
function loadTls(contexts: TlsContexts, spec: LocalSocketSpec): SecureContext | undefined {
  try {
    contexts.client('TLSv1.2');
    return spec.port === 0 ? undefined : contexts.server();
  } catch (error) {
    throw new BindError(spec, error instanceof Error ? error : new Error(String(error)));
  }
}

/** Names never get here, but answers of others do: Via and SRV can hold any port, and Node throws at some. */
function isReachable({ address, family, port }: Target): boolean {
  return isIP(address) === family && Number.isInteger(port) && port > 0 && port < 65_536;
}

function noWayText({ address }: Target): string {
  return `Our own machine knows no way to ${address} (no route, or no descriptor left).`;
}

function noSocketText({ target, localSocket }: OpenFlow): string {
  const kind = `${target.protocol.toUpperCase()} over IPv${target.family}`;
  if (localSocket === undefined) return `No local socket for ${kind} is configured.`;
  return `The local socket ${localSocket} is not one for ${kind}.`;
}
