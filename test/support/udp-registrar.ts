/**
 * A registrar on a real UDP socket, written from RFC 3261 section 10.3 for tests: it challenges, checks
 * the digest, and keeps every REGISTER that it accepted. It answers OPTIONS, too. Not a registrar for
 * anything else.
 */
import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** One accepted REGISTER. */
export interface Accepted {
  readonly user: string;
  readonly callId: string;
  readonly cseq: number;
  readonly contact: string;
  readonly expires: number;
  /** When, in milliseconds of performance.now(). */
  readonly atMs: number;
}

export const REALM = 'test.example';

export class UdpRegistrar {
  readonly accepted: Accepted[] = [];
  /** Everything that came in, as text. */
  readonly wire: string[] = [];
  /** Parameters of the Contact in each 200, and further header lines. */
  parameters = '';
  lines: readonly string[] = [];
  /** So long it takes for each answer. */
  delayMs = 0;
  #isClosed = false;
  readonly #socket: Socket;
  readonly #password: string;

  private constructor(socket: Socket, password: string) {
    this.#socket = socket;
    this.#password = password;
    socket.on('message', (octets, from) => {
      const answer = this.#answer(octets.toString('latin1'));
      if (answer === undefined) return;
      const send = () => {
        if (!this.#isClosed) socket.send(Buffer.from(answer, 'latin1'), from.port, from.address);
      };
      if (this.delayMs === 0) send();
      else setTimeout(send, this.delayMs);
    });
  }

  /** Every user has this password. */
  static async open(password: string): Promise<UdpRegistrar> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new UdpRegistrar(socket, password);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** What was accepted from one user. */
  of(user: string): readonly Accepted[] {
    return this.accepted.filter((one) => one.user === user);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  #answer(text: string): string | undefined {
    this.wire.push(text);
    if (text.startsWith('OPTIONS ')) return reply(text, '200 OK', []);
    if (!text.startsWith('REGISTER ')) return undefined;
    const user = /sip:([^@]+)@/.exec(header(text, 'To'))?.[1] ?? '';
    const authorization = header(text, 'Authorization');
    if (authorization === '' || !this.#isRight(authorization)) {
      const challenge = `WWW-Authenticate: Digest realm="${REALM}", nonce="n${this.wire.length}", qop="auth", algorithm=MD5`;
      return reply(text, '401 Unauthorized', [challenge]);
    }
    const contact = header(text, 'Contact');
    const expires = Number(/expires=(\d+)/.exec(contact)?.[1] ?? header(text, 'Expires'));
    const cseq = Number.parseInt(header(text, 'CSeq'), 10);
    const callId = header(text, 'Call-ID');
    this.accepted.push({ user, callId, cseq, contact, expires, atMs: performance.now() });
    const uri = contact.split(';expires=')[0];
    const listed = `Contact: ${uri};expires=${expires}${this.parameters}`;
    return reply(text, '200 OK', expires === 0 ? [] : [listed, ...this.lines]);
  }

  #isRight(authorization: string): boolean {
    const part = (name: string): string =>
      new RegExp(`[ ,]${name}="?([^",]*)"?`).exec(authorization)?.[1] ?? '';
    const ha1 = md5(`${part('username')}:${REALM}:${this.#password}`);
    const ha2 = md5(`REGISTER:${part('uri')}`);
    const middle = [part('nonce'), part('nc'), part('cnonce'), part('qop')].join(':');
    return part('response') === md5(`${ha1}:${middle}:${ha2}`);
  }
}

export function md5(text: string): string {
  return createHash('md5').update(text, 'utf8').digest('hex');
}

function header(text: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*)\\r$`, 'im').exec(text)?.[1] ?? '';
}

function reply(request: string, status: string, lines: readonly string[]): string {
  return [
    `SIP/2.0 ${status}`,
    `Via: ${header(request, 'Via')}`,
    `From: ${header(request, 'From')}`,
    `To: ${header(request, 'To')};tag=t`,
    `Call-ID: ${header(request, 'Call-ID')}`,
    `CSeq: ${header(request, 'CSeq')}`,
    ...lines,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
