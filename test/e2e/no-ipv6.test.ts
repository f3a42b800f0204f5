/**
 * A host without IPv6: what a name has of it is no target, and the local sockets that nobody configured for it are not
 * missed. The kernel of a network namespace of our own is told to have none.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { address, DnsStub } from '../support/dns-stub.ts';
import { eventually } from '../support/processes.ts';
import { SourceDaemon } from '../support/source-daemon.ts';
import { UdpRegistrar } from '../support/udp-registrar.ts';

const PASSWORD = 'a-long-enough-password';
const DISABLED = '/proc/sys/net/ipv6/conf/all/disable_ipv6';
/** On a host with a network of its own, somebody else may need it. */
const isOurNetwork = (): boolean => Object.keys(networkInterfaces()).every((name) => name === 'lo');

let before: string;
let registrar: UdpRegistrar;
let dns: DnsStub;
let files: SourceDaemon;
beforeEach(async () => {
  before = readFileSync(DISABLED, 'utf8');
  registrar = await UdpRegistrar.open(PASSWORD);
  dns = await DnsStub.start();
  dns.zone.set('dual.test A', [address('127.0.0.1')]);
  dns.zone.set('dual.test AAAA', [address('::1')]);
  files = new SourceDaemon();
});
afterEach(async () => {
  files.cleanUp();
  dns.close();
  await registrar.close();
  writeFileSync(DISABLED, before);
});

it.each([
  ['with IPv6, both addresses of a name are targets', '0', ['127.0.0.1', '::1']],
  ['without, only that of IPv4, and nothing is tried in vain', '1', ['127.0.0.1']],
])('%s', async (_, isDisabled, addresses) => {
  if (isDisabled !== before.trim()) {
    expect(isOurNetwork(), 'a network namespace of our own').toBe(true);
    writeFileSync(DISABLED, isDisabled);
  }
  const server = `dual.test:${registrar.port}`;
  const auth = { password: PASSWORD };
  files.write({
    http: { bind: '127.0.0.1:0' },
    dns: { servers: [dns.server] },
    peeringContracts: [
      {
        name: 'acme',
        peerServers: [{ name: 'dual', sipProxy: server, transport: 'udp' }],
        registrations: [
          {
            ...{ id: 'alice', username: 'alice', domain: 'test.example', auth },
            ...{ registrar: `sip:${server};transport=udp`, contact: 'self' },
          },
        ],
      },
    ],
  });
  const daemon = await files.run();
  await eventually(() => registrar.accepted.length > 0);
  const targets = async () => {
    const row = await (await fetch(`${daemon.url}/v1/peer-servers/acme/dual`)).json();
    return (row as { targets: { address: string }[] }).targets.map((one) => one.address).toSorted();
  };
  await eventually(async () => (await targets()).length > 0);
  expect(await targets()).toEqual(addresses);
  expect(dns.asked).toContain('dual.test AAAA');
  await eventually(() => daemon.lines('registration.changed').length > 0);
  if (isDisabled === '0') return;
  // Its first try went to where it is, and no local socket was missed.
  expect(daemon.lines('registration.changed')[0]).toMatchObject({ state: 'registered' });
  expect(daemon.lines('net.noticed')).toEqual([]);
});
