/**
 * A provider moves: its SRV record names another address. At a real Kamailio that address is in the address list before
 * the dispatcher has it, however late the list is; and the old one is in the list for longer than in the dispatcher.
 */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { addressIn } from '../../src/consumers/dispatcher-list.ts';
import { DispatcherProxy } from '../support/dispatcher-proxy.ts';
import { Dnsmasq } from '../support/dnsmasq.ts';
import { eventually } from '../support/processes.ts';
import { askBySip } from '../support/sip-message.ts';
import { makeCalls, SippPeer } from '../support/sipp-peer.ts';
import { Trunkd } from '../support/trunkd.ts';

let dns: Dnsmasq;
let old: SippPeer;
let fresh: SippPeer;
let proxy: DispatcherProxy;
let trunkd: Trunkd;

beforeEach(async () => {
  old = await SippPeer.start('peer', '127.0.0.2');
  fresh = await SippPeer.start('peer', '127.0.0.3');
  dns = await Dnsmasq.start(recordsOf(old));
  proxy = await DispatcherProxy.reserve();
  trunkd = await Trunkd.start({
    dns: { servers: [dns.server] },
    defaults: { probe: { interval: '1s', timeout: '500ms' } },
    peeringContracts: [
      {
        name: 'acme',
        dispatcherSet: 1,
        peerServers: [{ name: 'a', sipProxy: 'moving.test', transport: 'udp' }],
      },
    ],
    consumers: [
      // Not in the order in which they have to act.
      {
        ...{ name: 'edge', type: 'kamailioDispatcher' },
        ...{ listFile: proxy.listFile, rpc: proxy.rpcUrl },
      },
      {
        ...{ name: 'providers', type: 'kamailioAddress' },
        ...{ listFile: proxy.addressFile, rpc: proxy.rpcUrl },
      },
    ],
  });
  await eventually(() => proxy.hasLists);
  await proxy.start();
});

afterEach(async () => {
  await trunkd?.stop();
  await proxy?.stop();
  for (const one of [old, fresh, dns]) await one?.stop();
});

function recordsOf({ host, port }: SippPeer): string[] {
  const name = `at${host.replaceAll('.', '-')}.moving.test`;
  return [
    `srv-host=_sip._udp.moving.test,${name},${port},0,0`,
    `host-record=${name},${host}`,
    'local-ttl=1',
  ];
}

/** Whether the proxy takes calls from there. */
async function takesCallsFrom(peer: SippPeer): Promise<boolean> {
  const answer = await askBySip(proxy.sipPort, {
    ...{ method: 'MESSAGE', user: '34911', source: peer.host },
  });
  return /^SIP\/2\.0 480 /.test(answer) && /^X-Contract: acme\r$/m.test(answer);
}

const hosts = async () => (await proxy.list()).map(({ uri }) => addressIn(uri));

it('knows the new address of a provider before it calls it', async () => {
  await eventually(async () => (await hosts()).join() === old.host && (await takesCallsFrom(old)));
  expect(await takesCallsFrom(fresh)).toBe(false);

  await dns.kill();
  await dns.startAgain(recordsOf(fresh));
  // Somebody loads the address list by hand all the time: Kamailio refuses that to trunkd for 5 s.
  await eventually(
    async () => {
      await proxy.rpc('permissions.addressReload').catch(() => 'refused');
      return readFileSync(proxy.addressFile, 'utf8').includes(fresh.host);
    },
    { everyMs: 20, timeoutMs: 40_000, what: () => 'trunkd has seen the new record' },
  );
  const order: string[] = [];
  await eventually(
    async () => {
      // In this order: what the dispatcher had a moment ago has to be known now.
      const targets = await hosts();
      const known = await proxy.providers();
      const calls = targets.includes(fresh.host);
      const step = `${calls ? 'called' : '-'} ${known.includes(fresh.host) ? 'known' : '-'}`;
      if (order.at(-1) !== step) order.push(step);
      return calls;
    },
    { everyMs: 10, timeoutMs: 40_000, what: () => `the dispatcher has it: ${order}` },
  );
  // What is between the two may be too short to be seen.
  expect(order).not.toContain('called -');
  expect(order.at(-1)).toBe('called known');
  expect(await takesCallsFrom(fresh)).toBe(true);

  expect(await makeCalls({ serverPort: proxy.sipPort, contract: 'acme', count: 5 })).toBe(5);
  expect(fresh.invites()).toHaveLength(5);
  // Calls that are up may still be ended from there.
  await eventually(async () => (await hosts()).join() === fresh.host);
  expect(await takesCallsFrom(old)).toBe(true);
  await eventually(
    async () => {
      const metrics = await (await fetch(`${trunkd.url}/metrics`)).text();
      return metrics.match(/^trunkd_consumer_in_sync\{.*\} 1$/gm)?.length === 2;
    },
    { timeoutMs: 40_000 },
  );
});
