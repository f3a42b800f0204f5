/**
 * One local socket of the configuration with what serves it: a bound UDP socket, a listener, or nothing
 * but an address to leave from. It waits while no interface of this machine has its address.
 *
 *   waiting --open--> open --retire--> retiring (what is under way may end) --close--> closed
 */
import type { SecureContext } from 'node:tls';
import type { LocalSocketSpec } from '../core/sip/transport/ports.ts';
import { BindError, reasonOf } from './bind-error.ts';
import { checkLocalAddress, Listener } from './listener.ts';
import type { NetContext } from './net-context.ts';
import type { SocketSet } from './socket-set.ts';
import { TlsContexts } from './tls.ts';
import { UdpSocket } from './udp.ts';

/** What a TLS socket proves itself with, and whom it trusts; read and found good. */
interface TlsMaterial {
  readonly contexts: TlsContexts;
  readonly server: SecureContext | undefined;
}

export class LocalSocket {
  static #serial = 0;
  readonly #context: NetContext;
  readonly #sockets: SocketSet;
  #spec: LocalSocketSpec;
  #key: string;
  #material: TlsMaterial | undefined;
  #udp: UdpSocket | undefined;
  #listener: Listener | undefined;
  #isOpen = false;

  /** Throws a BindError where its certificates cannot be used. */
  constructor(spec: LocalSocketSpec, context: NetContext, sockets: SocketSet) {
    this.#spec = spec;
    this.#context = context;
    this.#sockets = sockets;
    this.#material = loadTls(spec, context);
    this.#key = LocalSocket.#nextKey(spec);
  }

  get spec(): LocalSocketSpec {
    return this.#spec;
  }

  /** Changes with everything that a connection must not survive unnoticed: place, name, certificates. */
  get key(): string {
    return this.#key;
  }

  /** False while it waits for its address. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Undefined for streams, and while it waits. */
  get udp(): UdpSocket | undefined {
    return this.#udp;
  }

  /** For TLS only. */
  get contexts(): TlsContexts | undefined {
    return this.#material?.contexts;
  }

  /** Rejects with a BindError, and can be tried again then. */
  async open(): Promise<void> {
    const spec = this.#spec;
    if (spec.protocol === 'udp') {
      const udp = new UdpSocket(spec, this.#context);
      await this.#attempt(udp, () => udp.bind());
      this.#udp = udp;
    } else if (spec.port === 0) {
      await checkLocalAddress(spec);
    } else {
      const server = this.#material?.server;
      const listener = new Listener(spec, this.#context, this.#sockets, server);
      await this.#attempt(listener, () => listener.listen());
      this.#listener = listener;
    }
    this.#isOpen = true;
  }

  /** Another spec for the same place: what it advertises, and its certificates. Checks before it changes. */
  prepareSpec(spec: LocalSocketSpec): () => void {
    const isSameMaterial = isSameTls(spec.tls, this.#spec.tls);
    const material = isSameMaterial ? this.#material : loadTls(spec, this.#context);
    return () => {
      this.#spec = spec;
      this.#material = material;
      this.#key = LocalSocket.#nextKey(spec);
      this.#udp?.respec(spec);
      this.#listener?.respec(spec, material?.server);
    };
  }

  /** Takes nothing new; answers to what is under way still come and go. */
  retire(): void {
    this.#listener?.stopAccepting();
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    await Promise.all([this.#udp?.close(), this.#listener?.close()]);
  }

  static #nextKey({ name }: LocalSocketSpec): string {
    LocalSocket.#serial += 1;
    return `${name}#${LocalSocket.#serial}`;
  }

  async #attempt(part: { close(): Promise<void> }, open: () => Promise<void>): Promise<void> {
    try {
      await open();
    } catch (error) {
      await part.close();
      throw error;
    }
  }
}

/** Is it bound to the same address and port? */
export function isSamePlace(a: LocalSocketSpec, b: LocalSocketSpec): boolean {
  return (
    a.protocol === b.protocol &&
    a.address === b.address &&
    a.port === b.port &&
    a.family === b.family
  );
}

export function isSameSpec(a: LocalSocketSpec, b: LocalSocketSpec): boolean {
  return isSamePlace(a, b) && a.advertise === b.advertise && isSameTls(a.tls, b.tls);
}

function isSameTls(a: LocalSocketSpec['tls'], b: LocalSocketSpec['tls']): boolean {
  return (
    a?.ca === b?.ca && a?.crl === b?.crl && a?.certificate === b?.certificate && a?.key === b?.key
  );
}

/** Why its certificates, key or authorities cannot be used; undefined when they can, or are not there yet. */
export function whyUnusable(spec: LocalSocketSpec): string | undefined {
  try {
    new TlsContexts(spec, () => {}).client('TLSv1.2');
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Reads what the socket is configured with, so that a bad file is told at start and not by a call. */
function loadTls(spec: LocalSocketSpec, { notify }: NetContext): TlsMaterial | undefined {
  if (spec.protocol !== 'tls') return undefined;
  const contexts = new TlsContexts(spec, notify);
  try {
    contexts.client('TLSv1.2');
    return { contexts, server: spec.port === 0 ? undefined : contexts.server() };
  } catch (error) {
    throw new BindError(spec, error instanceof Error ? error : new Error(String(error)));
  }
}
