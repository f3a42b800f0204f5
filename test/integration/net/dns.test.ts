import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Result } from '../../../src/core/base/fault.ts';
import { TimerQueue } from '../../../src/core/base/timer-queue.ts';
import type { LookupAnswer, LookupQuestion } from '../../../src/core/sip/locate/ports.ts';
import { monotonicClock } from '../../../src/net/clock.ts';
import { NodeLookup } from '../../../src/net/dns.ts';
import { TimerDriver } from '../../../src/net/timer-driver.ts';
import { address, DnsStub, naptr, srv } from '../../support/dns-stub.ts';
import { freePort, ownDirectory } from '../../support/processes.ts';

describe('DNS', () => {
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

  const aLookup = (servers: readonly string[] = [stub.server]) =>
    new NodeLookup({ clock: monotonicClock, timers, servers, hostsPath, resolvConfPath });

  const ask = (lookup: NodeLookup, question: LookupQuestion) =>
    new Promise<Result<LookupAnswer>>((resolve) => {
      let isLater = false;
      lookup.ask(question, (result) => {
        expect(isLater).toBe(true);
        resolve(result);
      });
      isLater = true;
    });

  const askAddresses = (name: string, lookup = aLookup()) =>
    ask(lookup, { kind: 'addresses', name });

  it('gathers the addresses of both families, with the shortest life', async () => {
    stub.zone.set('sip.test A', [address('192.0.2.1', 120), address('192.0.2.2', 60)]);
    stub.zone.set('sip.test AAAA', [address('2001:db8::1', 90)]);
    const result = await askAddresses('sip.test');
    expect(result).toMatchObject({ ok: true, value: { ttlSec: 60 } });
    const records = result.ok ? result.value.records : [];
    expect(records).toHaveLength(3);
    expect(records).toEqual(
      expect.arrayContaining([
        { kind: 'address', address: '192.0.2.1', family: 4 },
        { kind: 'address', address: '192.0.2.2', family: 4 },
        { kind: 'address', address: '2001:db8::1', family: 6 },
      ]),
    );
  });

  it.each([
    { a: 'ok', aaaa: 'NXDOMAIN', expected: 'ok' },
    { a: 'ok', aaaa: 'SERVFAIL', expected: 'ok' },
    { a: 'none', aaaa: 'none', expected: 'dns.notFound' },
    { a: 'NXDOMAIN', aaaa: 'NXDOMAIN', expected: 'dns.notFound' },
    { a: 'none', aaaa: 'SERVFAIL', expected: 'dns.failed' },
    { a: 'SERVFAIL', aaaa: 'NXDOMAIN', expected: 'dns.failed' },
    { a: 'REFUSED', aaaa: 'REFUSED', expected: 'dns.failed' },
  ] as const)('A $a with AAAA $aaaa is $expected', async ({ a, aaaa, expected }) => {
    const reply = (word: typeof a | typeof aaaa) =>
      word === 'ok' ? [address('192.0.2.1')] : word === 'none' ? [] : word;
    stub.zone.set('sip.test A', reply(a));
    stub.zone.set('sip.test AAAA', reply(aaaa));
    const result = await askAddresses('sip.test');
    expect(result.ok ? 'ok' : result.fault.code).toBe(expected);
  });

  it('gives a silent server six seconds in all, and hears nothing after that', async () => {
    stub.zone.set('slow.test A', 'silence');
    stub.zone.set('slow.test AAAA', 'silence');
    const start = performance.now();
    const result = await askAddresses('slow.test');
    const tookMs = performance.now() - start;
    expect(result).toMatchObject({ ok: false, fault: { code: 'dns.timeout', blame: 'network' } });
    expect(tookMs).toBeGreaterThan(2_000);
    expect(tookMs).toBeLessThan(9_000);
    expect(stub.asked.length).toBeGreaterThanOrEqual(4);
    expect(timers.size).toBe(0);
  });

  it('without any name server it is our own trouble', async () => {
    const result = await askAddresses('sip.test', aLookup([`127.0.0.1:${await freePort()}`]));
    expect(result).toMatchObject({ ok: false, fault: { code: 'dns.failed', blame: 'local' } });
  });

  it('answers literals, pinned names and localhost without the DNS', async () => {
    const addressesOf = async (name: string) => {
      const result = await askAddresses(name);
      return result.ok
        ? result.value.records.map((record) => 'address' in record && record.address)
        : [];
    };
    expect(await addressesOf('192.0.2.5')).toEqual(['192.0.2.5']);
    expect(await addressesOf('2001:db8::5')).toEqual(['2001:db8::5']);
    expect(await addressesOf('Pinned.Test.')).toEqual(['192.0.2.99', '2001:db8::99']);
    expect(await addressesOf('localhost')).toEqual(['127.0.0.1', '::1']);
    expect(stub.asked).toEqual([]);
  });

  it('notices that the hosts file has changed, or is gone', async () => {
    stub.zone.set('pinned.test A', [address('192.0.2.1')]);
    const lookup = aLookup();
    writeFileSync(hostsPath, '192.0.2.100 pinned.test\n');
    const pinned = await askAddresses('pinned.test', lookup);
    expect(pinned).toMatchObject({ value: { records: [{ address: '192.0.2.100' }] } });
    rmSync(hostsPath);
    const asked = await askAddresses('pinned.test', lookup);
    expect(asked).toMatchObject({ value: { records: [{ address: '192.0.2.1' }] } });
  });

  it('asks for SRV and NAPTR', async () => {
    stub.zone.set('_sip._udp.sip.test SRV', [
      srv(10, 60, 5070, 'a.sip.test'),
      srv(20, 0, 5060, 'b.sip.test'),
    ]);
    stub.zone.set('sip.test NAPTR', [naptr(50, 10, 'SIPS+D2T', '_sips._tcp.sip.test')]);
    const lookup = aLookup();
    expect(await ask(lookup, { kind: 'srv', name: '_sip._udp.sip.test' })).toEqual({
      ok: true,
      value: {
        ttlSec: 60,
        records: [
          { kind: 'srv', target: 'a.sip.test', port: 5070, priority: 10, weight: 60 },
          { kind: 'srv', target: 'b.sip.test', port: 5060, priority: 20, weight: 0 },
        ],
      },
    });
    expect(await ask(lookup, { kind: 'naptr', name: 'sip.test' })).toMatchObject({
      value: {
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
    const missing = await ask(lookup, { kind: 'srv', name: '_sip._tcp.sip.test' });
    expect(missing).toMatchObject({ ok: false, fault: { code: 'dns.notFound' } });
  });

  it('takes no more addresses from an answer than it should', async () => {
    stub.zone.set(
      'many.test A',
      Array.from({ length: 25 }, (_, i) => address(`192.0.2.${i + 1}`)),
    );
    const result = await askAddresses('many.test');
    expect(result.ok && result.value.records).toHaveLength(16);
  });

  it('answers every one of a thousand names, a bounded number at a time', async () => {
    const lookup = aLookup();
    const names = Array.from({ length: 1_000 }, (_, i) => `n${i}.test`);
    for (const name of names) stub.zone.set(`${name} A`, [address('192.0.2.1')]);
    const results = await Promise.all(names.map((name) => askAddresses(name, lookup)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1_000);
  });
});
