/**
 * Outgoing connections, shared. Two requests use one connection only where local socket, target and, for
 * TLS, the whole policy are the same, and neither is to be left alone (`owner`): a connection that was checked for one identity must never carry
 * requests meant for another (CVE-2020-15260 was that). Connections that others opened are not found
 * here: answers go back on them, requests of ours do not.
 */
import type { Socket } from 'node:net';
import { type Fault, failure, fault, type Result, success } from '../core/base/fault.ts';
import { targetKey } from '../core/sip/locate/target.ts';
import type { Flow } from '../core/sip/transport/ports.ts';
import { tlsPolicyKey } from '../core/sip/transport/tls-policy.ts';
import { ConnectGate } from './connect-gate.ts';
import { Dial, type DialRequest } from './dial.ts';
import type { NetContext } from './net-context.ts';
import type { SocketSet } from './socket-set.ts';
import { StreamFlow, streamFlowSpec } from './stream-flow.ts';

type Receive = (result: Result<Flow>) => void;

interface Pending {
  readonly dial: Dial;
  readonly request: DialRequest;
  readonly waiting: Receive[];
}

const SOCKET_GONE: Fault = fault(
  'transport.local',
  'local',
  'The local socket was changed or taken away by a reload.',
);

export class FlowTable {
  readonly #context: NetContext;
  readonly #sockets: SocketSet;
  readonly #gate: ConnectGate;
  /** The one to use for each key. */
  readonly #open = new Map<string, StreamFlow>();
  /** All, with those that only wait for their last octets to leave; with the key of their local socket. */
  readonly #flows = new Map<StreamFlow, string>();
  readonly #pending = new Map<string, Pending>();

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

  /** The local socket leaves: its connections carry nothing new, and those in the making end. */
  retire(socketKey: string): void {
    for (const [key, pending] of this.#pending) {
      if (pending.request.socketKey !== socketKey) continue;
      this.#pending.delete(key);
      pending.dial.cancel();
      setImmediate(() => {
        if (this.#context.lifetime.isOver) return;
        for (const receive of pending.waiting) receive(failure(SOCKET_GONE));
      });
    }
    for (const key of this.#open.keys()) {
      if (key.startsWith(`${socketKey} `)) this.#open.delete(key);
    }
  }

  /** The local socket is gone: so are its connections. */
  endThoseOf(socketKey: string): void {
    for (const [flow, key] of this.#flows) if (key === socketKey) flow.end(SOCKET_GONE);
  }

  /** This machine has lost an address: nothing comes back over what left from there. */
  endThoseFrom(address: string): number {
    let ended = 0;
    const text = `This machine has lost its address ${address}.`;
    for (const flow of this.#flows.keys()) {
      if (flow.local.address !== address) continue;
      flow.end(fault('transport.local', 'local', text));
      ended += 1;
    }
    return ended;
  }

  /** Nothing is known of any of them any more. */
  endAll(reason: Fault): void {
    for (const flow of this.#flows.keys()) flow.end(reason);
  }

  /** The transport stops: connections end, nobody is told. */
  destroy(): void {
    for (const { dial } of this.#pending.values()) dial.cancel();
    this.#pending.clear();
    for (const flow of this.#flows.keys()) flow.destroy();
  }

  #dial(key: string, request: DialRequest, receive: Receive): void {
    const dial = new Dial(request, {
      context: this.#context,
      gate: this.#gate,
      sockets: this.#sockets,
      done: (result) => this.#dialed(key, request, result),
    });
    this.#pending.set(key, { dial, request, waiting: [receive] });
    dial.start();
  }

  #dialed(key: string, request: DialRequest, result: Result<Socket>): void {
    const waiting = this.#pending.get(key)?.waiting ?? [];
    this.#pending.delete(key);
    const answer = result.ok ? success(this.#adopt(key, request, result.value)) : result;
    for (const receive of waiting) receive(answer);
  }

  #adopt(key: string, { spec, socketKey, owner }: DialRequest, socket: Socket): Flow {
    const made = { ...streamFlowSpec(spec, socket, true), isOwned: owner !== undefined };
    const flow = new StreamFlow(this.#context, socket, made, () => {
      this.#flows.delete(flow);
      if (this.#open.get(key) === flow) this.#open.delete(key);
    });
    this.#flows.set(flow, socketKey);
    this.#open.set(key, flow);
    return flow;
  }
}

function flowKey({ socketKey, target, tls, owner }: DialRequest): string {
  const way = `${socketKey} ${targetKey(target)}`;
  const trusted = tls === undefined ? way : `${way} ${tlsPolicyKey(tls.policy)}`;
  // No id holds a newline.
  return owner === undefined ? trusted : `${trusted}\n${owner}`;
}
