/** A name server on loopback that answers what a test says, or does not (RFC 1035 section 4). */
import dgram from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

const TYPES = { A: 1, AAAA: 28, SRV: 33, NAPTR: 35 } as const;
type RecordType = keyof typeof TYPES;

export interface DnsRecord {
  readonly type: RecordType;
  readonly ttlSec: number;
  readonly rdata: Buffer;
}

export type DnsReply = readonly DnsRecord[] | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED' | 'silence';

const CODES = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const;

export class DnsStub {
  /** By `name TYPE`; what is not here gets no records. */
  readonly zone = new Map<string, DnsReply>();
  readonly asked: string[] = [];
  readonly #socket = dgram.createSocket('udp4');

  static async start(): Promise<DnsStub> {
    const stub = new DnsStub();
    stub.#socket.on('message', (query, { port, address }) => {
      const answer = stub.#answer(query);
      if (answer !== undefined) stub.#socket.send(answer, port, address);
    });
    stub.#socket.bind(0, '127.0.0.1');
    await once(stub.#socket, 'listening');
    return stub;
  }

  get server(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  close(): void {
    this.#socket.close();
  }

  #answer(query: Buffer): Buffer | undefined {
    const { name, end } = readName(query, 12);
    const type = query.readUInt16BE(end);
    const typeName = Object.entries(TYPES).find(([, number]) => number === type)?.[0] ?? `${type}`;
    const key = `${name.toLowerCase()} ${typeName}`;
    this.asked.push(key);
    const reply = this.zone.get(key) ?? [];
    if (reply === 'silence') return undefined;
    const records = typeof reply === 'string' ? [] : reply;
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (typeof reply === 'string' ? CODES[reply] : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    return Buffer.concat([header, query.subarray(12, end + 4), ...records.map(writeRecord)]);
  }
}

export function address(literal: string, ttlSec = 300): DnsRecord {
  if (!isIPv6(literal))
    return { type: 'A', ttlSec, rdata: Buffer.from(literal.split('.').map(Number)) };
  const [head = '', tail = ''] = literal.split('::');
  const before = head.split(':').filter(Boolean);
  const behind = tail.split(':').filter(Boolean);
  const zeros = Array<string>(8 - before.length - behind.length).fill('0');
  const hex = [...before, ...zeros, ...behind].map((group) => group.padStart(4, '0')).join('');
  return { type: 'AAAA', ttlSec, rdata: Buffer.from(hex, 'hex') };
}

export function srv(priority: number, weight: number, port: number, target: string): DnsRecord {
  const numbers = [priority, weight, port].map(uint16);
  return { type: 'SRV', ttlSec: 300, rdata: Buffer.concat([...numbers, writeName(target)]) };
}

export function naptr(order: number, preference: number, service: string, to: string): DnsRecord {
  const texts = ['s', service, ''].map((text) => Buffer.from([text.length, ...Buffer.from(text)]));
  const rdata = Buffer.concat([uint16(order), uint16(preference), ...texts, writeName(to)]);
  return { type: 'NAPTR', ttlSec: 300, rdata };
}

function writeRecord({ type, ttlSec, rdata }: DnsRecord): Buffer {
  const ttl = Buffer.alloc(4);
  ttl.writeUInt32BE(ttlSec);
  const pointer = uint16(0xc00c);
  return Buffer.concat([pointer, uint16(TYPES[type]), uint16(1), ttl, uint16(rdata.length), rdata]);
}

function writeName(name: string): Buffer {
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
