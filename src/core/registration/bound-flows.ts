/**
 * Which bindings were made over which flow. For connections every registration is in a set: each of them may
 * be lost by itself at any time. A UDP flow carries up to all registrations there are and is seldom lost, so
 * that it only counts them, and whoever wants them walks over all.
 *
 * Behind a proxy of ours the connection is the proxy's, to one target: the gate of that target stands for
 * it, and the proxy tells when it is closed. Our own connection to the proxy carries no binding.
 */
import type { Instant } from '../base/instant.ts';
import type { Timer } from '../base/timer-queue.ts';
import type { KeptAlive } from '../sip/keep-alive/ports.ts';
import type { Carrier, Entry } from './entry.ts';
import type { LearnedAddress } from './learned-address.ts';
import { TargetGate } from './target-gate.ts';

/** What is known of a flow while something is bound over it. */
export interface BoundFlow {
  readonly flow: Carrier;
  /** When the first binding was made over it. */
  readonly since: Instant;
  /** Undefined for UDP. */
  readonly entries: Set<Entry> | undefined;
  count: number;
  /** Our address as answers to our digest say it. */
  learned: LearnedAddress | undefined;
  /** The same as any 2xx says it, for people and for the decision to keep a NAT open. */
  seen: string | undefined;
  /** The same as STUN says it, once it has changed. */
  mapped: LearnedAddress | undefined;
  /** Another address than the followed one was found out, and which one it is to us the next answer tells. */
  isRelearned: boolean;
  /** What is done to keep it alive. */
  kept: KeptAlive | undefined;
  /** Looks again at a change that came too soon; made when it is needed. */
  timer: Timer | undefined;
}

export class BoundFlows {
  readonly #flows = new Map<Carrier, BoundFlow>();

  /** Flows that carry a binding. */
  get size(): number {
    return this.#flows.size;
  }

  of(flow: Carrier): BoundFlow | undefined {
    return this.#flows.get(flow);
  }

  /** `left` is called when nothing is bound any more over the flow that it had before. */
  bound(entry: Entry, flow: Carrier, now: Instant, left: (flow: BoundFlow) => void): BoundFlow {
    const { way } = entry;
    if (way !== undefined && way.flow === flow) return way;
    this.leave(entry, left);
    const known = this.#flows.get(flow);
    const bound = known ?? newFlow(flow, now);
    entry.way = bound;
    if (known === undefined) this.#flows.set(flow, bound);
    bound.count += 1;
    // A gate is kept as long as it carries a binding, wherever the next try goes.
    if (flow instanceof TargetGate) flow.users += 1;
    bound.entries?.add(entry);
    return bound;
  }

  /** It is no longer kept, or bound over another flow. */
  leave(entry: Entry, left: (flow: BoundFlow) => void): void {
    const bound = entry.way;
    entry.way = undefined;
    if (bound === undefined) return;
    bound.count -= 1;
    if (bound.flow instanceof TargetGate) bound.flow.users -= 1;
    bound.entries?.delete(entry);
    if (bound.count > 0) return;
    this.#flows.delete(bound.flow);
    left(bound);
  }

  /** A connection is gone: it is forgotten, with those that were bound over it. */
  drop(flow: Carrier): BoundFlow | undefined {
    const bound = this.#flows.get(flow);
    this.#flows.delete(flow);
    for (const entry of bound?.entries ?? []) entry.way = undefined;
    if (flow instanceof TargetGate) flow.users -= bound?.entries?.size ?? 0;
    return bound;
  }
}

/** Our address as the other side sees it, by our digest or by any 2xx; undefined: it does not say. */
export function seenOver(bound: BoundFlow | undefined): string | undefined {
  return bound?.learned?.seen ?? bound?.seen;
}

function newFlow(flow: Carrier, since: Instant): BoundFlow {
  const isCounted = !(flow instanceof TargetGate) && flow.protocol === 'udp';
  return {
    flow,
    since,
    entries: isCounted ? undefined : new Set(),
    count: 0,
    learned: undefined,
    seen: undefined,
    mapped: undefined,
    isRelearned: false,
    kept: undefined,
    timer: undefined,
  };
}
