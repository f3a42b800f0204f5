/** The other end of a connection, without any SIP: a test says octet by octet what it does. */
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';
import { soon } from './edge.ts';

/** One connection, with everything that came over it. */
export class RawConnection {
  readonly socket: Socket;
  received = '';
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (octets) => {
      this.received += octets.toString('latin1');
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
    // A reset is what many tests are about.
    socket.on('error', () => undefined);
  }

  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** One segment an octet, each written when the one before is out. */
  async dribble(text: string): Promise<void> {
    for (const octet of text) {
      await new Promise<void>((resolve) => {
        this.socket.write(octet, 'latin1', () => setImmediate(resolve));
      });
    }
  }

  receives(text: string): Promise<void> {
    return soon(() => this.received.includes(text), `${JSON.stringify(text)} to arrive`);
  }

  closes(): Promise<void> {
    return soon(() => this.isClosed, 'the connection to close');
  }
}

/** A server that only accepts; TLS with a certificate. */
export class RawServer {
  readonly connections: RawConnection[] = [];
  readonly clientNames: string[] = [];
  readonly servernames: (string | false | null)[] = [];
  readonly #server: net.Server;

  /** Below TLS: also those whose handshake has not ended. */
  readonly #sockets = new Set<Socket>();

  private constructor(server: net.Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#sockets.add(socket));
  }

  static async tcp(host = '127.0.0.1', options: net.ServerOpts = {}): Promise<RawServer> {
    const raw = new RawServer(net.createServer(options));
    raw.#server.on('connection', (socket) => raw.connections.push(new RawConnection(socket)));
    await raw.#listen(host);
    return raw;
  }

  static async tls(options: tls.TlsOptions, host = '127.0.0.1'): Promise<RawServer> {
    const raw = new RawServer(tls.createServer(options));
    raw.#server.on('tlsClientError', () => undefined);
    raw.#server.on('secureConnection', (socket: tls.TLSSocket) => {
      const name = socket.getPeerCertificate().subject?.CN;
      if (typeof name === 'string') raw.clientNames.push(name);
      raw.servernames.push(socket.servername);
      raw.connections.push(new RawConnection(socket));
    });
    await raw.#listen(host);
    return raw;
  }

  /** What the server staples to its certificate. */
  onOcspRequest(react: (answer: (error: Error | null, staple: Buffer) => void) => void): void {
    this.#server.on('OCSPRequest', (_certificate, _issuer, answer) => react(answer));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The connection with that number, once it is there. */
  async connection(index = 0): Promise<RawConnection> {
    await soon(() => this.connections.length > index, `connection ${index}`);
    return this.connections[index] as RawConnection;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #listen(host: string): Promise<void> {
    this.#server.listen(0, host);
    await once(this.#server, 'listening');
  }
}

export async function rawConnect(
  port: number,
  host = '127.0.0.1',
  localAddress = host,
): Promise<RawConnection> {
  const socket = net.connect({ port, host, localAddress });
  const connection = new RawConnection(socket);
  await once(socket, 'connect');
  return connection;
}
