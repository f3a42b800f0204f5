/**
 * Calls that arrive at trunkd (`inbound.forwardTo`): a real Kamailio as the provider's registrar sends them down
 * the flow that was registered over; sipp is the caller behind it, and the proxy behind trunkd. Judged by
 * both ends of the call.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../support/ask.ts';
import { Dnsmasq } from '../support/dnsmasq.ts';
import { Kamailio } from '../support/kamailio.ts';
import { OwnProxy } from '../support/own-proxy.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually, freePort } from '../support/processes.ts';
import { fieldsOf, requestText } from '../support/relay-rig.ts';
import { type CallScenario, SippCall } from '../support/sipp-call.ts';
import { type Config, Trunkd } from '../support/trunkd.ts';

const TRANSPORTS = ['udp', 'tcp', 'tls'] as const;
const MAX_RATE = 20;
/** Call-ID of calls that nobody may hear of. */
const FORGED = 'forged-call';

let pki: Pki;
let provider: Kamailio;
let dnsmasq: Dnsmasq;
let trunkd: Trunkd;
let proxyPort: number;
let egressPort: number;
let udpPort: number;

beforeAll(async () => {
  pki = await makePki(['good']);
  const tls = pki.filesOf('good');
  const users = new Map(TRANSPORTS.map((user) => [user, 'a long password']));
  const defines = ['WITH_CALLS', 'MIN_EXP=10'];
  provider = await Kamailio.start({ users, tls, defines });
  [proxyPort, egressPort, udpPort] = [await freePort(), await freePort(), await freePort()];
  dnsmasq = await Dnsmasq.start([
    'host-record=node.proxy.test,127.0.0.1',
    `srv-host=_sip._tcp.proxy.test,node.proxy.test,${proxyPort},10,0`,
  ]);
  trunkd = await Trunkd.start(configFor(`sip:127.0.0.1:${proxyPort}`, { socket: 'relay' }));
  await trunkd.allBound(TRANSPORTS.length);
});

function configFor(forwardTo: string, more: Readonly<Record<string, unknown>>): Config {
  return {
    dns: { servers: [dnsmasq.server] },
    localSockets: [
      { name: 'udp', protocol: 'udp', bind: `127.0.0.1:${udpPort}` },
      { name: 'tcp', protocol: 'tcp', bind: '127.0.0.1:0' },
      { name: 'tls', protocol: 'tls', bind: '127.0.0.1:0', ca: pki.caFile },
      { name: 'relay', protocol: 'udp', bind: `127.0.0.1:${egressPort}` },
      { name: 'relay-tcp', protocol: 'tcp', bind: '127.0.0.1:0' },
      { name: 'relay-tls', protocol: 'tls', bind: '127.0.0.1:0', ca: pki.caFile },
    ],
    inbound: { forwardTo, maxRate: MAX_RATE, ...more },
    pacing: { perTarget: 40, burst: 5 },
    peeringContracts: [
      {
        name: 'acme',
        // No contact: forwardTo is the way for calls to come in.
        registrations: TRANSPORTS.map((protocol) => ({
          ...{ id: `acme-${protocol}`, username: protocol, ddi: `34-${protocol}` },
          ...{ domain: 'registrar.test', expires: 10, auth: { password: 'a long password' } },
          registrar: `sip:127.0.0.1:${portOf(protocol)};transport=${protocol}`,
        })),
      },
    ],
  };
}

afterAll(async () => {
  await trunkd?.stop();
  await dnsmasq?.stop();
  await provider?.stop();
  pki?.remove();
});

function portOf(protocol: string): number {
  return protocol === 'tls' ? provider.tlsPort : provider.sipPort;
}

/** One call from end to end; what both sides saw. */
async function whole(
  user: string,
  caller: CallScenario,
  callee: CallScenario,
  protocol: 'udp' | 'tcp' = 'udp',
): Promise<{ readonly callee: SippCall; readonly stop: () => Promise<void> }> {
  const proxy = await SippCall.listen(callee, proxyPort, protocol);
  const uac = await SippCall.call(caller, user, provider.sipPort);
  const stop = async () => {
    await uac.stop();
    await proxy.stop();
  };
  const results = await Promise.all([uac.result(), proxy.result()]);
  if (results.some((one) => one !== '0')) await stop();
  expect(results).toEqual(['0', '0']);
  return { callee: proxy, stop };
}

describe.each(TRANSPORTS)('a call down a %s flow', (protocol) => {
  it('is made, changed and ended by the caller, and says where it came from', async () => {
    const { callee, stop } = await whole(protocol, 'caller', 'callee');
    const invites = callee.received('INVITE');
    expect(invites.length).toBeGreaterThanOrEqual(2);
    for (const method of ['INVITE', 'ACK', 'BYE']) {
      expect(callee.received(method).length, method).toBeGreaterThan(0);
      for (const wire of callee.received(method)) {
        const text = wire.replaceAll('\n', '\r\n');
        const source = `127.0.0.1:${portOf(protocol)};transport=${protocol}`;
        expect(fieldsOf(text, 'X-Trunkd-Source'), method).toEqual([source]);
        expect(fieldsOf(text, 'X-Trunkd-Registration'), method).toEqual([`acme-${protocol}`]);
        expect(fieldsOf(text, 'Via')[0]).toContain(`UDP 127.0.0.1:${egressPort};`);
      }
    }
    expect(invites[0]).toMatch(new RegExp(`^INVITE sip:34-${protocol}@127\\.0\\.0\\.1:`));
    expect(invites[0]).toContain('Subject: interop call');
    await stop();
  });

  it('is changed and ended by the proxy', async () => {
    const { stop } = await whole(protocol, 'caller-hears', 'callee-ends');
    await stop();
  });

  it('is given up while it rings', async () => {
    const { stop } = await whole(protocol, 'caller-cancels', 'callee-rings');
    await stop();
  });
});

/** The proxy as a plain socket: what reaches it. */
async function listening(address: string, port: number) {
  const socket = createSocket('udp4').bind(port, address);
  await once(socket, 'listening');
  const got: string[] = [];
  socket.on('message', (wire) => got.push(wire.toString('latin1')));
  return { socket, got };
}

describe('strangers', () => {
  it('never reach the proxy with a forged call, nor a provider by the socket of the proxy', async () => {
    const proxy = await listening('127.0.0.1', proxyPort);
    const stranger = await listening('127.0.0.66', 0);
    const lines = ['X-Trunkd-Registration: acme-udp', `Route: <sip:127.0.0.1:${proxyPort};lr>`];
    const vias = [
      `Via: SIP/2.0/UDP 127.0.0.66:${stranger.socket.address().port};rport;branch=z9hG4bKforged`,
    ];
    for (const port of [udpPort, egressPort]) {
      for (const method of ['INVITE', 'BYE', 'OPTIONS']) {
        const uri = `sip:34-udp@127.0.0.1:${port}`;
        const wire = requestText({ method, uri, vias, lines, callId: FORGED });
        stranger.socket.send(wire, port, '127.0.0.1');
      }
    }
    await eventually(
      async () => /relay_refused_total\{reason="stranger"\} 3/.test(await metrics()),
      {
        what: () => 'what came to the socket of the proxy is counted',
      },
    );
    await eventually(
      async () => /messages_dropped_total\{reason="stranger"\} 3/.test(await metrics()),
      { what: () => 'what came to the other socket is counted' },
    );
    await sleep(500);
    // On a busy machine a late copy of a call before may still arrive.
    expect(proxy.got.filter((wire) => wire.includes(FORGED))).toEqual([]);
    expect(stranger.got).toEqual([]);
    expect(provider.requests().filter(({ callId }) => callId === FORGED)).toEqual([]);
    proxy.socket.close();
    stranger.socket.close();
  });
});

describe('a flood of calls', () => {
  it('is cut to maxRate, and costs no refresh', async () => {
    const proxy = await listening('127.0.0.1', proxyPort);
    // From the address of the provider: its port need not be the registrar's.
    const flood = await listening('127.0.0.1', 0);
    const before = provider.requests().length;
    const startedAt = performance.now();
    let sent = 0;
    while (performance.now() - startedAt < 12_000) {
      for (let index = 0; index < 25; index += 1) {
        sent += 1;
        const vias = [
          `Via: SIP/2.0/UDP 127.0.0.1:${flood.socket.address().port};rport;branch=z9hG4bKf${sent}`,
        ];
        const wire = requestText({
          uri: `sip:34-udp@127.0.0.1:${udpPort}`,
          vias,
          callId: `f${sent}`,
        });
        flood.socket.send(wire, udpPort, '127.0.0.1');
      }
      await sleep(50);
    }
    const tookSec = (performance.now() - startedAt) / 1000;
    await sleep(500);
    expect(sent).toBeGreaterThan(1000);
    expect(proxy.got.length).toBeGreaterThan(MAX_RATE);
    expect(proxy.got.length).toBeLessThanOrEqual(MAX_RATE * (tookSec + 1.5) + MAX_RATE);
    expect(flood.got.length).toBeLessThanOrEqual(MAX_RATE * (tookSec + 1.5) + MAX_RATE);
    expect(flood.got.every((wire) => /^SIP\/2\.0 503 /.test(wire))).toBe(true);
    // 10 s were granted at most: whoever is still bound was refreshed meanwhile, and nobody lapsed.
    const refreshed = provider.requests().slice(before);
    for (const protocol of TRANSPORTS) {
      expect(
        refreshed.some(({ user }) => user === `34-${protocol}`),
        protocol,
      ).toBe(true);
    }
    expect(provider.expired()).toEqual([]);
    expect((await provider.dump()).size).toBe(TRANSPORTS.length);
    expect(trunkd.lines('inbound.limited')).toHaveLength(1);
    proxy.socket.close();
    flood.socket.close();
  });
});

describe('a proxy that is configured otherwise, by a reload', () => {
  it('gets calls by the SRV records of its name, over TCP', async () => {
    await trunkd.reload(configFor('sip:proxy.test;transport=tcp', { socket: 'relay-tcp' }));
    const { callee, stop } = await whole('tls', 'caller', 'callee', 'tcp');
    for (const method of ['INVITE', 'ACK', 'BYE']) {
      const [wire = ''] = callee.received(method);
      const text = wire.replaceAll('\n', '\r\n');
      expect(fieldsOf(text, 'Via')[0], method).toMatch(/^SIP\/2\.0\/TCP 127\.0\.0\.1/);
      expect(fieldsOf(text, 'X-Trunkd-Registration'), method).toEqual(['acme-tls']);
    }
    expect(dnsmasq.queries()).toContain('SRV _sip._tcp.proxy.test');
    await stop();
  });

  it('gets calls over TLS, as the name that its certificate proves', async () => {
    const proxy = await OwnProxy.reserve(pki.filesOf('good'));
    await proxy.start(trunkd.url);
    const forwardTo = `sip:${proxy.tlsHostPort};transport=tls`;
    const call = () =>
      ask('127.0.0.1', provider.sipPort, '127.0.0.1', 'INVITE', 'tcp', [
        'Contact: <sip:caller@127.0.0.1:5060>',
      ]);
    try {
      const wrong = { socket: 'relay-tls', tls: { identity: 'another.test' } };
      await trunkd.reload(configFor(forwardTo, wrong));
      // Kamailio makes 500 of a 503 (RFC 3261 section 16.7, item 6).
      expect(await call()).toMatch(/^SIP\/2\.0 500 /);
      // The log comes by a pipe of its own, and may be read after the answer.
      const causes = () => trunkd.lines('inbound.proxyUnreachable').map(({ cause }) => cause);
      await eventually(
        async () => causes().some((cause) => JSON.stringify(cause).includes('"tls.identity"')),
        { what: () => `refused for its identity, not ${JSON.stringify(causes())}` },
      );
      expect(proxy.calls()).toEqual([]);
      const right = { socket: 'relay-tls', tls: { identity: 'registrar.test' } };
      await trunkd.reload(configFor(forwardTo, right));
      expect(await call()).toMatch(/^SIP\/2\.0 486 /);
      expect(await proxy.sourceOf('34-tcp')).toMatch(/^tls:127\.0\.0\.1:/);
      expect(proxy.calls()).toHaveLength(1);
    } finally {
      await proxy.stop();
    }
  });
});

async function metrics(): Promise<string> {
  return await (await fetch(`${trunkd.url}/metrics`)).text();
}
