/**
 * DNS messages (RFC 1035 section 4; EDNS0: RFC 6891), over dns-packet. Nothing that a name server sends
 * throws: what is no answer to the question counts as foreign, and is dropped by the caller.
 */
import { isIP } from 'node:net';
import {
  type Answer,
  type DecodedPacket,
  decode,
  encode,
  type Packet,
  RECURSION_DESIRED,
  type RecordType,
} from 'dns-packet';
import type { LookupAnswer, LookupQuestion, LookupRecord } from '../core/sip/locate/ports.ts';

/** Fits through every path without fragments, as the DNS flag day of 2020 agreed. */
const UDP_PAYLOAD_OCTETS = 1232;
/** CNAMEs inside one answer. */
const MAX_ALIASES = 8;
const MAX_ADDRESSES = 16;
const MAX_SRV = 32;
const MAX_NAPTR = 32;

const TYPE: Readonly<Record<LookupQuestion['kind'], RecordType>> = {
  a: 'A',
  aaaa: 'AAAA',
  srv: 'SRV',
  naptr: 'NAPTR',
};
const MAX_RECORDS: Readonly<Record<LookupQuestion['kind'], number>> = {
  a: MAX_ADDRESSES,
  aaaa: MAX_ADDRESSES,
  srv: MAX_SRV,
  naptr: MAX_NAPTR,
};

/** RFC 1035 section 4.1.1. */
const RCODE: Readonly<Record<number, string>> = {
  1: 'FORMERR',
  2: 'SERVFAIL',
  4: 'NOTIMP',
  5: 'REFUSED',
};
const NXDOMAIN = 3;

export type Reply =
  /** Not an answer to this question: forged, late or garbage. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'answer'; readonly answer: LookupAnswer }
  /** The name is another name for this one, of which the answer says nothing. */
  | { readonly kind: 'alias'; readonly name: string; readonly ttlSec: number }
  /** The server does not answer it. */
  | { readonly kind: 'error'; readonly code: string };

const FOREIGN: Reply = { kind: 'foreign' };

/** Undefined when the name cannot stand in a DNS message. */
export function encodeQuery(
  { kind, name }: LookupQuestion,
  id: number,
  withEdns: boolean,
): Buffer | undefined {
  if (!isName(name)) return undefined;
  const packet: Packet = {
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type: TYPE[kind], name, class: 'IN' }],
  };
  return encode(withEdns ? { ...packet, additionals: [EDNS] } : packet);
}

const EDNS: Answer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: UDP_PAYLOAD_OCTETS,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

/** What a server sent from the right address: is it an answer to this question, and which? */
export function readReply(octets: Buffer, question: LookupQuestion, id: number): Reply {
  const packet = decoded(octets);
  if (packet === undefined || !isReplyTo(packet, question, id)) return FOREIGN;
  if (packet.flag_tc) return { kind: 'truncated' };
  const rcode = (packet.flags ?? 0) & 0xf;
  if (rcode !== 0 && rcode !== NXDOMAIN) {
    return { kind: 'error', code: RCODE[rcode] ?? `RCODE ${rcode}` };
  }
  return readRecords(packet, question, rcode === NXDOMAIN);
}

function decoded(octets: Buffer): DecodedPacket | undefined {
  try {
    const packet = decode(octets);
    // It does not mind when the last record is cut short, and makes an address of what is left.
    return decode.bytes > octets.length ? undefined : packet;
  } catch {
    // It throws at whatever it does not understand.
    return undefined;
  }
}

/** RFC 5452 section 9.1: who guessed the id has to know the question, too. */
function isReplyTo(packet: DecodedPacket, { kind, name }: LookupQuestion, id: number): boolean {
  const [asked, ...more] = packet.questions ?? [];
  return (
    packet.type === 'response' &&
    packet.id === id &&
    asked !== undefined &&
    more.length === 0 &&
    asked.type === TYPE[kind] &&
    (asked.class ?? 'IN') === 'IN' &&
    asked.name.toLowerCase() === name
  );
}

function readRecords(packet: DecodedPacket, question: LookupQuestion, isNxdomain: boolean): Reply {
  const answers = packet.answers ?? [];
  const { name, ttlSec } = followAliases(answers, question.name);
  const found = answers.filter(
    (one) => one.type === TYPE[question.kind] && one.name.toLowerCase() === name,
  );
  const records = found.map(toRecord).filter((one) => one !== undefined);
  if (records.length > 0) {
    const answer: LookupAnswer = {
      records: records.slice(0, MAX_RECORDS[question.kind]),
      ttlSec: Math.min(ttlSec, ...found.map(ttlOf)),
    };
    if (question.kind !== 'srv') return { kind: 'answer', answer };
    return { kind: 'answer', answer: { ...answer, extras: extrasOf(packet, answer.records) } };
  }
  const negativeSec = negativeTtl(packet);
  // An alias without a word on its target, not even that there is nothing, has to be asked on.
  if (name !== question.name && !isNxdomain && negativeSec === undefined) {
    return { kind: 'alias', name, ttlSec };
  }
  return { kind: 'answer', answer: { records: [], ttlSec: Math.min(ttlSec, negativeSec ?? 0) } };
}

/** The name at the end of the chain, and the shortest life on the way. Loops end by their length. */
function followAliases(
  answers: readonly Answer[],
  start: string,
): { readonly name: string; readonly ttlSec: number } {
  let name = start;
  let ttlSec = Number.MAX_SAFE_INTEGER;
  for (let turn = 0; turn < MAX_ALIASES; turn += 1) {
    const alias = answers.find((one) => one.type === 'CNAME' && one.name.toLowerCase() === name);
    if (alias?.type !== 'CNAME' || !isName(alias.data.toLowerCase())) break;
    name = alias.data.toLowerCase();
    ttlSec = Math.min(ttlSec, ttlOf(alias));
  }
  return { name, ttlSec };
}

/** RFC 2308 section 5; undefined without an SOA record. */
function negativeTtl({ authorities }: DecodedPacket): number | undefined {
  const soa = authorities?.find((one) => one.type === 'SOA');
  return soa?.type === 'SOA' ? Math.min(ttlOf(soa), soa.data.minimum ?? 0) : undefined;
}

/** Addresses of the SRV targets in the additional section (RFC 2782). */
function extrasOf(
  { additionals = [] }: DecodedPacket,
  records: readonly LookupRecord[],
): NonNullable<LookupAnswer['extras']> {
  const extras: NonNullable<LookupAnswer['extras']>[number][] = [];
  for (const record of records) {
    if (record.kind !== 'srv') continue;
    const name = record.target.toLowerCase();
    for (const kind of ['a', 'aaaa'] as const) {
      const isOurs = (one: Answer) => one.type === TYPE[kind] && one.name.toLowerCase() === name;
      const found = additionals.filter(isOurs);
      const addresses = found.map(toRecord).filter((one) => one !== undefined);
      if (addresses.length === 0) continue;
      const ttlSec = Math.min(...found.map(ttlOf));
      const answer = { records: addresses.slice(0, MAX_ADDRESSES), ttlSec };
      extras.push({ question: { kind, name }, answer });
    }
  }
  return extras;
}

function toRecord(answer: Answer): LookupRecord | undefined {
  switch (answer.type) {
    case 'A':
      return isIP(answer.data) === 4
        ? { kind: 'address', address: answer.data, family: 4 }
        : undefined;
    case 'AAAA':
      return isIP(answer.data) === 6
        ? { kind: 'address', address: answer.data, family: 6 }
        : undefined;
    case 'SRV': {
      const { target, port, priority = 0, weight = 0 } = answer.data;
      const isUsable = target === '.' || isName(target.toLowerCase());
      return isUsable ? { kind: 'srv', target, port, priority, weight } : undefined;
    }
    case 'NAPTR': {
      const { order, preference, flags, services, replacement } = answer.data;
      if (!isName(replacement.toLowerCase())) return undefined;
      return { kind: 'naptr', order, preference, flags, service: services, replacement };
    }
    default:
      return undefined;
  }
}

/** RFC 2181 section 8: a TTL with the highest bit set counts as 0. */
function ttlOf(answer: Answer): number {
  const ttlSec = 'ttl' in answer ? (answer.ttl ?? 0) : 0;
  return ttlSec < 2 ** 31 ? ttlSec : 0;
}

/** Names that we would ask for again: letters, digits, hyphen, underscore, in labels of usual length. */
function isName(name: string): boolean {
  return (
    name.length <= 253 && /^[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*\.?$/.test(name)
  );
}
