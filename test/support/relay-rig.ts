/** The relay of calls between a provider at 192.0.2.1 and a proxy at 127.0.0.1:5060, on virtual time. */
import { expect } from 'vitest';
import { type Fault, failure, type Result, success } from '../../src/core/base/fault.ts';
import type { Target } from '../../src/core/sip/locate/target.ts';
import type { CallerBook, CallHints } from '../../src/core/sip/relay/ports.ts';
import { CallRelay } from '../../src/core/sip/relay/relay.ts';
import type { Flow, OpenFlow } from '../../src/core/sip/transport/ports.ts';
import { type SipEvent, SipStack } from '../../src/core/sip/user-agent/stack.ts';
import type { Sender } from '../../src/core/sip/user-agent/uas.ts';
import { nodeHasher } from './node-hasher.ts';
import { answerTo, RecordingTransport, type TestFlow, testFlow } from './recording-transport.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualTime } from './virtual-time.ts';

export const PROXY = { address: '127.0.0.1', port: 5060 };
export const PROVIDER = { address: '192.0.2.1', port: 5060 };
export const EGRESS = 'relay';

/** Opens flows over the local socket that is asked for, unless `refused` says otherwise. */
class NamedTransport extends RecordingTransport {
  refused: Fault | undefined;

  override open(request: OpenFlow, receive: (result: Result<Flow>) => void): void {
    this.opened.push(request);
    const { target, localSocket = 'test' } = request;
    const flow = flowOn(localSocket, target, target.protocol);
    receive(this.refused === undefined ? success(flow) : failure(this.refused));
  }
}

export function flowOn(
  localSocket: string,
  { address, port }: { readonly address: string; readonly port: number },
  protocol: Flow['protocol'] = 'udp',
): TestFlow {
  const sentBy = localSocket === EGRESS ? '127.0.0.1:5090' : '198.51.100.7:5070';
  return { ...testFlow(protocol, { address, port }), localSocket, sentBy, contactHost: sentBy };
}

/** From the provider, and from the proxy. */
export const UDP: TestFlow = flowOn('udp', PROVIDER);
export const FROM_PROXY: TestFlow = flowOn(EGRESS, PROXY);

export function only<T>(list: readonly T[]): T {
  expect(list).toHaveLength(1);
  return list[0] as T;
}

export function status(wire: string): string {
  return wire.slice(8, 11);
}

/** A request inside the dialog that the INVITE began, from the proxy's side. */
export function inDialog(invite: string, parts: RequestParts = {}): string {
  return requestText({
    method: 'BYE',
    uri: 'sip:caller@192.0.2.1:5060',
    vias: ['Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKproxy'],
    to: 'To: <sip:34911@acme.example>;tag=to1',
    lines: fieldsOf(invite, 'Record-Route').map((value) => `Route: ${value}`),
    ...parts,
  });
}

/** The Vias of a request as those of its response. */
export function vias(wire: string): string {
  return fieldsOf(wire, 'Via')
    .map((value) => `Via: ${value}`)
    .join('\r\n');
}

export function answer(wire: string, text: string, ...lines: string[]): string {
  const [first, ...rest] = answerTo(wire, text, ...lines).split(/^Via:.*$/m);
  return `${first}${vias(wire)}${rest.join('')}`;
}

export class RelayRig {
  readonly time = new VirtualTime();
  readonly transport = new NamedTransport();
  readonly events: SipEvent[] = [];
  readonly stack: SipStack;
  readonly relay: CallRelay;
  readonly senders = new Map<string, Sender>([[PROVIDER.address, 'target']]);
  /** What the keeper was asked. */
  readonly asked: CallHints[] = [];
  caller: ReturnType<CallerBook['callerOf']> = { registration: 'acme-main', owner: 'acme-main' };
  bound: Flow | undefined;
  seen: string | undefined;
  located: Result<readonly Target[]> = success([{ protocol: 'udp', family: 4, ...PROXY }]);

  constructor(options: { readonly maxRate?: number; readonly secret?: string } = {}) {
    const { maxRate = 100, secret = 'a secret' } = options;
    const { time, transport } = this;
    this.stack = new SipStack({
      ...{ clock: time, timers: time.timers, random: new SeededRandom(1), hasher: nodeHasher },
      transport,
      pacing: { perTarget: 6, burst: 3, max: 6 },
      senderOf: (address) => this.senders.get(address) ?? 'stranger',
      maxInboundRate: maxRate,
      publish: (event) => this.events.push(event),
    });
    this.relay = new CallRelay({
      ...{ clock: time, transport, hasher: nodeHasher, secret, told: this.stack.relayTold },
      locator: { locate: (_, receive) => receive(this.located) },
      callers: {
        callerOf: (_, hints) => {
          this.asked.push(hints);
          return this.caller;
        },
        flowOf: () => this.bound,
        seenOn: () => this.seen,
      },
    });
    this.stack.relay = this.relay;
    const hop = { host: '127.0.0.1', port: 5060, protocol: 'udp', secure: false } as const;
    const tls = {
      verify: 'strict',
      identity: 'x',
      allowWildcard: false,
      minVersion: 'TLSv1.2',
    } as const;
    this.relay.configure({ hop, localSocket: EGRESS, tls }, maxRate);
  }

  /** Feeds a message in; what was sent because of it. */
  receive(wire: string, flow: Flow): readonly { readonly flow: Flow; readonly wire: string }[] {
    const before = this.transport.sent.length;
    this.stack.received(wire, flow, this.time.now());
    return this.transport.sent.slice(before);
  }

  /** What reaches the proxy of that request. */
  relayed(parts: RequestParts = {}, flow: Flow = UDP): string {
    const { flow: way, wire } = only(this.receive(requestText(parts), flow));
    expect(way.remote).toEqual(PROXY);
    expect(way.localSocket).toBe(EGRESS);
    return wire;
  }

  /** Our answer to a request that is not relayed. */
  answered(parts: RequestParts, flow: Flow = UDP): string {
    const { flow: way, wire } = only(this.receive(requestText(parts), flow));
    expect(way.remote).toEqual(flow.remote);
    expect(wire).toMatch(/^SIP\/2\.0 /);
    return wire;
  }

  refused(reason: string): number {
    return [...this.relay.counters.refused].find(([one]) => one === reason)?.[1] ?? 0;
  }
}

export interface RequestParts {
  readonly method?: string;
  readonly uri?: string;
  /** Lines of the Via header field. */
  readonly vias?: readonly string[];
  readonly maxForwards?: string | undefined;
  readonly to?: string;
  readonly cseq?: string;
  readonly callId?: string;
  readonly lines?: readonly string[];
  readonly body?: string;
}

export const TOP_VIA = 'Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKabc';

export function requestText(parts: RequestParts = {}): string {
  const { method = 'INVITE', uri = 'sip:34911@198.51.100.7:5070', body = '' } = parts;
  const maxForwards = 'maxForwards' in parts ? parts.maxForwards : '70';
  return [
    `${method} ${uri} SIP/2.0`,
    ...(parts.vias ?? [TOP_VIA]),
    ...(maxForwards === undefined ? [] : [`Max-Forwards: ${maxForwards}`]),
    'From: "A; B" <sip:caller@192.0.2.1>;tag=from1',
    parts.to ?? 'To: <sip:34911@acme.example>',
    `Call-ID: ${parts.callId ?? 'c1'}`,
    `CSeq: ${parts.cseq ?? '1'} ${method}`,
    ...(parts.lines ?? []),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

/** Every field of that name, in order, as it stands on the wire. */
export function fieldsOf(wire: string, name: string): readonly string[] {
  return [...wire.matchAll(new RegExp(`^${name}: ?(.*)\\r$`, 'gim'))].map(
    ([, value]) => value ?? '',
  );
}
