/**
 * Plays one case as an odd registrar on a port of its own, over UDP, TCP or TLS, and keeps a log of all that
 * arrives. After quirks/quirkd.py of the trunkd test corpus: each new top branch goes one step on, the last
 * step repeats, and a retransmission gets its own step again.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer, TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Protocol, QuirkCase, QuirkReply } from './quirk-case.ts';
import { wireOf } from './quirk-render.ts';
import { field, newLog, type SeenLog, type SeenMessage, seenMessage } from './seen.ts';
import { isStunRequest, stunAnswer } from './stun.ts';

const OTHER_HOST = '127.0.0.2';
const SPLIT_PAUSE_MS = 3;

export interface PlayerTls {
  readonly cert: string;
  readonly key: string;
}

/** The clock of the run: all logs count from the same moment. */
export type SinceStart = () => number;

export class QuirkPlayer {
  readonly log: SeenLog = newLog();
  /** Faults of the player itself; a run with any of them proves nothing. */
  readonly faults: unknown[] = [];
  readonly #quirk: QuirkCase;
  readonly #clock: SinceStart;
  readonly #steps = new Map<string, number>();
  readonly #udp: UdpSocket[] = [];
  readonly #streams = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  #replies = 0;
  #isClosed = false;

  private constructor(quirk: QuirkCase, clock: SinceStart) {
    this.#quirk = quirk;
    this.#clock = clock;
  }

  /** `port` 0: any that is free. */
  static async start(
    quirk: QuirkCase,
    protocol: Protocol,
    options: {
      readonly clock: SinceStart;
      readonly tls?: PlayerTls;
      readonly port?: number;
      /** One port for TCP and TLS. */
      readonly isMixed?: boolean;
    },
  ): Promise<QuirkPlayer> {
    const player = new QuirkPlayer(quirk, options.clock);
    if (protocol === 'udp') await player.#listenUdp(options.port ?? 0);
    else {
      const isMixed = options.isMixed === true;
      const tls = protocol === 'tls' || isMixed ? options.tls : undefined;
      await player.#listenStream(options.port ?? 0, tls, isMixed);
    }
    return player;
  }

  get #host(): string {
    return this.#quirk.host ?? '127.0.0.1';
  }

  get port(): number {
    return this.#port;
  }

  async stop(): Promise<void> {
    this.#isClosed = true;
    for (const socket of this.#udp) socket.close();
    for (const socket of this.#streams) socket.destroy();
    if (this.#server === undefined) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #listenUdp(port: number): Promise<void> {
    const socket = await bound(port, this.#host);
    this.#port = socket.address().port;
    this.#udp.push(socket, await bound(0, this.#host));
    // 127.0.0.2 on the same port: a registrar with two addresses.
    if (this.#hasOtherAddress) this.#udp.push(await bound(this.#port, OTHER_HOST));
    socket.on('message', (octets, from) => {
      if (isStunRequest(octets)) {
        this.#answerStun(octets, from);
        return;
      }
      const raw = octets.toString('latin1');
      if (/^[\0\r\n ]*$/.test(raw)) {
        this.log.keepAlives.push({ atMs: this.#clock(), octets: octets.length });
        return;
      }
      const request = this.#take(raw, place(from.address, from.port));
      const via = field(request, 'via');
      const sentBy = Number(/:(\d+)/.exec(via.split(';')[0] ?? '')?.[1] ?? 5060);
      const port = via.includes('rport') ? from.port : sentBy;
      for (const reply of this.#repliesTo(request))
        this.#background(this.#answerUdp(reply, request, from.address, port));
    });
  }

  #answerStun(request: Buffer, from: { readonly address: string; readonly port: number }): void {
    const { mappedPorts = [from.port] } = this.#quirk;
    const port = mappedPorts[Math.min(this.log.stun.length, mappedPorts.length - 1)] ?? from.port;
    this.log.stun.push(this.#clock());
    if (this.log.stun.length > this.#answersKeepAlives) return;
    this.#udp[0]?.send(stunAnswer(request, from.address, port), from.port, from.address);
  }

  async #answerUdp(
    reply: QuirkReply,
    request: SeenMessage,
    address: string,
    port: number,
  ): Promise<void> {
    // Nothing is in order but by its delay.
    if (reply.delay !== undefined) await sleep(reply.delay * 1000, undefined, { ref: false });
    if (this.#isClosed) return;
    const from = reply.src === 'altaddr' ? 2 : reply.src === 'altport' ? 1 : 0;
    this.#udp[from]?.send(this.#wire(reply, request, address, port), port, address);
  }

  async #listenStream(port: number, tls: PlayerTls | undefined, isMixed: boolean): Promise<void> {
    const accept = (socket: Socket): void => this.#accept(socket);
    const secure = tls === undefined ? undefined : createTlsServer(tls, accept);
    // A client that does not like our certificate is what some cases are about.
    secure?.on('tlsClientError', () => undefined);
    const server =
      secure === undefined
        ? createServer(accept)
        : isMixed
          ? createServer((socket) => sort(socket, accept, secure))
          : secure;
    this.#server = server;
    server.listen(port, this.#host);
    await once(server, 'listening');
    const address = server.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  #accept(socket: Socket): void {
    this.#streams.add(socket);
    this.log.connects.push(this.#clock());
    socket.setNoDelay(true);
    // A reset by the other side is what some cases are about.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#streams.delete(socket);
      this.log.closes.push(this.#clock());
    });
    let buffer = '';
    socket.on('data', (octets) => {
      buffer = this.#cut(buffer + octets.toString('latin1'), socket);
    });
  }

  /** Takes whole messages and pings off the front; gives back what is left. */
  #cut(received: string, socket: Socket): string {
    let buffer = received;
    for (;;) {
      const ping = /^(?:\r\n)+/.exec(buffer)?.[0] ?? '';
      if (ping !== '') this.#ping(ping.length, socket);
      buffer = buffer.slice(ping.length);
      const end = buffer.indexOf('\r\n\r\n');
      if (end < 0) return buffer;
      const { fields } = seenMessage(buffer.slice(0, end + 4), 0, '');
      const whole = end + 4 + Number(fields.get('content-length')?.[0] ?? 0);
      if (buffer.length < whole) return buffer;
      const [address, port] = [socket.remoteAddress ?? '', socket.remotePort ?? 0];
      const isSecure = socket instanceof TLSSocket;
      const request = this.#take(buffer.slice(0, whole), place(address, port), isSecure);
      for (const reply of this.#repliesTo(request))
        this.#background(this.#answerStream(reply, request, socket, address, port));
      buffer = buffer.slice(whole);
    }
  }

  #ping(octets: number, socket: Socket): void {
    this.log.keepAlives.push({ atMs: this.#clock(), octets });
    const pings = this.log.keepAlives.filter((one) => one.octets >= 4).length;
    if (pings <= this.#answersKeepAlives) socket.write('\r\n'.repeat(Math.floor(octets / 4)));
  }

  async #answerStream(
    reply: QuirkReply,
    request: SeenMessage,
    socket: Socket,
    address: string,
    port: number,
  ): Promise<void> {
    if (reply.delay !== undefined) await sleep(reply.delay * 1000, undefined, { ref: false });
    for (const segment of segmentsOf(this.#wire(reply, request, address, port), reply.split)) {
      if (socket.destroyed) return;
      socket.write(segment);
      if (reply.split !== undefined) await sleep(SPLIT_PAUSE_MS);
    }
    if (reply.close === true) socket.end();
  }

  #background(work: Promise<void>): void {
    work.catch((error: unknown) => this.faults.push(error));
  }

  #wire(reply: QuirkReply, request: SeenMessage, address: string, port: number): Buffer {
    this.#replies += 1;
    const count = this.#replies;
    return wireOf(reply, request, {
      port: this.#port,
      sourceAddress: address,
      sourcePort: port,
      count,
    });
  }

  /** Notes what arrived, with the step that it is answered by. */
  #take(raw: string, source: string, isSecure = false): SeenMessage {
    const seen = seenMessage(raw, this.#clock(), source);
    const step = seen.method === 'REGISTER' ? this.#stepOf(seen.branch) : undefined;
    const message = { ...seen, step, isSecure };
    this.log.messages.push(message);
    return message;
  }

  #stepOf(branch: string): number {
    const step =
      this.#steps.get(branch) ?? Math.min(this.#steps.size, this.#quirk.steps.length - 1);
    this.#steps.set(branch, step);
    return step;
  }

  #repliesTo({ method, step }: SeenMessage): readonly QuirkReply[] {
    if (step !== undefined) return this.#quirk.steps[step] ?? [];
    return method === 'RESPONSE' || method === 'ACK' ? [] : [PLAIN_OK];
  }

  get #answersKeepAlives(): number {
    return this.#quirk.keepAlives ?? Number.POSITIVE_INFINITY;
  }

  get #hasOtherAddress(): boolean {
    return this.#quirk.steps.some((step) => step.some(({ src }) => src === 'altaddr'));
  }
}

/** What begins like a TLS handshake goes to the TLS server. */
function sort(socket: Socket, accept: (socket: Socket) => void, secure: TlsServer): void {
  socket.on('error', () => undefined);
  socket.once('data', (octets) => {
    socket.pause();
    socket.unshift(octets);
    if (octets[0] === TLS_HANDSHAKE) secure.emit('connection', socket);
    else {
      accept(socket);
      socket.resume();
    }
  });
}

const TLS_HANDSHAKE = 0x16;

const PLAIN_OK: QuirkReply = {
  raw: 'SIP/2.0 200 OK\n{VIA}\n{FROM}\n{TO}\n{CALLID}\n{CSEQ}\nContent-Length: 0\n\n',
};

/** As sent-by has it. */
const place = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

async function bound(port: number, host: string): Promise<UdpSocket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  // What an unreachable port answers is no matter here.
  socket.on('error', () => undefined);
  socket.bind(port, host);
  await once(socket, 'listening');
  return socket;
}

function segmentsOf(octets: Buffer, split: number | 'cr' | undefined): readonly Buffer[] {
  if (split === undefined) return octets.length === 0 ? [] : [octets];
  if (split === 'cr') {
    const parts = octets.toString('latin1').split(/(?<=\r)/);
    return parts.map((part) => Buffer.from(part, 'latin1'));
  }
  const segments: Buffer[] = [];
  for (let at = 0; at < octets.length; at += split) segments.push(octets.subarray(at, at + split));
  return segments;
}
