import { rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Result } from '../../../src/core/base/fault.ts';
import { TimerQueue } from '../../../src/core/base/timer-queue.ts';
import type { LookupAnswer, LookupQuestion } from '../../../src/core/sip/locate/ports.ts';
import { monotonicClock } from '../../../src/net/clock.ts';
import { StubResolver } from '../../../src/net/dns.ts';
import { TimerDriver } from '../../../src/net/timer-driver.ts';
import { address, cname, DnsStub, naptr, soa, srv } from '../../support/dns-stub.ts';
import { freePort, ownDirectory } from '../../support/processes.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

let stub: DnsStub;
let timers: TimerQueue;
let driver: TimerDriver;
const directory = ownDirectory('dns');
const hostsPath = join(directory.path, 'hosts');
const resolvConfPath = join(directory.path, 'resolv.conf');

beforeEach(async () => {
  stub = await DnsStub.start();
  timers = new TimerQueue();
  driver = new TimerDriver(timers, monotonicClock);
  driver.start();
  writeFileSync(hostsPath, '192.0.2.99 pinned.test pinned\n2001:db8::99 pinned.test\n');
});

afterEach(() => {
  driver.stop();
  stub.close();
  rmSync(hostsPath, { force: true });
});

afterAll(() => directory.remove());

const resolverOf = (servers: readonly string[] | undefined) =>
  new StubResolver({ clock: monotonicClock, timers, servers, hostsPath, resolvConfPath });
const aResolver = (servers: readonly string[] = [stub.server]) => resolverOf(servers);

const ask = (question: LookupQuestion, resolver = aResolver()) =>
  new Promise<Result<LookupAnswer>>((resolve) => {
    let isLater = false;
    resolver.ask(question, (result) => {
      expect(isLater).toBe(true);
      resolve(result);
    });
    isLater = true;
  });

const askA = (name: string, resolver = aResolver()) => ask({ kind: 'a', name }, resolver);

/** The addresses, or the code of the fault. */
function wordOf(result: Result<LookupAnswer>): readonly string[] | string {
  if (!result.ok) return result.fault.code;
  return result.value.records.map((one) => (one.kind === 'address' ? one.address : one.kind));
}

describe('the stub resolver', () => {
  it('gives the addresses of one family, with the shortest life', async () => {
    stub.zone.set('sip.test A', [address('192.0.2.1', 120), address('192.0.2.2', 60)]);
    stub.zone.set('sip.test AAAA', [address('2001:db8::1', 90)]);
    expect(await askA('sip.test')).toEqual({
      ok: true,
      value: {
        ttlSec: 60,
        records: [
          { kind: 'address', address: '192.0.2.1', family: 4 },
          { kind: 'address', address: '192.0.2.2', family: 4 },
        ],
      },
    });
    expect(await ask({ kind: 'aaaa', name: 'sip.test' })).toMatchObject({
      value: { ttlSec: 90, records: [{ address: '2001:db8::1', family: 6 }] },
    });
    expect(stub.hadEdns).toEqual([true, true]);
  });

  it('that there is nothing is an answer, with the life that the SOA record gives it', async () => {
    stub.zone.set('none.test A', { authorities: [soa(20)] });
    stub.zone.set('no-name.test A', { code: 3, authorities: [soa(900, 15)] });
    stub.zone.set('no-soa.test A', 'NXDOMAIN');
    expect(await askA('none.test')).toEqual({ ok: true, value: { records: [], ttlSec: 20 } });
    expect(await askA('no-name.test')).toEqual({ ok: true, value: { records: [], ttlSec: 15 } });
    expect(await askA('no-soa.test')).toEqual({ ok: true, value: { records: [], ttlSec: 0 } });
  });

  it.each(['SERVFAIL', 'REFUSED'] as const)('%s is a fault, said at once', async (code) => {
    stub.zone.set('sip.test A', code);
    const result = await askA('sip.test');
    expect(result).toMatchObject({ ok: false, fault: { code: 'dns.failed', blame: 'network' } });
    expect(result.ok ? '' : result.fault.text).toContain(code);
    // A second question would come after a second.
    expect(stub.asked).toEqual(['sip.test A']);
  });

  it('gives SRV and NAPTR with their own life, and what came along with them', async () => {
    stub.zone.set('_sip._udp.sip.test SRV', {
      answers: [srv(10, 60, 5070, 'A.sip.test', 40), srv(20, 0, 5060, 'b.sip.test', 50)],
      additionals: [
        address('192.0.2.1', 30, 'a.sip.test'),
        address('2001:db8::1', 20, 'a.sip.test'),
        address('192.0.2.66', 30, 'somebody.else.test'),
      ],
    });
    stub.zone.set('sip.test NAPTR', [naptr(50, 10, 'SIPS+D2T', '_sips._tcp.sip.test')]);
    expect(await ask({ kind: 'srv', name: '_sip._udp.sip.test' })).toEqual({
      ok: true,
      value: {
        ttlSec: 40,
        records: [
          { kind: 'srv', target: 'A.sip.test', port: 5070, priority: 10, weight: 60 },
          { kind: 'srv', target: 'b.sip.test', port: 5060, priority: 20, weight: 0 },
        ],
        extras: [
          {
            question: { kind: 'a', name: 'a.sip.test' },
            answer: {
              records: [{ kind: 'address', address: '192.0.2.1', family: 4 }],
              ttlSec: 30,
            },
          },
          {
            question: { kind: 'aaaa', name: 'a.sip.test' },
            answer: {
              records: [{ kind: 'address', address: '2001:db8::1', family: 6 }],
              ttlSec: 20,
            },
          },
        ],
      },
    });
    expect(await ask({ kind: 'naptr', name: 'sip.test' })).toMatchObject({
      value: {
        ttlSec: 300,
        records: [
          {
            kind: 'naptr',
            order: 50,
            preference: 10,
            flags: 's',
            service: 'SIPS+D2T',
            replacement: '_sips._tcp.sip.test',
          },
        ],
      },
    });
  });

  it('follows aliases inside the answer, and asks on where they lead out of it', async () => {
    stub.zone.set('alias.test A', [
      cname('alias.test', 'Other.test', 25),
      cname('other.test', 'third.test', 200),
      address('192.0.2.3', 100, 'third.test'),
      address('192.0.2.66', 100, 'alias.test'),
    ]);
    stub.zone.set('out.test A', [cname('out.test', 'far.test', 17)]);
    stub.zone.set('far.test A', [address('192.0.2.4', 100)]);
    stub.zone.set('dead-end.test A', {
      answers: [cname('dead-end.test', 'gone.test')],
      authorities: [soa(12)],
    });
    expect(await askA('alias.test')).toMatchObject({
      value: { ttlSec: 25, records: [{ address: '192.0.2.3' }] },
    });
    expect(await askA('out.test')).toMatchObject({
      value: { ttlSec: 17, records: [{ address: '192.0.2.4' }] },
    });
    expect(await askA('dead-end.test')).toEqual({ ok: true, value: { records: [], ttlSec: 12 } });
  });

  it('does not run in circles', async () => {
    stub.zone.set('a.test A', [cname('a.test', 'b.test'), cname('b.test', 'a.test')]);
    stub.zone.set('x.test A', [cname('x.test', 'y.test')]);
    stub.zone.set('y.test A', [cname('y.test', 'x.test')]);
    expect(wordOf(await askA('a.test'))).toEqual([]);
    expect(wordOf(await askA('x.test'))).toBe('dns.failed');
    expect(stub.asked.length).toBeLessThan(20);
  });

  it('asks over TCP what was too long for UDP', async () => {
    const many = Array.from({ length: 30 }, (_, i) => srv(i, 0, 5060, `s${i}.sip.test`));
    stub.zone.set('_sip._udp.sip.test SRV', { answers: many.slice(0, 2), isTruncated: true });
    stub.tcpZone.set('_sip._udp.sip.test SRV', many);
    const result = await ask({ kind: 'srv', name: '_sip._udp.sip.test' });
    expect(result.ok && result.value.records).toHaveLength(30);
    expect(stub.askedByTcp).toEqual(['_sip._udp.sip.test SRV']);
  });

  it('asks servers from before EDNS in their own way', async () => {
    stub.zone.set('sip.test A', (query, good) => [
      query.readUInt16BE(10) === 1
        ? good({ code: 1 })
        : good({ answers: [address('192.0.2.1', 60)] }),
    ]);
    expect(wordOf(await askA('sip.test'))).toEqual(['192.0.2.1']);
    expect(stub.hadEdns).toEqual([true, false]);
  });

  it('answers literals, pinned names and localhost without the DNS', async () => {
    const both = async (name: string) => [
      ...wordOf(await askA(name)),
      ...wordOf(await ask({ kind: 'aaaa', name })),
    ];
    expect(await both('192.0.2.5')).toEqual(['192.0.2.5']);
    expect(await both('2001:db8::5')).toEqual(['2001:db8::5']);
    expect(await both('pinned.test')).toEqual(['192.0.2.99', '2001:db8::99']);
    expect(await both('pinned')).toEqual(['192.0.2.99']);
    expect(await both('localhost')).toEqual(['127.0.0.1', '::1']);
    expect(stub.asked).toEqual([]);
  });

  it('what comes along with an answer does not overrule the hosts file', async () => {
    stub.zone.set('_sip._udp.sip.test SRV', {
      answers: [srv(1, 0, 5060, 'pinned.test')],
      additionals: [address('192.0.2.66', 30, 'pinned.test')],
    });
    const result = await ask({ kind: 'srv', name: '_sip._udp.sip.test' });
    expect(result).toMatchObject({ value: { extras: [] } });
  });

  it('notices that the hosts file has changed, or is gone', async () => {
    stub.zone.set('pinned.test A', [address('192.0.2.1')]);
    const resolver = aResolver();
    writeFileSync(hostsPath, '192.0.2.100 pinned.test\n');
    expect(wordOf(await askA('pinned.test', resolver))).toEqual(['192.0.2.100']);
    rmSync(hostsPath);
    expect(wordOf(await askA('pinned.test', resolver))).toEqual(['192.0.2.1']);
  });

  it('takes no more addresses from an answer than it should', async () => {
    const many = Array.from({ length: 25 }, (_, i) => address(`192.0.2.${i + 1}`));
    stub.zone.set('many.test A', many);
    expect(wordOf(await askA('many.test'))).toHaveLength(16);
  });

  it('answers every one of a thousand names, a bounded number at a time', async () => {
    const resolver = aResolver();
    const names = Array.from({ length: 1_000 }, (_, i) => `n${i}.test`);
    for (const name of names) stub.zone.set(`${name} A`, [address('192.0.2.1')]);
    const results = await Promise.all(names.map((name) => askA(name, resolver)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1_000);
    // RFC 5452: neither port nor id can be foreseen.
    expect(new Set(stub.ports).size).toBeGreaterThan(500);
    expect(new Set(stub.ids).size).toBeGreaterThan(900);
  });
});

describe('several name servers', () => {
  it('a silent one costs a second once; after that it is asked last', async () => {
    const silent = await DnsStub.start();
    silent.zone.set('sip.test A', 'silence');
    silent.zone.set('other.test A', 'silence');
    stub.zone.set('sip.test A', [address('192.0.2.1')]);
    stub.zone.set('other.test A', [address('192.0.2.2')]);
    const resolver = aResolver([silent.server, stub.server]);
    expect(wordOf(await askA('sip.test', resolver))).toEqual(['192.0.2.1']);
    expect(wordOf(await askA('other.test', resolver))).toEqual(['192.0.2.2']);
    // Nobody waited for it the second time.
    expect(silent.asked).toEqual(['sip.test A']);
    silent.close();
  });

  it.each(['SERVFAIL', 'REFUSED'] as const)('after %s the next one is asked', async (code) => {
    const broken = await DnsStub.start();
    broken.zone.set('sip.test A', code);
    stub.zone.set('sip.test A', [address('192.0.2.1')]);
    const resolver = aResolver([broken.server, stub.server]);
    expect(wordOf(await askA('sip.test', resolver))).toEqual(['192.0.2.1']);
    broken.close();
  });

  // The kernel refuses to connect to the second one (EACCES), as it does without a route (ENETUNREACH).
  it.each(['127.0.0.1:1', '255.255.255.255:53'])('%s, not there, is passed over', async (dead) => {
    stub.zone.set('sip.test A', [address('192.0.2.1')]);
    expect(wordOf(await askA('sip.test', aResolver([dead, stub.server])))).toEqual(['192.0.2.1']);
  });

  it('an answer of the first that comes late is as good as one of the second', async () => {
    const second = await DnsStub.start();
    second.zone.set('sip.test A', 'silence');
    stub.zone.set('sip.test A', (_, good, later) => {
      setTimeout(() => later(good({ answers: [address('192.0.2.1')] })), 1_500);
      return [];
    });
    expect(wordOf(await askA('sip.test', aResolver([stub.server, second.server])))).toEqual([
      '192.0.2.1',
    ]);
    expect(second.asked).toHaveLength(1);
    second.close();
  });

  it('those of resolv.conf, which may change', async () => {
    const resolver = resolverOf(undefined);
    const [, port = ''] = stub.server.split(':');
    stub.zone.set('sip.test A', [address('192.0.2.1')]);
    writeFileSync(resolvConfPath, `# nobody\nnameserver 127.0.0.1:${await freePort()}\n`);
    expect(wordOf(await askA('sip.test', resolver))).toBe('dns.failed');
    writeFileSync(resolvConfPath, `search x.test\n nameserver 127.0.0.1:${port} # here\n`);
    expect(wordOf(await askA('sip.test', resolver))).toEqual(['192.0.2.1']);
  });

  it('without any it is our own trouble', async () => {
    const result = await askA('sip.test', aResolver([`127.0.0.1:${await freePort()}`]));
    expect(result).toMatchObject({ ok: false, fault: { code: 'dns.failed', blame: 'local' } });
  });
});

describe('a hostile name server', () => {
  it('that keeps silent gets a few seconds in all, and nothing remains', async () => {
    stub.zone.set('slow.test A', 'silence');
    const start = performance.now();
    const result = await askA('slow.test');
    const tookMs = performance.now() - start;
    expect(result).toMatchObject({ ok: false, fault: { code: 'dns.timeout', blame: 'network' } });
    expect(tookMs).toBeGreaterThan(2_000);
    expect(tookMs).toBeLessThan(9_000);
    expect(stub.asked).toHaveLength(3);
    expect(timers.size).toBe(0);
  });

  it('whose first answers belong to other questions is heard when the right one comes', async () => {
    const resolver = aResolver();
    stub.zone.set('sip.test A', (query, good) => {
      const right = good({ answers: [address('192.0.2.1')] });
      const otherId = Buffer.from(right);
      otherId.writeUInt16BE((query.readUInt16BE(0) + 1) % 0x10000, 0);
      const otherName = Buffer.from(right.toString('latin1').replace('sip', 'sap'), 'latin1');
      const isQuery = Buffer.from(query);
      const noQuestion = Buffer.from(right);
      noQuestion.writeUInt16BE(0, 4);
      const otherType = Buffer.from(right);
      otherType.writeUInt16BE(28, query.indexOf('test') + 5);
      const cut = right.subarray(0, right.length - 3);
      return [otherId, otherName, isQuery, noQuestion, otherType, cut, Buffer.alloc(0), right];
    });
    expect(wordOf(await askA('sip.test', resolver))).toEqual(['192.0.2.1']);
    expect(resolver.foreignCount).toBe(7);
  });

  it('whose TCP is broken too gives a fault', async () => {
    stub.zone.set('sip.test A', { isTruncated: true });
    stub.tcpZone.set('sip.test A', () => [Buffer.from('no DNS message at all')]);
    expect(wordOf(await askA('sip.test'))).toBe('dns.failed');
  });

  it('that sends thousands of records over TCP is cut short', async () => {
    const many = Array.from({ length: 3_000 }, (_, i) => srv(i, 0, 5060, 'a.test'));
    stub.zone.set('_sip._udp.sip.test SRV', { isTruncated: true });
    stub.tcpZone.set('_sip._udp.sip.test SRV', many.slice(0, 2_000));
    const result = await ask({ kind: 'srv', name: '_sip._udp.sip.test' });
    expect(result.ok && result.value.records).toHaveLength(32);
  });

  it('whose names cannot be names is not followed', async () => {
    stub.zone.set('_sip._udp.sip.test SRV', [
      srv(1, 0, 5060, 'white space.test'),
      srv(2, 0, 5060, 'new\r\nline.test'),
      srv(3, 0, 5060, 'good.test'),
    ]);
    const result = await ask({ kind: 'srv', name: '_sip._udp.sip.test' });
    expect(result.ok && result.value.records).toMatchObject([{ target: 'good.test' }]);
  });

  it('a name that cannot be asked is a fault', async () => {
    for (const name of ['', 'a..b', `${'x'.repeat(64)}.test`, 'ä.test']) {
      expect(wordOf(await askA(name))).toBe('dns.notFound');
    }
    expect(stub.asked).toEqual([]);
  });

  it('that sends garbage of every kind never throws, and is no answer', async () => {
    const random = new SeededRandom(20_260_101);
    let sent = 0;
    stub.zone.set('sip.test A', (query, good) => {
      const right = good({ answers: [address('192.0.2.1'), cname('sip.test', 'b.test')] });
      return Array.from({ length: 200 }, () => {
        sent += 1;
        const octets = Buffer.from(right);
        const changes = 1 + Math.floor(random.fraction() * 8);
        for (let turn = 0; turn < changes; turn += 1) {
          // Behind the id and the flags, so that most of it looks right at first sight.
          const at = 4 + Math.floor(random.fraction() * (octets.length - 4));
          octets[at] = Math.floor(random.fraction() * 256);
        }
        return octets.subarray(0, query.length + Math.floor(random.fraction() * octets.length));
      });
    });
    const resolver = aResolver();
    for (let turn = 0; turn < 20; turn += 1) {
      const result = await askA('sip.test', resolver);
      const words = wordOf(result);
      const addresses = typeof words === 'string' ? [] : words;
      expect(addresses.filter((one) => isIP(one) !== 4)).toEqual([]);
    }
    expect(sent).toBeGreaterThan(3_000);
  });
});
