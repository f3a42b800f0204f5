/**
 * Builds the response to a request and finds the way back: RFC 3261 sections 8.2.6, 18.2.1 and
 * 18.2.2, RFC 3581 section 4. Without state: the same request gets the same To tag.
 */
import type { Random } from '../../base/random.ts';
import type { Hasher } from '../digest/ports.ts';
import { topVia, type Via } from '../header/via.ts';
import type { SipMessage } from '../message/message.ts';
import { response } from '../message/write.ts';
import type { Flow, TransportPort } from '../transport/ports.ts';
import { datagramFlow, replyPort } from './way-back.ts';

export interface Reply {
  readonly wire: string;
  readonly flow: Flow;
}

export class Responder {
  readonly #transport: TransportPort;
  readonly #hasher: Hasher;
  /** Keeps outsiders from computing our tags. */
  readonly #salt: string;

  constructor(ports: {
    readonly transport: TransportPort;
    readonly hasher: Hasher;
    readonly random: Random;
  }) {
    this.#transport = ports.transport;
    this.#hasher = ports.hasher;
    this.#salt = ports.random.hex(32);
  }

  /** Undefined when there is no way back to whoever sent the request. */
  prepare(
    request: SipMessage,
    flow: Flow,
    status: number,
    phrase: string,
    lines: readonly string[],
    toTag: string = this.#toTag(request),
  ): Reply | undefined {
    const via = topVia(request);
    const way = this.#wayBack(via, flow);
    if (way === undefined) return undefined;
    const { address, port } = flow.remote;
    const wantsPort = via?.rport !== undefined;
    const wire = response(request, status, phrase, {
      toTag,
      ...(wantsPort || via?.host !== address ? { received: address } : {}),
      ...(wantsPort ? { rport: port } : {}),
      lines,
    });
    return { wire, flow: way };
  }

  send({ wire, flow }: Reply): void {
    this.#transport.send(flow, wire);
  }

  #wayBack(via: Via | undefined, flow: Flow): Flow | undefined {
    const { address, port: source } = flow.remote;
    const port = replyPort(via, flow);
    if (port === source) return flow;
    return datagramFlow(this.#transport, flow.localSocket, { address, port });
  }

  #toTag(request: SipMessage): string {
    const identity = `${this.#salt}|${request.first('Via') ?? ''}|${request.first('Call-ID') ?? ''}|${request.first('CSeq') ?? ''}`;
    return this.#hasher.hash('md5', identity).slice(0, 16);
  }
}
