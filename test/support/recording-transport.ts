import { type Fault, failure, type Result, success } from '../../src/core/base/fault.ts';
import type {
  Flow,
  OpenFlow,
  StreamKeepAlive,
  TransportPort,
} from '../../src/core/sip/transport/ports.ts';

export interface TestFlow extends Flow {
  isOpen: boolean;
}

/** A flow of `protocol` to 192.0.2.1:5060 from 198.51.100.7:5070. */
export function testFlow(
  protocol: Flow['protocol'] = 'udp',
  remote: { readonly address: string; readonly port: number } = {
    address: '192.0.2.1',
    port: 5060,
  },
): TestFlow {
  return {
    protocol,
    localSocket: 'test',
    local: { address: '198.51.100.7', port: 5070 },
    remote,
    sentBy: '198.51.100.7:5070',
    contactHost: '198.51.100.7:5070',
    isOpen: true,
  };
}

/** Writes down what is sent; answers are fed in by the test. */
export class RecordingTransport implements TransportPort {
  readonly sent: { readonly flow: Flow; readonly wire: string }[] = [];
  readonly closed: { readonly flow: Flow; readonly reason: Fault }[] = [];
  readonly opened: OpenFlow[] = [];
  /** What `open` gives next: the same flow again and again, unless a test says otherwise. */
  next: Result<Flow> = success(testFlow());
  /** Set: a connection is under way, and whoever asks for it waits here until the test calls them. */
  connecting: ((result: Result<Flow>) => void)[] | undefined;

  open(request: OpenFlow, receive: (result: Result<Flow>) => void): void {
    this.opened.push(request);
    if (this.connecting !== undefined) {
      this.connecting.push(receive);
      return;
    }
    const { address, port, protocol } = request.target;
    const { next } = this;
    const isElsewhere =
      next.ok && (next.value.remote.address !== address || next.value.remote.port !== port);
    receive(isElsewhere ? success(testFlow(protocol, { address, port })) : next);
  }

  refuse(reason: Fault): void {
    this.next = failure(reason);
  }

  send(flow: Flow, wire: string): void {
    this.sent.push({ flow, wire });
  }

  readonly keptAlive: { readonly flow: Flow; readonly plan: StreamKeepAlive }[] = [];

  keepAlive(flow: Flow, plan: StreamKeepAlive): void {
    this.keptAlive.push({ flow, plan });
  }

  readonly inquired: Flow[] = [];

  inquire(flow: Flow): void {
    this.inquired.push(flow);
  }

  close(flow: Flow, reason: Fault): void {
    this.closed.push({ flow, reason });
  }

  /** The message sent last. */
  get last(): string {
    return this.sent.at(-1)?.wire ?? '';
  }
}

/** Field `name` of a message, as it stands on the wire. */
export function fieldOf(wire: string, name: string): string {
  return new RegExp(`^${name}: ?(.*)\\r$`, 'im').exec(wire)?.[1] ?? '';
}

/** The answer that a well-behaved server gives to a request. */
export function answerTo(request: string, status: string, ...lines: string[]): string {
  return [
    `SIP/2.0 ${status}`,
    ...['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${fieldOf(request, name)}`),
    `To: ${fieldOf(request, 'To')};tag=server`,
    ...lines,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
