/**
 * One outgoing connection in the making, with a time limit and a fault of its own for each part.
 *
 *   waiting --(its turn)--> connecting --(established)--> [handshaking --(server checked)-->] done
 *      \___________________________ any error or time-out __________________________________/
 */
import net, { type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Fault, failure, fault, type Result, success } from '../core/base/fault.ts';
import { after } from '../core/base/instant.ts';
import { Timer } from '../core/base/timer-queue.ts';
import type { Target } from '../core/sip/locate/target.ts';
import type { LocalSocketSpec, TlsPolicy } from '../core/sip/transport/ports.ts';
import type { ConnectGate } from './connect-gate.ts';
import { isUnspecified } from './local-address.ts';
import type { NetContext } from './net-context.ts';
import { hostPort } from './sent-by.ts';
import { type Phase, streamFault } from './socket-fault.ts';
import type { SocketSet } from './socket-set.ts';
import { meansNoWay } from './stranded.ts';
import { serverFault, startClientTls, type TlsContexts } from './tls.ts';

const OS_KEEP_ALIVE_MS = 30_000;

export interface DialRequest {
  readonly target: Target;
  readonly spec: LocalSocketSpec;
  /** Of the local socket: another after a reload that changed it. */
  readonly socketKey: string;
  /** Not to be shared with others; undefined: all without one share it. */
  readonly owner: string | undefined;
  /** With a policy the connection becomes TLS. */
  readonly tls: { readonly contexts: TlsContexts; readonly policy: TlsPolicy } | undefined;
}

export class Dial {
  readonly #request: DialRequest;
  readonly #context: NetContext;
  readonly #gate: ConnectGate;
  readonly #sockets: SocketSet;
  readonly #done: (result: Result<Socket>) => void;
  readonly #limit = new Timer(() => this.#timedOut());
  #phase: Phase | 'waiting' | 'done' = 'waiting';
  #socket: Socket | undefined;

  constructor(
    request: DialRequest,
    parts: {
      readonly context: NetContext;
      readonly gate: ConnectGate;
      readonly sockets: SocketSet;
      /** Called once, later. */
      readonly done: (result: Result<Socket>) => void;
    },
  ) {
    this.#request = request;
    this.#context = parts.context;
    this.#gate = parts.gate;
    this.#sockets = parts.sockets;
    this.#done = parts.done;
  }

  start(): void {
    this.#arm(this.#context.limits.connectTurnMs);
    this.#gate.enter(this.#targetName, this);
  }

  /** The transport stops: no word to anybody. */
  cancel(): void {
    this.#leave();
    this.#socket?.destroy();
  }

  /** For the gate only: its turn has come. */
  proceed(): void {
    const { spec, target } = this.#request;
    this.#phase = 'connect';
    this.#context.counters.connectsStarted += 1;
    this.#arm(this.#context.limits.connectMs);
    const socket = net.connect({
      host: target.address,
      port: target.port,
      family: target.family,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: OS_KEEP_ALIVE_MS,
      ...(isUnspecified(spec.address) ? {} : { localAddress: spec.address }),
    });
    this.#watch(socket);
    socket.once('connect', () => this.#connected(socket));
  }

  #connected(socket: Socket): void {
    if (this.#phase !== 'connect') return;
    // A refused port in the ephemeral range can end with our own socket talking to itself.
    if (socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress) {
      this.#fail(fault('transport.refused', 'peer'));
      return;
    }
    const { tls } = this.#request;
    if (tls === undefined) {
      this.#succeed(socket);
      return;
    }
    this.#phase = 'handshake';
    this.#arm(this.#context.limits.tlsHandshakeMs);
    const secure = startClientTls(socket, tls.contexts.client(tls.policy.minVersion), tls.policy);
    this.#watch(secure);
    let staple: Buffer | undefined;
    secure.once('OCSPResponse', (response: Buffer | null) => {
      staple = response ?? undefined;
    });
    secure.once('secureConnect', () => this.#secured(secure, tls.policy, staple));
  }

  #secured(socket: TLSSocket, policy: TlsPolicy, staple: Buffer | undefined): void {
    if (this.#phase !== 'handshake') return;
    // Node gives it once only.
    const certificate = socket.getPeerX509Certificate();
    const flaw = serverFault(socket, certificate, policy, staple);
    if (flaw !== undefined && policy.verify === 'strict') {
      this.#fail(flaw);
      return;
    }
    const localSocket = this.#request.spec.name;
    if (flaw !== undefined) {
      const text = `${flaw.text} (${this.#targetName}, accepted because of verify: warn)`;
      this.#context.notify({ kind: 'tls.unverified', localSocket, text });
    }
    const { address, port } = this.#request.target;
    const name = `${policy.identity} at ${hostPort({ address, port })}`;
    if (certificate !== undefined) {
      this.#context.certificates.sawPeer(name, localSocket, certificate);
    }
    this.#succeed(socket);
  }

  #watch(socket: Socket): void {
    this.#socket = socket;
    this.#sockets.add(socket);
    socket.on('error', (error) => {
      const phase = this.#phase;
      const { spec, target } = this.#request;
      if (meansNoWay(error)) this.#context.stranded.add(spec.name, target.address);
      if (phase === 'connect' || phase === 'handshake') this.#fail(streamFault(error, phase));
    });
    socket.on('close', () => {
      if (this.#phase === 'handshake')
        this.#fail(fault('tls.handshake', 'peer', 'The other side closed during the handshake.'));
      else if (this.#phase === 'connect') this.#fail(fault('transport.closed', 'peer'));
    });
  }

  #timedOut(): void {
    if (this.#phase === 'waiting')
      this.#fail(fault('timeout.connect', 'local', 'Too many other connects were under way.'));
    else if (this.#phase === 'connect') this.#fail(fault('timeout.connect', 'peer'));
    else this.#fail(fault('timeout.tlsHandshake', 'peer'));
  }

  #succeed(socket: Socket): void {
    this.#leave();
    this.#done(success(socket));
  }

  #fail(reason: Fault): void {
    this.#context.counters.connectsFailed += 1;
    this.#leave();
    this.#socket?.destroy();
    this.#done(failure(reason));
  }

  #leave(): void {
    this.#phase = 'done';
    this.#context.timers.disarm(this.#limit);
    this.#gate.leave(this.#targetName, this);
  }

  #arm(ms: number): void {
    this.#context.timers.arm(this.#limit, after(this.#context.clock.now(), ms));
  }

  get #targetName(): string {
    return `${this.#request.target.address} ${this.#request.target.port}`;
  }
}
