/** A peer that sends requests to the daemon, over one transport, and keeps what comes back. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { Protocol } from './quirk-case.ts';

export interface Place {
  readonly host: string;
  readonly ports: Readonly<Record<Protocol, number>>;
  /** Of the authority, for TLS. */
  readonly ca: string;
}

/** Long enough for an answer on busy cores, short enough to wait for one that never comes. */
const ANSWER_MS = 1500;

export class UasPeer {
  /** Of every answer that any peer got over UDP. */
  static readonly statuses = new Set<number>();
  readonly protocol: Protocol;
  readonly host: string;
  port = 0;
  readonly #replies: string[] = [];
  #write: (wire: string) => void = () => undefined;
  #close: () => void = () => undefined;

  private constructor(protocol: Protocol, host: string) {
    this.protocol = protocol;
    this.host = host;
  }

  /** `from`: the address that it sends from. */
  static async to(place: Place, protocol: Protocol, from = place.host): Promise<UasPeer> {
    const peer = new UasPeer(protocol, from);
    if (protocol === 'udp') await peer.#openUdp(place, from);
    else await peer.#openStream(place, protocol, from);
    return peer;
  }

  /** Messages that came, whole, in order. */
  get replies(): readonly string[] {
    return this.protocol === 'udp' ? this.#replies : messagesIn(this.#replies.join(''));
  }

  get via(): string {
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return `SIP/2.0/${this.protocol.toUpperCase()} ${host}:${this.port}`;
  }

  send(wire: string): void {
    this.#write(wire);
  }

  /** Sends, and gives what came back: once `count` answers are there, or none is awaited any more. */
  async ask(wire: string, count = 1): Promise<readonly string[]> {
    const before = this.replies.length;
    this.send(wire);
    return await this.after(before, count);
  }

  async after(before: number, count: number): Promise<readonly string[]> {
    const end = performance.now() + ANSWER_MS;
    while (this.replies.length < before + count && performance.now() < end) await sleep(10);
    return this.replies.slice(before);
  }

  close(): void {
    this.#close();
  }

  async #openUdp({ host, ports }: Place, from: string): Promise<void> {
    const socket: UdpSocket = createSocket(from.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (octets) => {
      const reply = octets.toString('latin1');
      this.#replies.push(reply);
      UasPeer.statuses.add(statusOf(reply));
    });
    socket.bind(0, from);
    await once(socket, 'listening');
    this.port = socket.address().port;
    this.#write = (wire) => socket.send(Buffer.from(wire, 'latin1'), ports.udp, host);
    this.#close = () => socket.close();
  }

  async #openStream({ host, ports, ca }: Place, protocol: 'tcp' | 'tls', from: string) {
    const way = { host, port: ports[protocol], localAddress: from };
    const socket: Socket =
      protocol === 'tcp' ? connect(way) : connectTls({ ...way, ca, servername: 'registrar.test' });
    await once(socket, protocol === 'tcp' ? 'connect' : 'secureConnect');
    socket.on('data', (octets) => this.#replies.push(octets.toString('latin1')));
    // The daemon closes connections that carry what cannot be framed.
    socket.on('error', () => undefined);
    this.port = socket.localPort ?? 0;
    this.#write = (wire) => socket.write(wire, 'latin1');
    this.#close = () => socket.destroy();
  }
}

/** Answers have no bodies. */
function messagesIn(stream: string): readonly string[] {
  return stream
    .split(/(?<=\r\n\r\n)/)
    .filter((part) => part.endsWith('\r\n\r\n') && part.trim() !== '');
}

let count = 0;

/** A request that is sound; parts can be replaced, and left out with undefined. */
export function request(
  peer: UasPeer,
  parts: Readonly<Record<string, string | readonly string[] | undefined>> = {},
  line = 'OPTIONS sip:trunkd@127.0.0.1 SIP/2.0',
  body = '',
): string {
  count += 1;
  const [method = ''] = line.split(' ');
  const fields: Readonly<Record<string, string | readonly string[] | undefined>> = {
    Via: `${peer.via};rport;branch=z9hG4bKuas${count}`,
    'Max-Forwards': '70',
    From: '<sip:peer@peer.test>;tag=p1',
    To: '<sip:trunkd@127.0.0.1>',
    'Call-ID': `uas${count}@peer.test`,
    CSeq: `1 ${method}`,
    ...parts,
    'Content-Length': String(body.length),
  };
  const lines = Object.entries(fields).flatMap(([name, value]) => {
    const values = value === undefined ? [] : typeof value === 'string' ? [value] : value;
    return values.map((one) => `${name}: ${one}`);
  });
  return `${[line, ...lines].join('\r\n')}\r\n\r\n${body}`;
}

export const statusOf = (reply: string | undefined): number =>
  Number(/^SIP\/2\.0 (\d+)/.exec(reply ?? '')?.[1] ?? 0);

/** The values of a field of a reply, in order. */
export const valuesOf = (reply: string | undefined, name: string): readonly string[] =>
  [...(reply ?? '').matchAll(new RegExp(`^${name}: ?(.*)\\r$`, 'gim'))].map(
    ([, value = '']) => value,
  );
