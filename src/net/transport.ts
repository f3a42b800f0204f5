/**
 * The network edge as the SIP core sees it: all local sockets of the configuration behind one port.
 * Chooses the local socket for a target, and hands on; decides nothing else.
 */

import { isIP } from 'node:net';
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
import type { WaysOut } from '../core/sip/locate/ports.ts';
import type { Target, TransportProtocol } from '../core/sip/locate/target.ts';
import type {
  AddressUser,
  Flow,
  LocalSocketSpec,
  OpenFlow,
  SocketAddress,
  StreamKeepAlive,
  TransportPort,
  TransportUser,
} from '../core/sip/transport/ports.ts';
import { type AddressChange, AddressWatch } from './address-watch.ts';
import { CertificateBook, type CertificateRow } from './certificates.ts';
import { NetCounters, type NetStats } from './counters.ts';
import { FlowTable } from './flow-table.ts';
import { NET_LIMITS, type NetLimits } from './limits.ts';
import { isUnspecified, LocalAddresses } from './local-address.ts';
import type { LocalSocket } from './local-socket.ts';
import { LocalSockets } from './local-sockets.ts';
import type { NetContext } from './net-context.ts';
import type { Notify } from './notice.ts';
import { PortInquiries } from './port-inquiry.ts';
import { SocketSet } from './socket-set.ts';
import { StrandedRemotes } from './stranded.ts';
import { StreamFlow } from './stream-flow.ts';
import type { TlsContexts } from './tls.ts';
import { UdpFlow } from './udp.ts';
import { udpDrops } from './udp-drops.ts';

type Receive = (result: Result<Flow>) => void;

const MAX_TOLD_ADDRESSES = 8;

export interface UdpBuffer {
  readonly localSocket: string;
  readonly octets: number;
  /** Undefined where the system does not tell. */
  readonly drops: number | undefined;
}

export interface TransportOptions {
  readonly user: TransportUser & AddressUser;
  readonly clock: Clock;
  readonly random: Random;
  /** The queue that a TimerDriver drives: all time limits of the edge are in it. */
  readonly timers: TimerQueue;
  /** What the operator should hear. */
  readonly notify: Notify;
  /** For tests that cannot wait; the defaults are NET_LIMITS. */
  readonly limits?: Partial<NetLimits>;
}

export class Transport implements TransportPort, WaysOut {
  readonly #context: NetContext;
  readonly #sockets = new SocketSet();
  readonly #flows: FlowTable;
  readonly #inquiries: PortInquiries;
  readonly #locals: LocalSockets;
  readonly #watch: AddressWatch;
  readonly #specs: readonly LocalSocketSpec[];

  constructor(specs: readonly LocalSocketSpec[], options: TransportOptions) {
    const { user, clock, random, timers, notify } = options;
    const certificates = new CertificateBook({ clock, timers, notify });
    this.#context = {
      user,
      lifetime: { isOver: false },
      clock,
      random,
      timers,
      notify,
      certificates,
      limits: { ...NET_LIMITS, ...options.limits },
      counters: new NetCounters(),
      localAddresses: new LocalAddresses(clock),
      stranded: new StrandedRemotes(),
    };
    this.#specs = specs;
    this.#flows = new FlowTable(this.#context, this.#sockets);
    this.#inquiries = new PortInquiries(this.#context);
    this.#locals = new LocalSockets(this.#context, this.#sockets, {
      moved: (socket) => this.#tellMoved(socket, undefined),
      retired: ({ key, spec }) => {
        this.#flows.retire(key);
        this.#context.stranded.forget(spec.name);
      },
      closed: ({ key }) => this.#flows.endThoseOf(key),
    });
    this.#watch = new AddressWatch(this.#context, (change) => this.#looked(change));
  }

  /**
   * Opens every local socket. Rejects with a BindError, or with an AggregateError of several whose
   * message names each; what was opened is closed again then. One that nobody configured and that
   * cannot be opened is told and left out; one whose address is not there yet waits.
   */
  async bind(): Promise<void> {
    const errors = await this.#locals.start(this.#specs);
    const [first] = errors;
    if (first === undefined) {
      this.#watch.start();
      return;
    }
    await this.stop();
    if (errors.length === 1) throw first;
    throw new AggregateError(errors, errors.map(({ message }) => message).join('\n'));
  }

  /**
   * Follows a reload: new sockets are opened, those that are gone or changed take nothing new and end
   * a while later, certificates count for new connections. Returns why nothing could be changed.
   */
  async change(specs: readonly LocalSocketSpec[]): Promise<readonly string[]> {
    const errors = await this.#locals.change(specs);
    return errors.map(({ message }) => message);
  }

  /** Closes everything; the core hears nothing more. Ends when no file descriptor is left. */
  async stop(): Promise<void> {
    this.#context.lifetime.isOver = true;
    this.#watch.stop();
    this.#context.certificates.stop();
    this.#flows.destroy();
    this.#inquiries.destroy();
    await Promise.all([this.#locals.close(), this.#sockets.destroyAll()]);
  }

  open(request: OpenFlow, receive: Receive): void {
    const { target, localSocket } = request;
    const local = this.#locals.find(target.protocol, target.family, localSocket);
    if (local === undefined) {
      this.#refuse(receive, 'transport.noSocket', 'config', noSocketText(request));
      return;
    }
    // The way of nearly every probe: what was asked before needs no second look at its address.
    const known = local.isOpen ? local.udp?.knownFlow(target.address, target.port) : undefined;
    if (known !== undefined) {
      receive(success(known));
      return;
    }
    if (!isReachable(target)) {
      const text = `${target.address} port ${target.port} is no address to send to.`;
      this.#refuse(receive, 'transport.unreachable', 'peer', text);
      return;
    }
    if (!local.isOpen) {
      this.#refuse(receive, 'transport.local', 'local', waitingText(local.spec));
      return;
    }
    const { udp, contexts } = local;
    if (udp === undefined) {
      this.#openStream(request, local, contexts, receive);
      return;
    }
    const flow = udp.flowTo(target.address, target.port);
    if (flow !== undefined) {
      receive(success(flow));
      return;
    }
    this.#context.stranded.add(local.spec.name, target.address);
    this.#refuse(receive, 'transport.local', 'local', noWayText(target));
  }

  send(flow: Flow, wire: string): void {
    if (flow instanceof UdpFlow || flow instanceof StreamFlow) flow.write(wire);
    else throw new TypeError('This flow was not made by this transport.');
  }

  keepAlive(flow: Flow, plan: StreamKeepAlive): void {
    if (flow instanceof StreamFlow) flow.keepAlive(plan);
  }

  inquire(flow: Flow): void {
    if (flow instanceof UdpFlow) this.#inquiries.ask(flow);
    else if (flow instanceof StreamFlow) flow.inquire();
  }

  /** Ends all connections that we opened, and reports each: the other side may have forgotten them. */
  closeAll(reason: Fault): void {
    this.#flows.endAll(reason);
  }

  close(flow: Flow, reason: Fault): void {
    if (flow instanceof StreamFlow) flow.end(reason);
  }

  /** Is there a local socket of that protocol and address family? */
  serves(protocol: TransportProtocol, family: 4 | 6): boolean {
    return this.#locals.find(protocol, family) !== undefined;
  }

  reaches(address: string, family: 4 | 6): boolean {
    return this.#context.localAddresses.towards(address, family) !== undefined;
  }

  /** Where a UDP socket is bound, with the port that the kernel chose; undefined for other sockets. */
  boundAddress(localSocket: string): SocketAddress | undefined {
    return this.#locals.all.find(({ spec }) => spec.name === localSocket)?.udp?.bound;
  }

  /** The local sockets, in the order of the configuration, and whether each is open or waits. */
  localSockets(): readonly { readonly spec: LocalSocketSpec; readonly isOpen: boolean }[] {
    return this.#locals.all;
  }

  /** Of each open UDP socket: the receive buffer, and what the kernel dropped because that was full. */
  udpBuffers(): readonly UdpBuffer[] {
    const open = this.#locals.all.flatMap(({ spec, udp }) =>
      udp === undefined ? [] : { spec, udp },
    );
    const drops = udpDrops(open.map(({ spec, udp }) => ({ ...udp.bound, family: spec.family })));
    return open.map(({ spec, udp }, index) => ({
      localSocket: spec.name,
      octets: udp.receiveBufferOctets,
      drops: drops[index],
    }));
  }

  /** Our own certificates, and those that servers showed. */
  certificates(): readonly CertificateRow[] {
    return this.#context.certificates.rows();
  }

  stats(): NetStats {
    let udpPeers = 0;
    for (const { udp } of this.#locals.all) udpPeers += udp?.peerCount ?? 0;
    return {
      ...this.#context.counters,
      connectsInFlight: this.#flows.connectsInFlight,
      connectsWaiting: this.#flows.connectsWaiting,
      udpPeers,
    };
  }

  #openStream(
    { target, tls: policy, owner }: OpenFlow,
    { spec, key: socketKey }: LocalSocket,
    contexts: TlsContexts | undefined,
    receive: Receive,
  ): void {
    if (contexts === undefined) {
      this.#flows.find({ target, spec, socketKey, owner, tls: undefined }, receive);
      return;
    }
    assert(policy !== undefined, 'a TLS target comes with a policy');
    this.#flows.find({ target, spec, socketKey, owner, tls: { contexts, policy } }, receive);
  }

  #refuse(receive: Receive, code: FaultCode, blame: Blame, text: string): void {
    setImmediate(() => {
      if (!this.#context.lifetime.isOver) receive(failure(fault(code, blame, text)));
    });
  }

  /** Every few seconds: what comes back is used at once, what is gone is given up. */
  #looked({ appeared, vanished }: AddressChange): void {
    const { localAddresses } = this.#context;
    if (appeared.length + vanished.length > 0) {
      localAddresses.forget();
      this.#tellAddresses(appeared, vanished);
      for (const address of vanished) this.#flows.endThoseFrom(address);
      for (const local of this.#locals.all) {
        if (local.isOpen && appeared.includes(local.spec.address)) {
          this.#tellMoved(local, undefined);
        } else {
          this.#tellMoved(local, local.udp?.takeMoved());
        }
      }
    }
    for (const local of this.#locals.all) this.#rescue(local);
    void this.#locals.retry();
  }

  /** There is a way again to where there was none: whoever waits shall not wait longer. */
  #rescue(local: LocalSocket): void {
    const { localAddresses, stranded } = this.#context;
    const { address: own, family, name } = local.spec;
    if (!isUnspecified(own) && !this.#watch.has(own)) return;
    const isOnItsWay = (address: string) => localAddresses.towards(address, family) !== undefined;
    const found = stranded.takeReachable(name, isOnItsWay);
    if (found.length > 0) this.#tellMoved(local, new Set(found));
  }

  #tellMoved(local: LocalSocket, remotes: ReadonlySet<string> | undefined): void {
    if (remotes?.size === 0) return;
    const { name, protocol, family } = local.spec;
    const isDefault = this.#locals.isDefault(local);
    const change = { localSocket: name, protocol, family, isDefault, remotes };
    this.#context.user.localAddressChanged(change);
  }

  #tellAddresses(appeared: readonly string[], vanished: readonly string[]): void {
    const list = (word: string, addresses: readonly string[]): string =>
      addresses.length === 0
        ? ''
        : ` ${word} ${addresses.slice(0, MAX_TOLD_ADDRESSES).join(', ')}.`;
    const text = `The addresses of this machine changed.${list('New:', appeared)}${list('Gone:', vanished)}`;
    this.#context.notify({ kind: 'addresses.changed', localSocket: '', text });
  }
}

/** Names never get here, but answers of others do: Via and SRV can hold any port, and Node throws at some. */
function isReachable({ address, family, port }: Target): boolean {
  return isIP(address) === family && Number.isInteger(port) && port > 0 && port < 65_536;
}

function noWayText({ address }: Target): string {
  return `Our own machine knows no way to ${address} (no route, or no descriptor left).`;
}

function waitingText({ name, address }: LocalSocketSpec): string {
  return `The local socket ${name} waits for its address ${address}, which no interface of this machine has.`;
}

function noSocketText({ target, localSocket }: OpenFlow): string {
  const kind = `${target.protocol.toUpperCase()} over IPv${target.family}`;
  if (localSocket === undefined) return `No local socket for ${kind} is configured.`;
  return `The local socket ${localSocket} is not one for ${kind}.`;
}
