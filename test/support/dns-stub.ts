/**
 * A name server on loopback that answers what a test says, or does not (RFC 1035 section 4). It writes
 * its messages by hand, so that they can be as wrong as a test likes.
 */
import dgram from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type Server } from 'node:net';

const TYPES = { A: 1, CNAME: 5, SOA: 6, AAAA: 28, SRV: 33, NAPTR: 35 } as const;
type RecordType = keyof typeof TYPES;

export interface DnsRecord {
  readonly type: RecordType;
  readonly ttlSec: number;
  readonly rdata: Buffer;
  /** Undefined: the name that was asked for. */
  readonly owner?: string;
}

/** All three sections. */
interface DnsSections {
  readonly answers?: readonly DnsRecord[];
  readonly authorities?: readonly DnsRecord[];
  readonly additionals?: readonly DnsRecord[];
  readonly code?: number;
  readonly isTruncated?: boolean;
}

export type DnsReply =
  | readonly DnsRecord[]
  | DnsSections
  | 'NXDOMAIN'
  | 'SERVFAIL'
  | 'REFUSED'
  | 'FORMERR'
  | 'silence'
  /** Octets as they stand, one datagram each; `good` is what would be right, `later` sends when it likes. */
  | ((
      query: Buffer,
      good: (sections: DnsSections) => Buffer,
      later: (octets: Buffer) => void,
    ) => readonly Buffer[]);

const CODES = { FORMERR: 1, NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const;

export class DnsStub {
  /** By `name TYPE`; what is not here gets no records. */
  readonly zone = new Map<string, DnsReply>();
  /** The same over TCP, where it differs. */
  readonly tcpZone = new Map<string, DnsReply>();
  readonly asked: string[] = [];
  readonly askedByTcp: string[] = [];
  /** Ports that queries came from, and their ids. */
  readonly ports: number[] = [];
  readonly ids: number[] = [];
  /** True for those that had an OPT record. */
  readonly hadEdns: boolean[] = [];
  readonly #socket = dgram.createSocket('udp4');
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', (chunk) => {
        const query = chunk.subarray(2);
        this.askedByTcp.push(keyOf(query));
        const send = (reply: Buffer): void => {
          socket.write(Buffer.concat([uint16(reply.length), reply]));
        };
        for (const reply of this.#answer(query, send, this.tcpZone)) send(reply);
      });
    });
  }

  static async start(): Promise<DnsStub> {
    const stub = new DnsStub();
    stub.#socket.on('message', (query, { port, address }) => {
      stub.asked.push(keyOf(query));
      stub.ports.push(port);
      stub.ids.push(query.readUInt16BE(0));
      stub.hadEdns.push(query.readUInt16BE(10) === 1);
      const send = (reply: Buffer): void => stub.#socket.send(reply, port, address);
      for (const reply of stub.#answer(query, send)) send(reply);
    });
    stub.#socket.bind(0, '127.0.0.1');
    await once(stub.#socket, 'listening');
    stub.#server.listen(stub.#socket.address().port, '127.0.0.1');
    await once(stub.#server, 'listening');
    return stub;
  }

  get server(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  close(): void {
    this.#socket.close();
    this.#server.close();
  }

  #answer(query: Buffer, later: (octets: Buffer) => void, zone = this.zone): readonly Buffer[] {
    const key = keyOf(query);
    const reply = zone.get(key) ?? this.zone.get(key) ?? [];
    if (reply === 'silence') return [];
    const good = (sections: DnsSections): Buffer => writeMessage(query, sections);
    if (typeof reply === 'function') return reply(query, good, later);
    if (typeof reply === 'string') return [good({ code: CODES[reply] })];
    return [good(isList(reply) ? { answers: reply } : reply)];
  }
}

function isList(reply: readonly DnsRecord[] | DnsSections): reply is readonly DnsRecord[] {
  return Array.isArray(reply);
}

function keyOf(query: Buffer): string {
  const { name, end } = readName(query, 12);
  const type = query.readUInt16BE(end);
  const typeName = Object.entries(TYPES).find(([, number]) => number === type)?.[0] ?? `${type}`;
  return `${name.toLowerCase()} ${typeName}`;
}

function writeMessage(query: Buffer, sections: DnsSections): Buffer {
  const { answers = [], authorities = [], additionals = [], code = 0, isTruncated } = sections;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8180 | (isTruncated === true ? 0x0200 : 0) | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt16BE(authorities.length, 8);
  header.writeUInt16BE(additionals.length, 10);
  const question = query.subarray(12, readName(query, 12).end + 4);
  const records = [...answers, ...authorities, ...additionals].map(writeRecord);
  return Buffer.concat([header, question, ...records]);
}

export function address(literal: string, ttlSec = 300, owner?: string): DnsRecord {
  const of = owner === undefined ? {} : { owner };
  if (!isIPv6(literal))
    return { type: 'A', ttlSec, rdata: Buffer.from(literal.split('.').map(Number)), ...of };
  const [head = '', tail = ''] = literal.split('::');
  const before = head.split(':').filter(Boolean);
  const behind = tail.split(':').filter(Boolean);
  const zeros = Array<string>(8 - before.length - behind.length).fill('0');
  const hex = [...before, ...zeros, ...behind].map((group) => group.padStart(4, '0')).join('');
  return { type: 'AAAA', ttlSec, rdata: Buffer.from(hex, 'hex'), ...of };
}

export function srv(
  priority: number,
  weight: number,
  port: number,
  target: string,
  ttlSec = 300,
): DnsRecord {
  const numbers = [priority, weight, port].map(uint16);
  return { type: 'SRV', ttlSec, rdata: Buffer.concat([...numbers, writeName(target)]) };
}

export function naptr(order: number, preference: number, service: string, to: string): DnsRecord {
  const texts = ['s', service, ''].map((text) => Buffer.from([text.length, ...Buffer.from(text)]));
  const rdata = Buffer.concat([uint16(order), uint16(preference), ...texts, writeName(to)]);
  return { type: 'NAPTR', ttlSec: 300, rdata };
}

export function cname(owner: string, to: string, ttlSec = 300): DnsRecord {
  return { type: 'CNAME', ttlSec, owner, rdata: writeName(to) };
}

export function soa(minimumSec: number, ttlSec = 300): DnsRecord {
  const numbers = [1, 2, 3, 4, minimumSec].map(uint32);
  const rdata = Buffer.concat([writeName('ns.test'), writeName('root.test'), ...numbers]);
  return { type: 'SOA', ttlSec, owner: 'test', rdata };
}

function writeRecord({ type, ttlSec, rdata, owner }: DnsRecord): Buffer {
  const name = owner === undefined ? uint16(0xc00c) : writeName(owner);
  const head = [name, uint16(TYPES[type]), uint16(1), uint32(ttlSec), uint16(rdata.length)];
  return Buffer.concat([...head, rdata]);
}

function writeName(name: string): Buffer {
  if (name === '.' || name === '') return Buffer.from([0]);
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function readName(packet: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = packet[at] ?? 0; length > 0; length = packet[at] ?? 0) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 1 };
}

function uint16(value: number): Buffer {
  const octets = Buffer.alloc(2);
  octets.writeUInt16BE(value);
  return octets;
}

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}
