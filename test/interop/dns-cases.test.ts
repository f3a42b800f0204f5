/**
 * RFC 3263 against a real name server: resolver and locator as the daemon has them, dnsmasq, and the
 * cases of test/vectors/dns/cases.json. What must not be asked is read from dnsmasq's own query log.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseHop } from '../../src/config/address.ts';
import type { Fault, Result } from '../../src/core/base/fault.ts';
import { TimerQueue } from '../../src/core/base/timer-queue.ts';
import { HopLocator } from '../../src/core/sip/locate/locator.ts';
import type { WaysOut } from '../../src/core/sip/locate/ports.ts';
import { drawOrder } from '../../src/core/sip/locate/share-load.ts';
import type { NextHop, Target } from '../../src/core/sip/locate/target.ts';
import { monotonicClock } from '../../src/net/clock.ts';
import { StubResolver } from '../../src/net/dns.ts';
import { TimerDriver } from '../../src/net/timer-driver.ts';
import { Dnsmasq } from '../support/dnsmasq.ts';
import { SeededRandom } from '../support/seeded-random.ts';

type Row = readonly [protocol: string, address: string, port: number];
type Weighted = readonly [...row: Row, weight: number];
type Step = Row | { readonly weighted: readonly Weighted[] } | { readonly any: readonly Row[] };

interface Case {
  readonly uri: string;
  readonly clientTransports?: readonly string[];
  readonly targets?: readonly Step[] | string;
  readonly targetsFirst?: string;
  readonly never?: readonly Row[];
  readonly queriesForbidden?: readonly string[];
  readonly note?: string;
}

const file = join(import.meta.dirname, '../vectors/dns/cases.json');
const { cases, ownCases } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly cases: readonly (Case | { readonly failover: string })[];
  readonly ownCases: readonly Case[];
};
const all = [...cases, ...ownCases].filter((one): one is Case => 'uri' in one);

let dnsmasq: Dnsmasq;
let timers: TimerQueue;
let driver: TimerDriver;

beforeAll(async () => {
  dnsmasq = await Dnsmasq.start();
  timers = new TimerQueue();
  driver = new TimerDriver(timers, monotonicClock);
  driver.start();
});

afterAll(async () => {
  driver.stop();
  await dnsmasq.stop();
});

/** A locator that remembers nothing yet. */
function aLocator(transports: readonly string[] = ['udp', 'tcp', 'tls']): HopLocator {
  const ways: WaysOut = {
    serves: (protocol) => transports.includes(protocol),
    reaches: () => true,
  };
  const lookup = new StubResolver({ clock: monotonicClock, timers, servers: [dnsmasq.server] });
  return new HopLocator({ lookup, clock: monotonicClock, timers, ways });
}

function hopOf(uri: string): NextHop {
  const hop = parseHop(uri);
  if (typeof hop === 'string') throw new Error(`${uri}: ${hop}`);
  const secure = hop.scheme === 'sips';
  const protocol = hop.transport;
  return { host: hop.maddr?.host ?? hop.host, port: hop.port, protocol, secure };
}

function locate(locator: HopLocator, hop: NextHop): Promise<Result<readonly Target[], Fault>> {
  return new Promise((resolve) => locator.locate(hop, (result) => resolve(result)));
}

const rowOf = ({ protocol, address, port }: Target): Row => [protocol, address, port];

/** Takes the targets of one step off the front, and holds them against it. */
function takeStep(step: Step, rest: Target[]): void {
  if (!('weighted' in step) && !('any' in step)) {
    expect(rest.splice(0, 1).map(rowOf)).toEqual([step]);
    return;
  }
  const wanted = 'any' in step ? step.any : step.weighted.map(([a, b, c]): Row => [a, b, c]);
  const taken = rest.splice(0, wanted.length);
  expect(taken.map(rowOf).sort()).toEqual([...wanted].sort());
  expect(new Set(taken.map(({ standing }) => standing?.rank)).size).toBe(1);
  if (!('weighted' in step)) return;
  const weights = taken.map((one) => [...rowOf(one), one.standing?.weight]);
  expect(weights.sort()).toEqual([...step.weighted].sort());
}

function compare(result: Result<readonly Target[], Fault>, one: Case): void {
  const targets = result.ok ? [...result.value] : [];
  if (one.targetsFirst !== undefined) {
    expect(targets[0]?.protocol).toBe(one.targetsFirst);
  } else if (typeof one.targets === 'string' || one.targets?.length === 0) {
    expect(result).toMatchObject({ ok: false, fault: { code: 'dns.notFound' } });
  } else {
    const rest = [...targets];
    for (const step of one.targets ?? []) takeStep(step, rest);
    expect(rest.map(rowOf)).toEqual([]);
  }
  for (const never of one.never ?? []) expect(targets.map(rowOf)).not.toContainEqual(never);
}

describe('the cases of the corpus, at dnsmasq', () => {
  it.each(all.map((one) => [one.uri, one.clientTransports?.join(',') ?? 'all', one] as const))(
    '%s (%s)',
    async (uri, _, one) => {
      const before = (await dnsmasq.allQueries()).length;
      const result = await locate(aLocator(one.clientTransports), hopOf(uri));
      compare(result, one);
      const asked = (await dnsmasq.allQueries()).slice(before);
      for (const type of one.queriesForbidden ?? []) {
        expect(asked.filter((query) => query.startsWith(`${type} `))).toEqual([]);
      }
    },
  );

  it('an address or a transport spares the questions that it settles', async () => {
    const before = (await dnsmasq.allQueries()).length;
    await locate(aLocator(), hopOf('sip:d1.test;transport=tcp'));
    const asked = (await dnsmasq.allQueries()).slice(before);
    expect(asked).toContain('SRV _sip._tcp.d1.test');
    expect(asked.filter((query) => query.startsWith('NAPTR'))).toEqual([]);
    expect(asked.filter((query) => query.includes('_udp'))).toEqual([]);
  });

  it('weights 0, 10 and 90 share a thousand choices', async () => {
    const result = await locate(aLocator(), hopOf('sip:d8.test'));
    const targets = result.ok ? result.value : [];
    const random = new SeededRandom(8);
    const counts = new Map<string, number>();
    for (let run = 0; run < 1_000; run += 1) {
      const address = drawOrder(targets, random)[0]?.address ?? '';
      counts.set(address, (counts.get(address) ?? 0) + 1);
    }
    expect(counts.get('127.0.0.1') ?? 0).toBeLessThan(40);
    expect(counts.get('127.0.0.2')).toBeGreaterThan(50);
    expect(counts.get('127.0.0.2')).toBeLessThan(150);
    expect(counts.get('127.0.0.3')).toBeGreaterThan(850);
  });

  it('what does not exist is known at once, and not asked again for a while', async () => {
    const locator = aLocator();
    const hop = hopOf('sip:nxdomain.test');
    const before = (await dnsmasq.allQueries()).length;
    await locate(locator, hop);
    const asked = await dnsmasq.allQueries();
    // Each question once: no answer was waited for in vain.
    const first = asked.slice(before);
    expect(first.length).toBeGreaterThan(0);
    expect(new Set(first).size).toBe(first.length);
    expect(await locate(locator, hop)).toMatchObject({ fault: { code: 'dns.notFound' } });
    expect(await dnsmasq.allQueries()).toHaveLength(asked.length);
  });

  it('the answers of a name server that is gone go on to be used', async () => {
    const locator = aLocator();
    // Its time to live is 5 s.
    const hop = { ...hopOf('sip:d15.test:5060'), family: 'ipv4' } as const;
    const known = await locate(locator, hop);
    expect(known).toMatchObject({ ok: true, value: [{ address: '127.0.0.1' }] });
    await dnsmasq.kill();
    await sleep(6_000);
    expect(await locate(locator, hop)).toBe(known);
    await dnsmasq.startAgain(['host-record=new.test,127.0.0.1']);
    expect(await locate(locator, hopOf('sip:new.test:5060'))).toMatchObject({ ok: true });
  });
});
