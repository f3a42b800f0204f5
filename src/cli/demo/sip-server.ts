/** One UDP socket on loopback that answers SIP requests, or is silent when told so. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { SipMessage } from '../../core/sip/message/message.ts';
import { parseMessage } from '../../core/sip/message/parse.ts';
import { response } from '../../core/sip/message/write.ts';

export interface Answer {
  readonly status: number;
  readonly phrase: string;
  /** Header lines. */
  readonly lines: readonly string[];
}

export class SipServer {
  isSilent = false;
  readonly #socket: Socket;
  readonly #answer: (request: SipMessage) => Answer;
  readonly #tag = randomBytes(4).toString('hex');

  private constructor(socket: Socket, answer: (request: SipMessage) => Answer) {
    this.#socket = socket;
    this.#answer = answer;
    socket.on('message', (octets, { address, port }) => {
      this.#receive(octets.toString('latin1'), address, port);
    });
  }

  /** Binds a port that the kernel chooses; whoever opens it closes it. */
  static async open(answer: (request: SipMessage) => Answer): Promise<SipServer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new SipServer(socket, answer);
  }

  /** `127.0.0.1:PORT`, as a configuration writes it. */
  get hostPort(): string {
    const { address, port } = this.#socket.address();
    return `${address}:${port}`;
  }

  close(): void {
    this.#socket.close();
  }

  #receive(wire: string, address: string, port: number): void {
    if (this.isSilent) return;
    const parsed = parseMessage(wire, 'datagram');
    if (!parsed.ok || parsed.message.kind === 'response') return;
    const { status, phrase, lines } = this.#answer(parsed.message);
    const options = { toTag: this.#tag, received: address, rport: port, lines };
    const answer = response(parsed.message, status, phrase, options);
    this.#socket.send(Buffer.from(answer, 'latin1'), port, address);
  }
}

/** What a healthy peer server says to a probe. */
export function answerProbe(request: SipMessage): Answer {
  return request.method === 'OPTIONS'
    ? { status: 200, phrase: 'OK', lines: ['Allow: INVITE, ACK, BYE, CANCEL, OPTIONS'] }
    : { status: 405, phrase: 'Method Not Allowed', lines: ['Allow: OPTIONS'] };
}
