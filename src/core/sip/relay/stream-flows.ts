/**
 * The connections over which requests passed, so that responses and later requests find them by name. One
 * that is gone is stood in for by the connection over which its registration is bound now: for a request that
 * may be one to another server of the provider, which knows the way from there (RFC 5626 section 5.3); a
 * response has to reach the very host that asked (RFC 3261 section 18.2.2).
 */
import { putNewest } from '../../base/bounded-map.ts';
import type { Flow } from '../transport/ports.ts';
import type { FlowRef } from './flow-token.ts';
import type { CallerBook } from './ports.ts';

/** The oldest are forgotten; the flows of registrations are found all the same. */
const MAX_FLOWS = 4096;

export class StreamFlows {
  readonly #callers: CallerBook;
  readonly #flows = new Map<string, Flow>();

  constructor(callers: CallerBook) {
    this.#callers = callers;
  }

  remember(flow: Flow): void {
    if (flow.protocol === 'udp') return;
    const key = keyOf(flow.localSocket, flow.remote.address, flow.remote.port);
    if (this.#flows.get(key) === flow) return;
    putNewest(this.#flows, key, flow, MAX_FLOWS);
  }

  forget(flow: Flow): void {
    if (flow.protocol === 'udp') return;
    const key = keyOf(flow.localSocket, flow.remote.address, flow.remote.port);
    if (this.#flows.get(key) === flow) this.#flows.delete(key);
  }

  find(
    { localSocket, address, port, registration }: FlowRef,
    isForResponse: boolean,
  ): Flow | undefined {
    const known = this.#flows.get(keyOf(localSocket, address, port));
    if (known?.isOpen === true) return known;
    const bound = registration === '' ? undefined : this.#callers.flowOf(registration);
    if (bound?.isOpen !== true) return undefined;
    return isForResponse && bound.remote.address !== address ? undefined : bound;
  }
}

function keyOf(localSocket: string, address: string, port: number): string {
  return `${localSocket} ${address} ${port}`;
}
