/**
 * Outgoing connections, shared. Two requests use one connection only where local socket, target and, for
 * TLS, the whole policy are the same: a connection that was checked for one identity must never carry
 * requests meant for another (CVE-2020-15260 was that). Connections that others opened are not found
 * here: answers go back on them, requests of ours do not.
 */
import type { Socket } from 'node:net';
import { failure, fault, type Result, success } from '../core/base/fault.ts';
import { targetKey } from '../core/sip/locate/target.ts';
import type { Flow } from '../core/sip/transport/ports.ts';
import { ConnectGate } from './connect-gate.ts';
import { Dial, type DialRequest } from './dial.ts';
import type { NetContext } from './net-context.ts';
import type { SocketSet } from './socket-set.ts';
import { StreamFlow, streamFlowSpec } from './stream-flow.ts';

type Receive = (result: Result<Flow>) => void;

export class FlowTable {
  readonly #context: NetContext;
  readonly #sockets: SocketSet;
  readonly #gate: ConnectGate;
  /** The one to use for each key. */
  readonly #open = new Map<string, StreamFlow>();
  /** All, with those that only wait for their last octets to leave. */
  readonly #flows = new Set<StreamFlow>();
  readonly #pending = new Map<string, { readonly dial: Dial; readonly waiting: Receive[] }>();

  constructor(context: NetContext, sockets: SocketSet) {
    this.#context = context;
    this.#sockets = sockets;
    this.#gate = new ConnectGate(context.limits);
  }

  get connectsInFlight(): number {
    return this.#gate.inFlight;
  }

  get connectsWaiting(): number {
    return this.#gate.waiting;
  }

  /** Reports an open connection before it returns, a new one or its failure later. */
  find(request: DialRequest, receive: Receive): void {
    const key = flowKey(request);
    const flow = this.#open.get(key);
    if (flow?.isOpen === true) {
      receive(success(flow));
      return;
    }
    const pending = this.#pending.get(key);
    const { waiting } = this.#context.limits;
    const ahead = pending?.waiting.length ?? this.#gate.waiting;
    if (ahead >= waiting) {
      const text = 'Too many requests wait for a connection already.';
      setImmediate(() => receive(failure(fault('transport.local', 'local', text))));
    } else if (pending !== undefined) {
      pending.waiting.push(receive);
    } else {
      this.#dial(key, request, receive);
    }
  }

  /** The transport stops: connections end, nobody is told. */
  destroy(): void {
    for (const { dial } of this.#pending.values()) dial.cancel();
    this.#pending.clear();
    for (const flow of this.#flows) flow.destroy();
  }

  #dial(key: string, request: DialRequest, receive: Receive): void {
    const dial = new Dial(request, {
      context: this.#context,
      gate: this.#gate,
      sockets: this.#sockets,
      done: (result) => this.#dialed(key, request, result),
    });
    this.#pending.set(key, { dial, waiting: [receive] });
    dial.start();
  }

  #dialed(key: string, request: DialRequest, result: Result<Socket>): void {
    const waiting = this.#pending.get(key)?.waiting ?? [];
    this.#pending.delete(key);
    const answer = result.ok ? success(this.#adopt(key, request, result.value)) : result;
    for (const receive of waiting) receive(answer);
  }

  #adopt(key: string, { spec }: DialRequest, socket: Socket): Flow {
    const flow = new StreamFlow(this.#context, socket, streamFlowSpec(spec, socket, true), () => {
      this.#flows.delete(flow);
      if (this.#open.get(key) === flow) this.#open.delete(key);
    });
    this.#flows.add(flow);
    this.#open.set(key, flow);
    return flow;
  }
}

function flowKey({ spec, target, tls }: DialRequest): string {
  const way = `${spec.name} ${targetKey(target)}`;
  if (tls === undefined) return way;
  const { verify, identity, allowWildcard, minVersion } = tls.policy;
  return `${way} ${verify} ${minVersion} ${allowWildcard} ${identity.toLowerCase()}`;
}
