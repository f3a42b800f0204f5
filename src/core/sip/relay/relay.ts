/**
 * Keeper of the relay for calls that arrive at trunkd (`inbound.forwardTo`): a stateless proxy (RFC 3261
 * section 16.11) between the flows of registrations and one SIP proxy, and for nobody else.
 *
 *   provider --(flow of a registration)--> us --(the socket for the proxy)--> proxy
 *
 * The local socket on which a message arrives tells its direction, and who may send it: on the socket for
 * the proxy only the proxy; on all others whoever is a target of a registration, or was allowed. Where a
 * message goes is never taken from its Route or Request-URI, but from the configuration or from a token
 * that we made (flow-token.ts). One message makes one message at most.
 */
import type { Clock } from '../../base/clock.ts';
import type { Fault } from '../../base/fault.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { Hasher } from '../digest/ports.ts';
import { parseNameAddr, tagOf } from '../header/name-addr.ts';
import { topVia } from '../header/via.ts';
import { bracketed } from '../locate/ip-literal.ts';
import type { Locator } from '../locate/ports.ts';
import type { SipMessage } from '../message/message.ts';
import { parseUri, unescapeUri } from '../message/uri.ts';
import { validateRequest } from '../message/validate.ts';
import type { Flow, TransportPort } from '../transport/ports.ts';
import type { Sender } from '../user-agent/uas.ts';
import { datagramFlow, replyPort } from '../user-agent/way-back.ts';
import { Branches } from './branch.ts';
import { type FlowRef, FlowTokens } from './flow-token.ts';
import { forwardedRequest, forwardedResponse, forwardsLeft } from './forward.ts';
import { Hmac } from './hmac.ts';
import type { CallerBook, RelayCounters, RelayRefusal, RelaySpec, RelayWay } from './ports.ts';
import { ProxySide } from './proxy-side.ts';
import { type RelayAnswer, refusalAnswer } from './refusals.ts';
import { type Routing, routingOf } from './routing.ts';
import { StreamFlows } from './stream-flows.ts';

/** What a UDP datagram can hold over IPv4. */
const MAX_DATAGRAM_OCTETS = 65_507;
/** Messages of calls that are under way, for each new one that is let in. */
const MESSAGES_PER_CALL = 8;
/** Requests that may begin a dialog, so that later ones have to pass here. */
const MAKES_DIALOG: ReadonlySet<string> = new Set(['INVITE', 'SUBSCRIBE', 'NOTIFY', 'REFER']);
/** Nobody's call: these are for us, or for nobody. */
const NOT_RELAYED: ReadonlySet<string> = new Set(['REGISTER', 'PUBLISH']);

export interface RelayPorts {
  readonly clock: Clock;
  readonly transport: TransportPort;
  readonly locator: Locator;
  readonly hasher: Hasher;
  /** Stays the same over restarts, and is known to nobody else. */
  readonly secret: string;
  readonly callers: CallerBook;
  readonly told: {
    unreachable(target: string, fault: Fault): void;
    limited(flow: Flow): void;
  };
}

/** Answers the request that is being looked at, as a UAS without state. */
export type AnswerRequest = (answer: RelayAnswer) => void;

/** What it needs while calls are taken. */
interface Taking {
  readonly proxy: ProxySide;
  readonly calls: TokenBucket;
  readonly messages: TokenBucket;
}

/** A request on its way, with what was found out about it. */
interface Passage {
  readonly request: SipMessage;
  readonly flow: Flow;
  readonly routing: Routing;
  readonly answer: AnswerRequest;
}

export class CallRelay {
  readonly counters: RelayCounters = { relayed: new Map(), refused: new Map() };
  readonly #ports: RelayPorts;
  readonly #tokens: FlowTokens;
  readonly #branches: Branches;
  readonly #hmac: Hmac;
  readonly #streams: StreamFlows;
  /** Undefined: calls are not taken. */
  #taking: Taking | undefined;

  constructor(ports: RelayPorts) {
    this.#ports = ports;
    this.#hmac = new Hmac(ports.hasher, ports.secret);
    this.#tokens = new FlowTokens(this.#hmac);
    this.#branches = new Branches(this.#hmac, this.#tokens);
    this.#streams = new StreamFlows(ports.callers);
  }

  /** Undefined: calls are not taken. `maxRate`: new requests a second that are relayed. */
  configure(spec: RelaySpec | undefined, maxRate: number): void {
    const { clock, locator, transport } = this.#ports;
    const bucket = (rate: number): TokenBucket => new TokenBucket(rate, rate, clock.now());
    this.#taking = spec && {
      proxy: new ProxySide(spec, locator, transport),
      calls: bucket(maxRate),
      messages: bucket(maxRate * MESSAGES_PER_CALL),
    };
  }

  /** `taken`: dealt with; `trusted`: from the proxy, and for us; `other`: whatever the sender may. */
  request(
    request: SipMessage,
    flow: Flow,
    sender: Sender,
    answer: AnswerRequest,
  ): 'taken' | 'trusted' | 'other' {
    const taking = this.#taking;
    if (taking === undefined) return 'other';
    if (flow.localSocket === taking.proxy.spec.localSocket) {
      return this.#fromProxy(taking, request, flow, answer);
    }
    if (sender === 'stranger' || NOT_RELAYED.has(request.method)) return 'other';
    return this.#fromProvider(taking, request, flow, sender, answer);
  }

  /** False where it is no response to a request that passed here. */
  response(response: SipMessage, flow: Flow, sender: Sender): boolean {
    if (this.#taking === undefined) return false;
    const back = this.#branches.read(topVia(response)?.branch ?? '');
    if (back === undefined) return false;
    const { proxy, messages } = this.#taking;
    const isForProxy = back.localSocket === proxy.spec.localSocket;
    const isFromProxy = this.#isFromProxy(proxy, flow);
    if (isForProxy ? isFromProxy || sender === 'stranger' : !isFromProxy) this.#count('source');
    else if (!messages.take(this.#ports.clock.now())) this.#count('rate');
    else this.#sendBack(response, back, isForProxy ? 'response toProxy' : 'response toProvider');
    return true;
  }

  flowFailed(flow: Flow, fault: Fault): void {
    this.#streams.forget(flow);
    const isProxys = flow.localSocket === this.#taking?.proxy.spec.localSocket;
    // A proxy that closes a connection in quiet is no news.
    if (isProxys && flow.protocol === 'udp') {
      this.#ports.told.unreachable(`udp:${flow.remote.address}:${flow.remote.port}`, fault);
    }
  }

  #fromProxy(
    { proxy, messages }: Taking,
    request: SipMessage,
    flow: Flow,
    answer: AnswerRequest,
  ): 'taken' | 'trusted' {
    if (!proxy.isAt(flow.remote.address)) {
      this.#count('stranger');
      return 'taken';
    }
    const routing = this.#routing(request, answer);
    if (routing === undefined) return 'taken';
    const { token } = routing;
    if (token === undefined) return 'trusted';
    const passage = { request, flow, routing, answer };
    if (this.#mayPass(passage, messages)) this.#toProvider(passage, token);
    return 'taken';
  }

  #fromProvider(
    { proxy, calls, messages }: Taking,
    request: SipMessage,
    flow: Flow,
    sender: Sender,
    answer: AnswerRequest,
  ): 'taken' | 'other' {
    const isInDialog = tagOf(request.first('To') ?? '') !== undefined;
    const isForUs = request.method === 'OPTIONS' && !isInDialog && request.count('Route') === 0;
    if (isForUs) return 'other';
    const routing = this.#routing(request, answer);
    if (routing === undefined) return 'taken';
    const caller = this.#ports.callers.callerOf(
      flow,
      {
        registration: routing.token?.registration,
        requestUser: userOf(routing.requestUri),
        toUser: userOf(parseNameAddr(request.first('To') ?? '')?.uri ?? ''),
      },
      sender === 'allowed',
    );
    if (caller === undefined) return 'other';
    if (this.#isAckForUs(request)) {
      this.#count('ack');
      return 'taken';
    }
    const isNew = !isInDialog && request.method !== 'ACK' && request.method !== 'CANCEL';
    const passage = { request, flow, routing, answer };
    if (!this.#mayPass(passage, isNew ? calls : messages)) return 'taken';
    const { registration, owner } = caller;
    const recorded =
      isNew && MAKES_DIALOG.has(request.method) ? this.#tokenOf(flow, owner) : undefined;
    this.#toProxy(proxy, passage, { registration, owner, recorded });
    return 'taken';
  }

  /** Undefined after it was answered. */
  #routing(request: SipMessage, answer: AnswerRequest): Routing | undefined {
    const wrong = validateRequest(request);
    if (wrong !== undefined) {
      this.#refuse(request, answer, 'malformed', wrong);
      return undefined;
    }
    const routing = routingOf(request, this.#tokens);
    if (typeof routing === 'object') return routing;
    this.#refuse(request, answer, routing === 'forbidden' ? 'token' : 'malformed');
    return undefined;
  }

  /** RFC 3261 section 16.3, in its order, after the rate. */
  #mayPass({ request, flow, answer }: Passage, bucket: TokenBucket): boolean {
    if (!bucket.take(this.#ports.clock.now())) {
      this.#ports.told.limited(flow);
      this.#refuse(request, answer, 'rate');
    } else if (forwardsLeft(request) === undefined) this.#refuse(request, answer, 'maxForwards');
    else if (this.#branches.isLoop(request)) this.#refuse(request, answer, 'loop');
    else if (request.count('proxy-require') > 0) {
      const unsupported = request.all('proxy-require').join(', ');
      this.#refuse(request, answer, 'extension', {}, [`Unsupported: ${unsupported}`]);
    } else return true;
    return false;
  }

  #toProxy(
    proxy: ProxySide,
    passage: Passage,
    caller: {
      readonly registration: string | undefined;
      readonly owner: string;
      readonly recorded: string | undefined;
    },
  ): void {
    const { request, flow, answer, routing } = passage;
    const { clock, callers, told } = this.#ports;
    this.#streams.remember(flow);
    const callId = request.first('Call-ID') ?? '';
    proxy.find(callId, routing.routes[0], clock.now(), (found) => {
      if (found.kind === 'waiting') this.#refuse(request, answer, 'waiting');
      else if (found.kind === 'unreachable') {
        told.unreachable(found.target, found.fault);
        this.#refuse(request, answer, 'proxyUnreachable');
      } else {
        const { recorded, registration, owner } = caller;
        const ours = callers.seenOn(flow) ?? flow.contactHost;
        const recordRoutes =
          recorded === undefined
            ? []
            : [
                recordRoute(recorded, found.flow, found.flow.sentBy),
                recordRoute(recorded, flow, ours),
              ];
        const ownLines = sourceLines(flow, registration);
        this.#send(passage, found.flow, owner, { recordRoutes, ownLines }, 'request toProxy');
      }
    });
  }

  #toProvider(passage: Passage, token: FlowRef): void {
    const { request, flow, answer } = passage;
    const way = this.#flowTo(token, false);
    if (way === undefined) {
      this.#refuse(request, answer, 'flowGone');
      return;
    }
    this.#streams.remember(flow);
    this.#send(passage, way, '', { recordRoutes: [], ownLines: '' }, 'request toProvider');
  }

  #send(
    { request, flow, routing, answer }: Passage,
    way: Flow,
    owner: string,
    added: { readonly recordRoutes: readonly string[]; readonly ownLines: string },
    direction: RelayWay,
  ): void {
    const branch = this.#branches.make(request, replyWay(request, flow, owner));
    const via = `SIP/2.0/${way.protocol.toUpperCase()} ${way.sentBy};rport;branch=${branch}`;
    const source = flow.remote;
    const wire = forwardedRequest(request, { routing, via, source, ...added });
    if (wire === undefined) this.#refuse(request, answer, 'malformed');
    else if (isTooLarge(way, wire)) this.#refuse(request, answer, 'tooLarge');
    else this.#write(way, wire, direction);
  }

  #sendBack(response: SipMessage, back: FlowRef, direction: RelayWay): void {
    const way = this.#flowTo(back, true);
    const wire = way && forwardedResponse(response);
    if (way === undefined) this.#count('flowGone');
    else if (wire === undefined) this.#count('malformed');
    else if (isTooLarge(way, wire)) this.#count('tooLarge');
    else this.#write(way, wire, direction);
  }

  #write(way: Flow, wire: string, direction: RelayWay): void {
    const { relayed } = this.counters;
    relayed.set(direction, (relayed.get(direction) ?? 0) + 1);
    this.#ports.transport.send(way, wire);
  }

  /** A datagram goes to its address from the same socket; a connection has to be there. */
  #flowTo(ref: FlowRef, isForResponse: boolean): Flow | undefined {
    if (ref.protocol !== 'udp') return this.#streams.find(ref, isForResponse);
    return datagramFlow(this.#ports.transport, ref.localSocket, ref);
  }

  #tokenOf(flow: Flow, owner: string): string {
    return this.#tokens.user(refOf(flow, owner, flow.remote.port));
  }

  #isFromProxy(proxy: ProxySide, flow: Flow): boolean {
    return flow.localSocket === proxy.spec.localSocket && proxy.isAt(flow.remote.address);
  }

  /** Nobody but us put that tag into the answer which it acknowledges. */
  #isAckForUs(request: SipMessage): boolean {
    return request.method === 'ACK' && tagOf(request.first('To') ?? '') === this.#ownTag(request);
  }

  #ownTag(request: SipMessage): string {
    return `tr-${this.#hmac.sign(`tag|${request.first('Call-ID') ?? ''}`, 16)}`;
  }

  #refuse(
    request: SipMessage,
    answer: AnswerRequest,
    reason: RelayRefusal,
    own: { readonly status?: number; readonly phrase?: string } = {},
    lines: readonly string[] = [],
  ): void {
    this.#count(reason);
    // Section 17: nobody ever answers an ACK. Whoever is over the limit without a call of his own is not told.
    const isSilent = reason === 'rate' && request.method !== 'INVITE';
    if (request.method === 'ACK' || isSilent) return;
    answer(refusalAnswer(reason, own, lines, this.#ownTag(request)));
  }

  #count(reason: RelayRefusal): void {
    const { refused } = this.counters;
    refused.set(reason, (refused.get(reason) ?? 0) + 1);
  }
}

function replyWay(request: SipMessage, flow: Flow, owner: string): FlowRef {
  return refOf(flow, owner, replyPort(topVia(request), flow));
}

function refOf({ protocol, localSocket, remote }: Flow, owner: string, port: number): FlowRef {
  return { registration: owner, protocol, localSocket, address: remote.address, port };
}

function recordRoute(token: string, { protocol }: Flow, hostPort: string): string {
  const transport = protocol === 'udp' ? '' : `;transport=${protocol}`;
  return `<sip:${token}@${hostPort}${transport};lr>`;
}

function sourceLines({ protocol, remote }: Flow, registration: string | undefined): string {
  const source = `X-Trunkd-Source: ${bracketed(remote.address)}:${remote.port};transport=${protocol}\r\n`;
  return registration === undefined
    ? source
    : `${source}X-Trunkd-Registration: ${registration}\r\n`;
}

function isTooLarge({ protocol }: Flow, wire: string): boolean {
  return protocol === 'udp' && wire.length > MAX_DATAGRAM_OCTETS;
}

function userOf(uri: string): string | undefined {
  const user = parseUri(uri)?.user;
  return user === undefined ? undefined : unescapeUri(user);
}
