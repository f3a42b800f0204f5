/**
 * The little of STUN that keeps a UDP flow alive (RFC 5626 section 4.4.2): the Binding request, and the
 * XOR-MAPPED-ADDRESS of its answer. RFC 8489 sections 5, 6, 14.2. Wire text: one character per octet.
 *
 *    0 1 2 3            4 5 6 7         8 ... 19             20 ...
 *   | type  | length   | magic cookie  | transaction id     | attributes: type, length, value, padding
 *
 * Anybody can send us one, so nothing is believed before the transaction id, 96 bits of chance, is ours.
 */
import { parseIpLiteral } from '../locate/ip-literal.ts';
import { fromHex } from '../message/wire-text.ts';

const HEADER_OCTETS = 20;
const COOKIE = '\x21\x12\xa4\x42';
const BINDING_REQUEST = '\x00\x01\x00\x00';
const SUCCESS = 0x0101;
const ERROR = 0x0111;
const XOR_MAPPED_ADDRESS = 0x0020;
const IPV4 = 1;
const IPV6 = 2;
/** Hexadecimal digits of a transaction id. */
export const STUN_ID_DIGITS = 24;

/** An answer to a Binding request. */
export interface StunAnswer {
  /** Hexadecimal, as it was given to `bindingRequest`. */
  readonly id: string;
  /** `host:port` as the server sees us; undefined: it refused, or did not say. */
  readonly mapped: string | undefined;
}

/** `id`: 24 hexadecimal digits that nobody can guess. */
export function bindingRequest(id: string): string {
  return BINDING_REQUEST + COOKIE + fromHex(id);
}

/** RFC 5626 section 8: the first two bits of STUN are 0, those of SIP never are. */
export function isStun(wire: string): boolean {
  return wire.length >= HEADER_OCTETS && wire.charCodeAt(0) < 0x40 && wire.startsWith(COOKIE, 4);
}

/** Undefined for what is no answer to a Binding request, or is malformed. */
export function parseStunAnswer(wire: string): StunAnswer | undefined {
  if (!isStun(wire) || wire.length !== HEADER_OCTETS + word(wire, 2)) return undefined;
  const type = word(wire, 0);
  if (type !== SUCCESS && type !== ERROR) return undefined;
  let id = '';
  for (let at = 8; at < HEADER_OCTETS; at += 1) {
    id += wire.charCodeAt(at).toString(16).padStart(2, '0');
  }
  return { id, mapped: type === SUCCESS ? mappedAddress(wire) : undefined };
}

/** The first one counts; each step goes on by at least four octets. */
function mappedAddress(wire: string): string | undefined {
  let at = HEADER_OCTETS;
  while (at + 4 <= wire.length) {
    const length = word(wire, at + 2);
    const value = at + 4;
    if (value + length > wire.length) return undefined;
    if (word(wire, at) === XOR_MAPPED_ADDRESS) return xored(wire, value, length);
    at = value + length + ((4 - (length & 3)) & 3);
  }
  return undefined;
}

/** Port and address are XORed with the cookie, an IPv6 address with the transaction id as well. */
function xored(wire: string, value: number, length: number): string | undefined {
  const family = length < 8 ? 0 : wire.charCodeAt(value + 1);
  const port = length < 8 ? 0 : word(wire, value + 2) ^ word(COOKIE, 0);
  if (port === 0) return undefined;
  const octet = (at: number): number => wire.charCodeAt(value + 4 + at) ^ wire.charCodeAt(4 + at);
  if (family === IPV4 && length === 8) {
    return `${octet(0)}.${octet(1)}.${octet(2)}.${octet(3)}:${port}`;
  }
  if (family !== IPV6 || length !== 20) return undefined;
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((octet(at) << 8) | octet(at + 1)).toString(16));
  const literal = parseIpLiteral(groups.join(':'));
  return literal === undefined ? undefined : `[${literal.address}]:${port}`;
}

function word(wire: string, at: number): number {
  return (wire.charCodeAt(at) << 8) | wire.charCodeAt(at + 1);
}
