/**
 * The UDP flows of one socket by remote address. Bounded without bookkeeping on every datagram: two
 * generations; who is met again moves to the young one, and when that is half of the limit the old one is
 * forgotten. A forgotten flow stays valid for whoever holds it, it is only not found again.
 */
import type { UdpFlow } from './udp.ts';

export class UdpFlows {
  readonly #half: number;
  #young = new Map<string, UdpFlow>();
  #old = new Map<string, UdpFlow>();
  #last: UdpFlow | undefined;
  /** The port of the first peer, and so most likely of nearly all: those are found without a key made anew. */
  #usualPort: number | undefined;

  constructor(limit: number) {
    this.#half = Math.max(1, limit >> 1);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  find(address: string, port: number): UdpFlow | undefined {
    const last = this.#last;
    if (last !== undefined && last.remote.port === port && last.remote.address === address)
      return last;
    const key = this.#keyOf(address, port);
    let flow = this.#young.get(key);
    if (flow === undefined) {
      flow = this.#old.get(key);
      if (flow === undefined) return undefined;
      this.#old.delete(key);
      this.#keep(key, flow);
    }
    this.#last = flow;
    return flow;
  }

  /** Remembers a flow; one to the same remote address is forgotten. */
  add(flow: UdpFlow): void {
    this.#last = flow;
    const { address, port } = flow.remote;
    this.#usualPort ??= port;
    const key = this.#keyOf(address, port);
    this.#old.delete(key);
    this.#keep(key, flow);
  }

  *all(): Generator<UdpFlow> {
    yield* this.#young.values();
    yield* this.#old.values();
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#last = undefined;
  }

  #keyOf(address: string, port: number): string {
    return port === this.#usualPort ? address : `${address} ${port}`;
  }

  #keep(key: string, flow: UdpFlow): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, flow);
  }
}
