/**
 * Which bindings were made over which connection (TCP, TLS). When a connection is lost, the registrar
 * may have restarted, and calls no longer find the way back over it: what was bound over it is bound
 * again over a new one, spread over a few seconds. The binding counts as held until then.
 *
 * A server that closes every connection soon must not be asked for ever: from the second short-lived
 * one on, the pause doubles from 30 s (RFC 5626 section 4.5); the planned refresh remains the limit.
 *
 * UDP has nothing to lose, and costs nothing here.
 *
 * Behind a proxy of ours the connection is the proxy's, to one target: the gate of that target stands for
 * it, and the proxy tells when it is closed. Our own connection to the proxy carries no binding.
 */
import type { Fault } from '../base/fault.ts';
import { after, elapsedMs, type Instant } from '../base/instant.ts';
import { between, type Random } from '../base/random.ts';
import type { Flow } from '../sip/transport/ports.ts';
import { retryWithoutBindingMs } from './backoff.ts';
import type { Carrier, Entry } from './entry.ts';
import { TargetGate } from './target-gate.ts';

const SPREAD_MS = 5_000;
/** A connection that lived longer was no failure of the server to keep it. RFC 5626 section 4.5. */
const SETTLED_MS = 120_000;

interface BoundFlow {
  readonly entries: Set<Entry>;
  /** When the first binding was made over it. */
  readonly since: Instant;
}

export class BoundFlows {
  readonly #flows = new Map<Carrier, BoundFlow>();

  /** Connections that carry a binding. */
  get size(): number {
    return this.#flows.size;
  }

  bound(entry: Entry, flow: Flow, now: Instant): void {
    const carrier = carrierOf(entry, flow);
    if (carrier !== undefined && entry.flow === carrier) return;
    this.leave(entry);
    if (carrier === undefined) return;
    entry.flow = carrier;
    // Its gate is kept as long as it carries a binding, wherever the next try goes.
    if (carrier instanceof TargetGate) carrier.users += 1;
    const known = this.#flows.get(carrier);
    if (known === undefined) this.#flows.set(carrier, { entries: new Set([entry]), since: now });
    else known.entries.add(entry);
  }

  /** It is no longer kept, or bound over another flow. */
  leave(entry: Entry): void {
    const { flow } = entry;
    if (flow === undefined) return;
    entry.flow = undefined;
    if (flow instanceof TargetGate) flow.users -= 1;
    const bound = this.#flows.get(flow);
    bound?.entries.delete(entry);
    if (bound?.entries.size === 0) this.#flows.delete(flow);
  }

  /** Those that were bound over it, and `again`: a moment for each of them. */
  lost(
    flow: Carrier,
    reason: Fault,
    now: Instant,
    random: Random,
  ): { readonly entries: readonly Entry[]; readonly again: () => Instant } {
    const bound = this.#flows.get(flow);
    const entries = [...(bound?.entries ?? [])];
    this.#flows.delete(flow);
    for (const entry of entries) entry.flow = undefined;
    if (flow instanceof TargetGate) flow.users -= entries.length;
    const gate = entries[0]?.gate;
    const isTheirs = reason.blame !== 'local';
    const isShort = isTheirs && bound !== undefined && elapsedMs(bound.since, now) < SETTLED_MS;
    const inRow = isShort && gate !== undefined ? gate.flowsLost + 1 : 1;
    if (gate !== undefined && isTheirs) gate.flowsLost = inRow;
    // Behind a proxy all wait for their turns at once, so that who runs out first goes first.
    const spreadMs = flow instanceof TargetGate ? 0 : SPREAD_MS;
    const again = () => {
      const pauseMs = inRow === 1 ? 0 : retryWithoutBindingMs(inRow - 1, random);
      return Math.ceil(after(now, pauseMs + between(random, 0, spreadMs))) as Instant;
    };
    return { entries, again };
  }
}

function carrierOf({ gate }: Entry, flow: Flow): Carrier | undefined {
  if (gate?.target.via !== undefined) return gate.target.protocol === 'udp' ? undefined : gate;
  return flow.protocol === 'udp' ? undefined : flow;
}
