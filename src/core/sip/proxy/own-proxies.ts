/**
 * Keeper of all SIP proxies of ours (`proxies` of the configuration), and the book that observers read.
 * Whoever sends through one asks here whether it lives; who holds something behind one is told when that
 * changes.
 */
import type { Publish } from '../../base/event-hub.ts';
import { after } from '../../base/instant.ts';
import { Timer } from '../../base/timer-queue.ts';
import { hopKey } from '../locate/target.ts';
import type { Flow } from '../transport/ports.ts';
import { tlsPolicyKey } from '../transport/tls-policy.ts';
import type { ProxyBook, ProxyEvent, ProxySnapshot } from './events.ts';
import { type LinkPorts, ProxyLink } from './link.ts';
import type { ProxyMachineState } from './machine.ts';
import type { OwnProxy, ProxySpec } from './ports.ts';

/** As long as a removal may wait for its turn, in the usual case. */
const LEAVE_MS = 60_000;

export interface OwnProxiesPorts extends Omit<LinkPorts, 'changed'> {
  readonly publish: Publish<ProxyEvent>;
  /** It began to answer or fell silent; `isRestarted`: its connections to others are gone. */
  readonly changed: (name: string, isRestarted: boolean) => void;
}

export class OwnProxies implements ProxyBook {
  readonly #links = new Map<string, ProxyLink>();
  readonly #ports: OwnProxiesPorts;
  readonly #linkPorts: LinkPorts;
  /** No longer configured, and kept for a while: bindings are removed through them. */
  readonly #leaving = new Map<string, Timer>();

  constructor(ports: OwnProxiesPorts) {
    this.#ports = ports;
    this.#linkPorts = {
      ...ports,
      changed: (link, before, isRestarted) => this.#changed(link, before, isRestarted),
    };
  }

  /** Makes the proxies those of `specs`; one that stays keeps its state. */
  apply(specs: readonly ProxySpec[]): void {
    const wanted = new Map(specs.map((spec) => [spec.name, spec]));
    for (const name of this.#links.keys()) if (!wanted.has(name)) this.#leave(name);
    for (const [name, spec] of wanted) {
      this.#stay(name);
      const link = this.#links.get(name);
      if (link === undefined) this.#links.set(name, new ProxyLink(spec, this.#linkPorts));
      else if (!isSameWay(link.spec, spec)) link.change(spec);
      else link.spec = spec;
    }
  }

  named(name: string): OwnProxy | undefined {
    return this.#links.get(name);
  }

  /** False when there is no such proxy. */
  probeNow(name: string): boolean {
    const link = this.#links.get(name);
    link?.probeNow();
    return link !== undefined;
  }

  /** A connection is gone: perhaps one of ours to a proxy. */
  flowFailed(flow: Flow): void {
    // One that was made for somebody alone carries nothing for the proxy.
    if (flow.protocol === 'udp' || flow.isOwned === true) return;
    for (const link of this.#links.values()) {
      const { target } = link;
      const isIt =
        target !== undefined &&
        target.protocol === flow.protocol &&
        target.port === flow.remote.port &&
        target.address === flow.remote.address;
      if (isIt) link.unreachable();
    }
  }

  stop(): void {
    for (const name of this.#leaving.keys()) this.#stay(name);
    for (const link of this.#links.values()) link.stop();
  }

  names(): Iterable<string> {
    return this.#links.keys();
  }

  snapshot(name: string): ProxySnapshot | undefined {
    return this.#links.get(name)?.snapshot();
  }

  #leave(name: string): void {
    if (this.#leaving.has(name)) return;
    const timer = new Timer(() => {
      this.#links.get(name)?.stop();
      this.#links.delete(name);
      this.#leaving.delete(name);
    });
    this.#leaving.set(name, timer);
    this.#ports.timers.arm(timer, after(this.#ports.clock.now(), LEAVE_MS));
  }

  #stay(name: string): void {
    const timer = this.#leaving.get(name);
    if (timer === undefined) return;
    this.#leaving.delete(name);
    this.#ports.timers.disarm(timer);
  }

  #changed(link: ProxyLink, before: ProxyMachineState, isRestarted: boolean): void {
    const { name } = link.spec;
    this.#ports.publish({
      type: 'proxy.changed',
      at: this.#ports.clock.now(),
      proxy: name,
      from: before.name,
      state: link.state.name,
      isRestarted,
      cause: link.cause(),
    });
    this.#ports.changed(name, isRestarted);
  }
}

function isSameWay(a: ProxySpec, b: ProxySpec): boolean {
  return (
    hopKey(a.hop) === hopKey(b.hop) &&
    a.localSocket === b.localSocket &&
    tlsPolicyKey(a.tls) === tlsPolicyKey(b.tls)
  );
}
