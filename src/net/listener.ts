/**
 * The accepting side of a TCP or TLS socket with a fixed port. Everybody may knock, so connections are
 * few in all and fewer from one address, a handshake has its time limit, and running out of file
 * descriptors is an error that is counted, not the end: libuv closes what it cannot accept.
 */
import net, { type Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { after, elapsedMs, type Instant } from '../core/base/instant.ts';
import { Timer } from '../core/base/timer-queue.ts';
import type { LocalSocketSpec } from '../core/sip/transport/ports.ts';
import { BindError } from './bind-error.ts';
import { isLoopback } from './local-address.ts';
import type { NetContext } from './net-context.ts';
import { errorCode } from './socket-fault.ts';
import type { SocketSet } from './socket-set.ts';
import { StreamFlow, streamFlowSpec } from './stream-flow.ts';

const TELL_AGAIN_AFTER_MS = 60_000;

export class Listener {
  readonly #context: NetContext;
  readonly #sockets: SocketSet;
  readonly #server: net.Server;
  readonly #flows = new Set<StreamFlow>();
  readonly #perAddress = new Map<string, number>();
  #closed: Promise<void> | undefined;
  #spec: LocalSocketSpec;
  #secureContext: SecureContext | undefined;
  #toldAt: Instant | undefined;

  constructor(
    spec: LocalSocketSpec,
    context: NetContext,
    sockets: SocketSet,
    /** With one, connections are TLS. */
    secureContext: SecureContext | undefined,
  ) {
    this.#spec = spec;
    this.#context = context;
    this.#sockets = sockets;
    this.#secureContext = secureContext;
    this.#server = net.createServer({ noDelay: true, keepAlive: true });
    this.#server.maxConnections = context.limits.accepted;
  }

  listen(): Promise<void> {
    const server = this.#server;
    const { address: host, port, family } = this.#spec;
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(new BindError(this.#spec, error));
      server.once('error', fail);
      server.listen({ host, port, ipv6Only: family === 6, exclusive: true }, () => {
        server.off('error', fail);
        this.#serve();
        resolve();
      });
    });
  }

  /** Another spec and other certificates, for connections that are accepted from now on. */
  respec(spec: LocalSocketSpec, secureContext: SecureContext | undefined): void {
    this.#spec = spec;
    this.#secureContext = secureContext;
  }

  /** Lets go of the port; what was accepted lives on. */
  stopAccepting(): void {
    this.#closed ??= new Promise((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
    });
  }

  /** Stops accepting and destroys what was accepted, without a word to the core. */
  async close(): Promise<void> {
    this.stopAccepting();
    for (const flow of this.#flows) flow.destroy();
    await this.#closed;
  }

  #serve(): void {
    this.#server.on('connection', (socket) => this.#accept(socket));
    this.#server.on('drop', () => this.#refused('the limit of connections in all'));
    this.#server.on('error', (error) => {
      this.#context.counters.socketErrors += 1;
      this.#tell('socket.error', `reported ${errorCode(error)} while accepting a connection`);
    });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const address = socket.remoteAddress;
    // Until a flow takes over, and for a peer that has gone already.
    socket.on('error', () => socket.destroy());
    if (address === undefined) {
      socket.destroy();
      return;
    }
    const count = (this.#perAddress.get(address) ?? 0) + 1;
    const { acceptedPerAddress, acceptedPerLoopback } = this.#context.limits;
    if (count > (isLoopback(address) ? acceptedPerLoopback : acceptedPerAddress)) {
      socket.destroy();
      this.#refused(`the limit of connections from ${address}`);
      return;
    }
    this.#perAddress.set(address, count);
    socket.once('close', () => this.#forget(address));
    this.#context.counters.accepted += 1;
    if (this.#secureContext === undefined) this.#adopt(socket);
    else this.#secure(socket, this.#secureContext);
  }

  #secure(raw: Socket, secureContext: SecureContext): void {
    const socket = new TLSSocket(raw, { isServer: true, secureContext });
    const { clock, limits, timers } = this.#context;
    const limit = new Timer(() => socket.destroy());
    timers.arm(limit, after(clock.now(), limits.tlsHandshakeMs));
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      timers.disarm(limit);
      raw.destroy();
    });
    socket.once('secure', () => {
      timers.disarm(limit);
      this.#adopt(socket);
    });
  }

  #adopt(socket: Socket): void {
    const spec = streamFlowSpec(this.#spec, socket, false);
    const flow = new StreamFlow(this.#context, socket, spec, (broken) =>
      this.#flows.delete(broken),
    );
    this.#flows.add(flow);
  }

  #forget(address: string): void {
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }

  #refused(limit: string): void {
    this.#context.counters.acceptsRefused += 1;
    this.#tell('listener.refused', `refused a connection: ${limit} is reached`);
  }

  /** Not more often than once a minute: whoever floods us must not flood the log. */
  #tell(kind: 'socket.error' | 'listener.refused', what: string): void {
    const now = this.#context.clock.now();
    if (this.#toldAt !== undefined && elapsedMs(this.#toldAt, now) < TELL_AGAIN_AFTER_MS) return;
    this.#toldAt = now;
    const localSocket = this.#spec.name;
    this.#context.notify({ kind, localSocket, text: `Local socket ${localSocket} ${what}.` });
  }
}

/** Fails where a stream socket that only connects could not leave from its address. */
export function checkLocalAddress(spec: LocalSocketSpec): Promise<void> {
  const server = net.createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new BindError(spec, error)));
    server.listen({ host: spec.address, port: 0, exclusive: true }, () => {
      server.close(() => resolve());
    });
  });
}
