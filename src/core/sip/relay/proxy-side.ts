/**
 * Keeper of the way to the SIP proxy that takes the calls: its addresses (RFC 3263), which of them a call
 * goes to, and the flow. A stateless proxy has to choose the same one for every request of a call (RFC 3261
 * section 16.11), so the choice is made of the Call-ID, unless a Route says which one it is.
 */
import { type Fault, fault } from '../../base/fault.ts';
import { after, type Instant } from '../../base/instant.ts';
import { parseNameAddr } from '../header/name-addr.ts';
import type { Locator } from '../locate/ports.ts';
import { type Target, targetKey } from '../locate/target.ts';
import { parseUri } from '../message/uri.ts';
import type { Flow, TransportPort } from '../transport/ports.ts';
import type { RelaySpec } from './ports.ts';

/** Requests that wait for an address or a connection. */
const MAX_WAITING = 256;
/** A target to which no connection can be made is passed over for so long, while there are others. */
const AVOIDED_MS = 30_000;
const MAX_AVOIDED = 64;

export type FoundFlow =
  | { readonly kind: 'flow'; readonly flow: Flow }
  | { readonly kind: 'unreachable'; readonly target: string; readonly fault: Fault }
  | { readonly kind: 'waiting' };

export class ProxySide {
  readonly spec: RelaySpec;
  readonly #locator: Locator;
  readonly #transport: TransportPort;
  #targets: readonly Target[] = [];
  readonly #avoided = new Map<string, Instant>();
  #waiting = 0;

  constructor(spec: RelaySpec, locator: Locator, transport: TransportPort) {
    this.spec = spec;
    this.#locator = locator;
    this.#transport = transport;
    // The proxy may be the first to write, after a restart of ours.
    this.#locate();
  }

  /** Is that an address of the proxy? */
  isAt(address: string): boolean {
    const isKnown = () => this.#targets.some((target) => target.address === address);
    if (isKnown()) return true;
    this.#locate();
    return isKnown();
  }

  /** Finds the flow for a call; `receive` is called once, and at once where nothing has to be waited for. */
  find(
    callId: string,
    route: string | undefined,
    now: Instant,
    receive: (found: FoundFlow) => void,
  ): void {
    if (this.#waiting >= MAX_WAITING) {
      receive({ kind: 'waiting' });
      return;
    }
    this.#waiting += 1;
    const done = (found: FoundFlow): void => {
      this.#waiting -= 1;
      receive(found);
    };
    const { hop } = this.spec;
    this.#locator.locate(hop, (result) => {
      if (result.ok) {
        this.#targets = result.value;
        this.#open(this.#inOrder(callId, route, now), now, done);
      } else done({ kind: 'unreachable', target: hop.host, fault: result.fault });
    });
  }

  #locate(): void {
    this.#locator.locate(this.spec.hop, (result) => {
      if (result.ok) this.#targets = result.value;
    });
  }

  /** Nothing has been sent before a flow is open, so the next target may be tried. */
  #open(
    [target, ...others]: readonly Target[],
    now: Instant,
    done: (found: FoundFlow) => void,
  ): void {
    const { hop, localSocket, tls } = this.spec;
    if (target === undefined) {
      // No locator gives an empty list; if one did, its caller would wait for ever.
      done({ kind: 'unreachable', target: hop.host, fault: fault('dns.notFound', 'config') });
      return;
    }
    const policy = target.protocol === 'tls' ? tls : undefined;
    this.#transport.open({ target, localSocket, tls: policy }, (result) => {
      if (result.ok) {
        this.#avoided.delete(targetKey(target));
        done({ kind: 'flow', flow: result.value });
        return;
      }
      if (this.#avoided.size >= MAX_AVOIDED) this.#avoided.clear();
      this.#avoided.set(targetKey(target), after(now, AVOIDED_MS));
      if (others.length > 0) this.#open(others, now, done);
      else done({ kind: 'unreachable', target: targetKey(target), fault: result.fault });
    });
  }

  #inOrder(callId: string, route: string | undefined, now: Instant): readonly Target[] {
    const named = route === undefined ? undefined : this.#named(route);
    const isAvoided = (target: Target) => (this.#avoided.get(targetKey(target)) ?? now) > now;
    const free = this.#targets.filter((target) => !isAvoided(target));
    const usable = free.length > 0 ? free : this.#targets;
    const bestRank = usable[0]?.standing?.rank;
    const best = usable.filter(({ standing }) => standing?.rank === bestRank);
    const chosen = named ?? best[hashOf(callId) % Math.max(1, best.length)];
    const others = usable.filter((target) => target !== chosen);
    return chosen === undefined ? others : [chosen, ...others];
  }

  /** The Route is the proxy's own: which of its addresses does the dialog live at? */
  #named(route: string): Target | undefined {
    const uri = parseUri(parseNameAddr(route)?.uri ?? '');
    if (uri === undefined) return undefined;
    const port = uri.port ?? 5060;
    const here = this.#targets.filter(({ address }) => address === uri.host);
    return here.find((target) => target.port === port) ?? here[0];
  }
}

/** Spreads calls; of no use to who wants to foresee it, and no harm if he does. */
function hashOf(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at += 1)
    hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
  return hash >>> 0;
}
