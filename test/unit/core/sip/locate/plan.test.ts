import { describe, expect, it } from 'vitest';
import { fault } from '../../../../../src/core/base/fault.ts';
import { planTargets, type Recalled } from '../../../../../src/core/sip/locate/plan.ts';
import type {
  LookupQuestion,
  LookupRecord,
  WaysOut,
} from '../../../../../src/core/sip/locate/ports.ts';
import {
  type NextHop,
  type TransportProtocol,
  targetKey,
} from '../../../../../src/core/sip/locate/target.ts';
import { EVERY_WAY } from '../../../../support/every-way.ts';

const a = (address: string): LookupRecord => ({
  kind: 'address',
  address,
  family: address.includes(':') ? 6 : 4,
});
const srv = (priority: number, weight: number, port: number, target: string): LookupRecord => ({
  ...{ kind: 'srv', priority, weight, port, target },
});
const naptr = (order: number, service: string, replacement: string, flags = 's'): LookupRecord => ({
  ...{ kind: 'naptr', order, preference: 50, flags, service, replacement },
});

/** By `kind name`; what is not here is not there. */
const ZONE: Readonly<Record<string, readonly LookupRecord[] | 'fails'>> = {
  'naptr d1.test': [
    naptr(100, 'SIP+D2U', '_sip._udp.d1.test'),
    naptr(50, 'SIPS+D2T', '_sips._tcp.d1.test'),
    naptr(90, 'SIP+D2T', '_sip._tcp.d1.test'),
  ],
  'srv _sips._tcp.d1.test': [srv(0, 1, 5061, 'a1.test')],
  'srv _sip._tcp.d1.test': [srv(0, 1, 5060, 'a1.test'), srv(0, 2, 5062, 'a2.test')],
  'srv _sip._udp.d1.test': [srv(10, 1, 5062, 'a2.test'), srv(0, 1, 5060, 'A1.test.')],
  'a a1.test': [a('192.0.2.1')],
  'a a2.test': [a('192.0.2.2')],
  'a d2.test': [a('192.0.2.9')],
  'srv _sip._udp.d2.test': [srv(0, 0, 5062, 'a2.test')],
  'a d3.test': [a('192.0.2.1'), a('192.0.2.2')],
  'srv _sip._udp.gone.test': [srv(0, 0, 0, '.')],
  'a gone.test': [a('192.0.2.9')],
  'naptr moved.test': [naptr(10, 'SIP+D2U', '_sip._udp.d1.test')],
  'naptr strange.test': [
    naptr(10, 'E2U+sip', '_sip._udp.d1.test'),
    naptr(20, 'SIP+D2S', '_sip._sctp.d1.test'),
    naptr(30, 'SIP+D2U', '_sip._udp.d1.test', 'u'),
  ],
  'srv _sip._tcp.strange.test': [srv(0, 0, 5062, 'a2.test')],
  'srv _sip._udp.half.test': [srv(0, 0, 5060, 'nowhere.test'), srv(1, 0, 5062, 'a2.test')],
  'naptr secure.test': [naptr(10, 'SIPS+D2T', '_sips._tcp.d1.test')],
  'naptr small.test': [naptr(10, 'sip+d2u', '_SIP._udp.D1.test', 'S')],
  'a evil.test': [a('224.0.1.75'), a('169.254.169.254'), a('192.0.2.3')],
  'srv _sip._udp.worse.test': [srv(0, 0, 5060, '0.0.0.0')],
  'a dual.test': [a('192.0.2.1')],
  'aaaa dual.test': [a('2001:db8::1')],
  'srv _sip._udp.ip.test': [srv(0, 0, 5060, '192.0.2.7')],
  'srv _sip._udp.broken.test': 'fails',
  'srv _sip._tcp.broken.test': [srv(0, 0, 5062, 'a2.test')],
  'naptr dangling.test': [naptr(10, 'SIP+D2U', '_sip._udp.nowhere.test')],
  'a dangling.test': [a('192.0.2.8')],
};

/** Only these transports and families have a socket. */
const only = (protocols: readonly TransportProtocol[], families: readonly (4 | 6)[]): WaysOut => ({
  serves: (protocol, family) => protocols.includes(protocol) && families.includes(family),
  reaches: () => true,
});

function hop(uri: string): NextHop {
  const [, scheme, host = '', port, transport] =
    /^(sips?):([^:;]+)(?::(\d+))?(?:;transport=(\w+))?$/.exec(uri) ?? [];
  return {
    host,
    port: port === undefined ? undefined : Number(port),
    protocol: transport === undefined ? undefined : (transport as TransportProtocol),
    secure: scheme === 'sips',
  };
}

interface Walked {
  readonly targets: readonly string[] | string;
  readonly ranks: readonly (number | undefined)[];
  readonly asked: readonly string[];
}

/** Answers question after question from the zone. */
function walk(to: NextHop, ways: WaysOut = EVERY_WAY): Walked {
  const asked: string[] = [];
  const known = new Map<string, Recalled>();
  const keyOf = ({ kind, name }: LookupQuestion): string => `${kind} ${name}`;
  for (let round = 0; round < 5; round += 1) {
    const plan = planTargets(to, ways, (question) => known.get(keyOf(question)));
    if (plan.kind === 'done') {
      const { result } = plan;
      if (!result.ok) return { targets: result.fault.code, ranks: [], asked };
      const ranks = result.value.map(({ standing }) => standing?.rank);
      return { targets: result.value.map(targetKey), ranks, asked };
    }
    for (const question of plan.questions) {
      const key = keyOf(question);
      asked.push(key);
      const answer = ZONE[key] ?? [];
      known.set(
        key,
        answer === 'fails'
          ? { records: [], fault: fault('dns.failed', 'network') }
          : { records: answer, fault: undefined },
      );
    }
  }
  throw new Error('does not come to an end');
}

describe('RFC 3263 section 4', () => {
  it.each([
    [
      'sip:d1.test',
      [
        'tls:192.0.2.1:5061',
        'tcp:192.0.2.1:5060',
        'tcp:192.0.2.2:5062',
        'udp:192.0.2.1:5060',
        'udp:192.0.2.2:5062',
      ],
      [0, 1, 1, 2, 3],
    ],
    ['sips:d1.test', ['tls:192.0.2.1:5061'], [0]],
    ['sip:d1.test;transport=tcp', ['tcp:192.0.2.1:5060', 'tcp:192.0.2.2:5062'], [0, 0]],
    ['sip:d1.test;transport=tls', ['tls:192.0.2.1:5061'], [0]],
    ['sip:d1.test:5070', 'dns.notFound', []],
    ['sip:a1.test:5070', ['udp:192.0.2.1:5070'], [0]],
    ['sips:a1.test:5070', ['tls:192.0.2.1:5070'], [0]],
    ['sip:a1.test', ['udp:192.0.2.1:5060'], [0]],
    ['sips:a1.test', ['tls:192.0.2.1:5061'], [0]],
    // An A record beside SRV records says nothing.
    ['sip:d2.test', ['udp:192.0.2.2:5062'], [0]],
    // The addresses of one name are one server.
    ['sip:d3.test', ['udp:192.0.2.1:5060', 'udp:192.0.2.2:5060'], [0, 0]],
    // RFC 2782: target "." is a decided no, so that the A record is no way out.
    ['sip:gone.test', 'dns.notFound', []],
    ['sip:moved.test', ['udp:192.0.2.1:5060', 'udp:192.0.2.2:5062'], [0, 1]],
    ['sip:strange.test', ['tcp:192.0.2.2:5062'], [0]],
    // A server without address is passed over.
    ['sip:half.test', ['udp:192.0.2.2:5062'], [0]],
    ['sip:secure.test', ['tls:192.0.2.1:5061'], [0]],
    ['sip:small.test', ['udp:192.0.2.1:5060', 'udp:192.0.2.2:5062'], [0, 1]],
    ['sip:dual.test', ['udp:192.0.2.1:5060', 'udp:[2001:db8::1]:5060'], [0, 0]],
    ['sip:ip.test', ['udp:192.0.2.7:5060'], [0]],
    ['sip:broken.test', ['tcp:192.0.2.2:5062'], [0]],
    ['sip:broken.test;transport=udp', 'dns.failed', []],
    // NAPTR that leads nowhere counts as none.
    ['sip:dangling.test', ['udp:192.0.2.8:5060'], [0]],
    // Not every address is one of a server.
    ['sip:evil.test', ['udp:192.0.2.3:5060'], [0]],
    ['sip:worse.test', 'dns.notFound', []],
    ['sip:nowhere.test', 'dns.notFound', []],
    ['sips:d2.test', ['tls:192.0.2.9:5061'], [0]],
  ] as const)('%s', (uri, targets, ranks) => {
    const walked = walk(hop(uri));
    expect(walked.targets).toEqual(targets);
    expect(walked.ranks).toEqual(ranks);
  });

  it('a port or a transport cuts it short', () => {
    expect(walk(hop('sip:a1.test:5070')).asked).toEqual(['a a1.test', 'aaaa a1.test']);
    expect(walk(hop('sip:d1.test;transport=tls')).asked[0]).toBe('srv _sips._tcp.d1.test');
    expect(walk(hop('sips:d1.test')).asked.slice(0, 2)).toEqual([
      'naptr d1.test',
      'srv _sips._tcp.d1.test',
    ]);
  });

  it('asks side by side what does not depend on each other', () => {
    expect(walk(hop('sip:a1.test')).asked).toEqual([
      'naptr a1.test',
      'srv _sip._udp.a1.test',
      'srv _sip._tcp.a1.test',
      'a a1.test',
      'aaaa a1.test',
    ]);
  });

  it('services of transports without a local socket do not count', () => {
    const targets = (protocols: readonly TransportProtocol[], uri = 'sip:d1.test') =>
      walk(hop(uri), only(protocols, [4])).targets;
    expect(targets(['udp'])).toEqual(['udp:192.0.2.1:5060', 'udp:192.0.2.2:5062']);
    expect(targets(['udp', 'tcp'])[0]).toBe('tcp:192.0.2.1:5060');
    expect(targets(['tcp'], 'sip:d3.test')).toEqual(['tcp:192.0.2.1:5060', 'tcp:192.0.2.2:5060']);
  });

  it.each([
    ['auto', ['192.0.2.1', '2001:db8::1']],
    ['ipv4', ['192.0.2.1']],
    ['ipv6', ['2001:db8::1']],
    ['preferIpv6', ['2001:db8::1', '192.0.2.1']],
  ] as const)('family %s', (family, expected) => {
    const { targets } = walk({ ...hop('sip:dual.test:5060'), family });
    const keys = expected.map((one) => `udp:${one.includes(':') ? `[${one}]` : one}:5060`);
    expect(targets).toEqual(keys);
  });

  it('a family without socket is not asked for; an address without route is left out', () => {
    expect(walk(hop('sip:dual.test:5060'), only(['udp'], [4])).asked).toEqual(['a dual.test']);
    const noIpv6 = { serves: () => true, reaches: (_: string, family: 4 | 6) => family === 4 };
    expect(walk(hop('sip:dual.test:5060'), noIpv6).targets).toEqual(['udp:192.0.2.1:5060']);
    // With nothing else, the attempt has to tell what is wrong.
    const noRoute = { serves: () => true, reaches: () => false };
    expect(walk(hop('sip:a1.test:5060'), noRoute).targets).toEqual(['udp:192.0.2.1:5060']);
  });

  it('is bounded, whatever the DNS says', () => {
    const many = Array.from({ length: 500 }, (_, i) => srv(i, 0, 5060, `s${i}.test`));
    const addresses = Array.from({ length: 500 }, (_, i) => a(`192.0.${i >> 8}.${i & 255}`));
    const recall = ({ kind }: LookupQuestion): Recalled => ({
      records: kind === 'srv' ? many : kind === 'a' ? addresses : [],
      fault: undefined,
    });
    const plan = planTargets(hop('sip:x.test;transport=udp'), EVERY_WAY, recall);
    expect(plan.kind === 'done' && plan.result.ok && plan.result.value.length).toBe(16);
    const asking = planTargets(hop('sip:x.test;transport=udp'), EVERY_WAY, (question) =>
      question.kind === 'srv' ? recall(question) : undefined,
    );
    expect(asking.kind === 'ask' && asking.questions.length).toBe(64);
  });
});
