/** Octets that are no SIP: answers of name servers and of STUN servers, mutated. Nothing escapes, nothing odd is believed. */
import { encode, type Packet } from 'dns-packet';
import { bindingRequest, isStun, parseStunAnswer } from '../../../src/core/sip/keep-alive/stun.ts';
import { parseIpLiteral } from '../../../src/core/sip/locate/ip-literal.ts';
import type { LookupQuestion, LookupRecord } from '../../../src/core/sip/locate/ports.ts';
import { readReply } from '../../../src/net/dns-message.ts';
import { stunAnswer } from '../conformance/stun.ts';
import { type Draw, hold } from './draw.ts';

const ID = 7;
const NAME = '_sip._udp.a.test';
const ANSWERS = {
  a: { type: 'A', data: '192.0.2.1' },
  aaaa: { type: 'AAAA', data: '2001:db8::1' },
  srv: { type: 'SRV', data: { target: 'n.a.test', port: 5060, priority: 1, weight: 2 } },
  naptr: {
    type: 'NAPTR',
    data: {
      ...{ flags: 's', services: 'SIP+D2U', regexp: '', replacement: NAME },
      ...{ order: 1, preference: 2 },
    },
  },
} as const;
type Kind = keyof typeof ANSWERS;
const KINDS = Object.keys(ANSWERS) as readonly Kind[];

export function runLookup(draw: Draw): string {
  const question: LookupQuestion = { kind: draw.pick(KINDS), name: NAME };
  const reply = readReply(spoilt(encode(aReply(question.kind, draw)), draw), question, ID);
  if (reply.kind !== 'answer') return reply.kind;
  const { records, ttlSec, extras = [] } = reply.answer;
  hold(ttlSec >= 0 && ttlSec < 2 ** 31, 'a TTL is a span of time');
  for (const record of [...records, ...extras.flatMap(({ answer }) => answer.records)]) {
    isSound(record);
  }
  return records.length > 0 ? 'records' : 'nothing';
}

function aReply(kind: Kind, draw: Draw): Packet {
  const { type } = ANSWERS[kind];
  const own = { ...ANSWERS[kind], ttl: 60 };
  return {
    ...{ type: 'response', id: ID, flags: 0x8180 },
    questions: [{ type, name: NAME, class: 'IN' }],
    answers: draw.isOneIn(2)
      ? [{ ...own, name: NAME }]
      : [
          { type: 'CNAME', name: NAME, ttl: 9, data: 'b.test' },
          { ...own, name: 'b.test' },
        ],
    additionals: [{ type: 'A', name: 'n.a.test', ttl: 1, data: '192.0.2.2' }],
  };
}

function isSound(record: LookupRecord): void {
  if (record.kind === 'address') {
    hold(parseIpLiteral(record.address)?.family === record.family, 'an address is one');
  } else if (record.kind === 'srv') {
    const numbers = [record.port, record.priority, record.weight];
    hold(
      numbers.every((one) => Number.isInteger(one) && one >= 0 && one < 65_536),
      'the numbers of an SRV record have 16 bits',
    );
  }
}

export function runStun(draw: Draw): string {
  const request = Buffer.from(bindingRequest('0123456789abcdef01234567'), 'latin1');
  const wire = spoilt(stunAnswer(request, '192.0.2.1', 5070), draw).toString('latin1');
  const answer = parseStunAnswer(wire);
  if (answer === undefined) return isStun(wire) ? 'no answer' : 'no STUN';
  hold(/^[0-9a-f]{24}$/.test(answer.id), 'an id has 24 digits');
  const { mapped } = answer;
  hold(mapped === undefined || /^[^\s]+:[1-9]\d{0,4}$/.test(mapped), 'what is mapped is a place');
  return mapped === undefined ? 'not mapped' : 'mapped';
}

/** Some octets are others, point back into the message, or are missing. */
function spoilt(sound: Buffer, draw: Draw): Buffer {
  let octets = Buffer.from(sound);
  for (let times = draw.below(4); times > 0 && octets.length > 0; times -= 1) {
    const at = draw.below(octets.length);
    switch (draw.below(4)) {
      case 0:
        octets[at] = draw.below(256);
        break;
      case 1:
        octets[at] = (octets[at] ?? 0) ^ (1 << draw.below(8));
        break;
      case 2:
        // A pointer of the compression of names (RFC 1035 section 4.1.4), to anywhere.
        octets.writeUInt16BE(0xc000 | draw.below(octets.length), Math.min(at, octets.length - 2));
        break;
      default:
        octets = octets.subarray(0, draw.isOneIn(4) ? at : octets.length);
    }
    if (octets.length < 2) return octets;
  }
  return octets;
}
