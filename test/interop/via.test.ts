/**
 * Through our own proxy (`via`), with two real Kamailios: ours runs ops/kamailio/via.cfg, the other one is the
 * provider's registrar. Judged by what the provider sees and holds, and by where its calls arrive.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask } from '../support/ask.ts';
import { Kamailio, type SeenRequest } from '../support/kamailio.ts';
import { OwnProxy } from '../support/own-proxy.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually, freePort } from '../support/processes.ts';
import { Trunkd } from '../support/trunkd.ts';

const EACH = 6;
const TRANSPORTS = ['udp', 'tcp', 'tls'] as const;
/** Who registers in another way than the users: two hops, other links to the proxy, a Path that is asked for. */
const OTHERS = ['hops', 'link-tcp', 'link-tls', 'path'] as const;
const LINKS = ['tcp', 'tls'] as const;
const users = TRANSPORTS.flatMap((protocol) =>
  Array.from({ length: EACH }, (_, index) => `${protocol}${index}`),
);

interface Row {
  readonly id: string;
  readonly bound: boolean;
  readonly expiresAt: string;
}

interface ProxyRow {
  readonly state: string;
  readonly cause: { readonly code: string } | null;
}

let pki: Pki;
let provider: Kamailio;
/** Another one, which takes nobody without a Path. */
let pathProvider: Kamailio;
let proxy: OwnProxy;
let trunkd: Trunkd;

beforeAll(async () => {
  pki = await makePki(['good']);
  const passwords = new Map([...users, ...OTHERS].map((user) => [user, 'a long password']));
  const tls = pki.filesOf('good');
  provider = await Kamailio.start({ users: passwords, tls, defines: ['WITH_CALLS'] });
  pathProvider = await Kamailio.start({
    ...{ users: passwords, tls, defines: ['WITH_PATH_REQUIRED'] },
  });
  proxy = await OwnProxy.reserve(tls);
  trunkd = await Trunkd.start({
    localSockets: [
      { name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' },
      { name: 'tcp', protocol: 'tcp', bind: '127.0.0.1:0' },
      { name: 'tls', protocol: 'tls', bind: '127.0.0.1:0', ca: pki.caFile },
    ],
    proxies: [
      proxy.entry,
      proxy.entryOver('tcp'),
      { ...proxy.entryOver('tls'), tls: { identity: 'registrar.test' } },
    ],
    // One by one to each target, so that the order in which they come is seen.
    pacing: { perTarget: 20, burst: 1 },
    defaults: { registration: { expires: 3600 }, probe: { interval: '2s', timeout: '2s' } },
    peeringContracts: [
      {
        name: 'acme',
        via: 'edge1',
        peerServers: [
          { name: 'main', sipProxy: `127.0.0.1:${provider.sipPort}`, transport: 'udp' },
        ],
        registrations: users.map((username) => ({
          ...{ id: username, username, ddi: `34-${username}`, domain: 'registrar.test' },
          auth: { password: 'a long password' },
          registrar: registrarOf(username),
        })),
      },
      ...LINKS.map((protocol) => ({
        ...{ name: `link-${protocol}`, via: `edge-${protocol}` },
        registrations: [plain(`link-${protocol}`, provider)],
      })),
      { name: 'path', via: 'edge1', registrations: [plain('path', pathProvider)] },
      {
        // Without `via`: two hops of the provider's side, of which the first happens to be ours.
        name: 'hops',
        registrations: [
          {
            ...{ id: 'hops', username: 'hops', ddi: '34-hops', domain: 'registrar.test' },
            auth: { password: 'a long password' },
            outboundProxy: [proxy.hostPort, `127.0.0.1:${provider.sipPort}`],
            contact: '127.0.0.1:15090',
          },
        ],
      },
    ],
  });
});

afterAll(async () => {
  await trunkd?.stop();
  await proxy?.stop();
  await provider?.stop();
  await pathProvider?.stop();
  pki?.remove();
});

/** A registration over UDP at that provider. */
function plain(username: string, { sipPort }: Kamailio): Readonly<Record<string, unknown>> {
  return {
    ...{ id: username, username, ddi: `34-${username}`, domain: 'registrar.test' },
    auth: { password: 'a long password' },
    registrar: `sip:127.0.0.1:${sipPort};transport=udp`,
  };
}

function registrarOf(username: string): string {
  const protocol = username.slice(0, 3);
  const port = protocol === 'tls' ? provider.tlsPort : provider.sipPort;
  return `sip:127.0.0.1:${port};transport=${protocol}`;
}

async function ownProxy(): Promise<ProxyRow> {
  return (await trunkd.get('/v1/proxies/edge1')) as ProxyRow;
}

/** The last REGISTER of each user since then, in order of arrival. */
function registersSince(count: number): readonly SeenRequest[] {
  const seen = provider.requests().slice(count);
  return seen.filter(({ method, isAuthorized }) => method === 'REGISTER' && isAuthorized);
}

async function isHeld(prefixes: readonly string[]): Promise<boolean> {
  const held = [...(await provider.dump()).keys()];
  return users
    .filter((user) => prefixes.some((prefix) => user.startsWith(prefix)))
    .every((user) => held.some((aor) => aor.startsWith(`${user}@`)));
}

it('waits for a proxy that is not there yet, then registers through it, under its address', async () => {
  await eventually(async () => (await ownProxy()).state === 'silent', {
    timeoutMs: 30_000,
    what: () => 'the proxy is noticed to be missing',
  });
  await eventually(async () => (await trunkd.registration('tcp1')).state === 'waiting', {
    timeoutMs: 10_000,
    what: () => 'registrations wait',
  });
  expect((await trunkd.registration('tcp1')).cause?.code).toBe('proxy.silent');
  expect((await trunkd.peerServer('acme/main')).enabled).toBe(true);
  await proxy.start(trunkd.url);
  await trunkd.allBound(users.length + OTHERS.length, 60_000);
  const all = [...(await provider.dump()).values()].flat();
  const bindings = all.filter(({ aor }) => users.some((user) => aor.startsWith(user)));
  expect(bindings.map(({ address }) => address).toSorted()).toEqual(
    users
      .map((user) => {
        const transport = user.startsWith('udp') ? '' : `;transport=${user.slice(0, 3)}`;
        return `sip:34-${user}@${proxy.hostPort}${transport}`;
      })
      .toSorted(),
  );
  for (const one of provider.requests()) {
    expect([one.sourceAddress, one.hasRoute]).toEqual(['127.0.0.2', false]);
    if (one.protocol === 'udp') expect(one.sourcePort).toBe(proxy.sipPort);
  }
  // Several outbound hops pass the first one by their Route headers, under a Contact of their own.
  expect(all.find(({ aor }) => aor.startsWith('hops'))?.address).toBe(
    'sip:34-hops@127.0.0.1:15090',
  );
  expect(new Set(provider.requests().map(({ protocol }) => protocol))).toEqual(new Set(TRANSPORTS));
  await eventually(async () => (await trunkd.peerServer('acme/main')).state === 'up', {
    timeoutMs: 30_000,
    what: () => 'the peer server is up, too',
  });
});

it('may be reached over TCP and TLS as well: the provider cannot tell', async () => {
  const held = [...(await provider.dump()).values()].flat();
  for (const protocol of LINKS) {
    const user = `link-${protocol}`;
    const links = proxy.links().filter((one) => one.user === user);
    expect(links.length).toBeGreaterThan(0);
    expect(new Set(links.map((one) => one.protocol))).toEqual(new Set([protocol]));
    expect(held.find(({ aor }) => aor.startsWith(user))?.address).toBe(
      `sip:34-${user}@${proxy.hostPort}`,
    );
    const row = (await trunkd.get(`/v1/proxies/edge-${protocol}`)) as ProxyRow;
    expect(row).toMatchObject({ state: 'up', cause: null });
  }
  const seen = provider.requests().filter(({ user }) => user.startsWith('34-link-'));
  expect(seen.length).toBeGreaterThanOrEqual(LINKS.length);
  for (const one of seen) {
    expect([one.protocol, one.sourceAddress, one.sourcePort]).toEqual([
      ...['udp', '127.0.0.2', proxy.sipPort],
    ]);
  }
});

it('adds the Path that a registrar asks for', async () => {
  const [binding] = [...(await pathProvider.dump()).values()].flat();
  expect(binding?.aor).toMatch(/^path@/);
  expect(binding?.path).toBe(`<sip:${proxy.hostPort};lr>`);
  expect(await trunkd.registration('path')).toMatchObject({ bound: true, state: 'registered' });
});

it('gets calls down the connection that was registered over, from the address of the provider', async () => {
  for (const protocol of TRANSPORTS) {
    const final = await call(`${protocol}0`);
    expect(final, `${protocol}0`).toMatch(/^SIP\/2\.0 486 /);
    const port = protocol === 'tls' ? provider.tlsPort : provider.sipPort;
    const from = await proxy.sourceOf(`34-${protocol}0@${proxy.hostPort}`);
    expect(from).toBe(`${protocol}:127.0.0.1:${port}`);
  }
  expect(proxy.calls()).toHaveLength(TRANSPORTS.length);
});

it('relays for nobody but trunkd', async () => {
  const before = provider.requests().length;
  const route = `<sip:${proxy.hostPort};lr>, <sip:127.0.0.1:${provider.sipPort};lr>`;
  const lines = [`Route: ${route}`, 'Contact: <sip:34-udp1@127.0.0.3:5060>'];
  const answer = await ask('127.0.0.3', proxy.sipPort, '127.0.0.2', 'REGISTER', 'udp1', lines);
  expect(answer).toMatch(/^SIP\/2\.0 403 /);
  await eventually(
    () => proxy.refused().some((what) => what.startsWith('REGISTER from udp:127.0.0.3')),
    { what: () => 'our proxy tells that it refused it' },
  );
  expect(
    provider
      .requests()
      .slice(before)
      .filter(({ user }) => user === '34-udp1'),
  ).toEqual([]);
});

it('marks what it says itself, and takes the mark from what others say', async () => {
  const register = (target: string) =>
    ask('127.0.0.1', proxy.sipPort, '127.0.0.2', 'REGISTER', 'udp1', [
      `Route: <sip:${proxy.hostPort};lr>, <sip:${target};lr>`,
      'Contact: <sip:34-udp1@127.0.0.1:5060>',
    ]);
  const refused = await register(`127.0.0.1:${await freePort()};transport=tcp`);
  expect(refused).toMatch(/^SIP\/2\.0 477 /);
  expect(refused).toMatch(/^X-Trunkd-Local: 1\r$/m);
  const stranger = createSocket('udp4').bind(0, '127.0.0.1');
  await once(stranger, 'listening');
  stranger.on('message', (wire, { port, address }) => {
    const request = String(wire);
    expect(request).not.toMatch(/^Route:/m);
    const lines = request.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line));
    const answer = [
      'SIP/2.0 480 Later',
      ...lines,
      'X-Trunkd-Local: 1',
      'Content-Length: 0',
      '\r\n',
    ];
    stranger.send(answer.join('\r\n'), port, address);
  });
  try {
    const answered = await register(`127.0.0.1:${stranger.address().port};transport=udp`);
    expect(answered).toMatch(/^SIP\/2\.0 480 Later/);
    expect(answered).not.toMatch(/X-Trunkd-Local/i);
  } finally {
    stranger.close();
  }
});

it('tells a dead provider from a dead proxy, and is told of the connections that it closed', async () => {
  const before = provider.requests().length;
  await provider.kill();
  await eventually(async () => !(await trunkd.peerServer('acme/main')).enabled, {
    timeoutMs: 40_000,
    what: () => 'the peer server is disabled',
  });
  // An hour was granted: only the news of the closed connections make them try now.
  await eventually(async () => /"target\.dead"/.test(trunkd.output), {
    timeoutMs: 60_000,
    what: () => 'the target is dead',
  });
  expect(await ownProxy()).toMatchObject({ state: 'up', cause: null });
  expect(trunkd.output).toMatch(/"command":"connectionClosed","subject":"edge1 tcp:127\.0\.0\.1/);
  expect(trunkd.output).toMatch(/"command":"connectionClosed","subject":"edge1 tls:127\.0\.0\.1/);
  expect(trunkd.output).toMatch(/edge1>(tcp|tls):127\.0\.0\.1/);
  await provider.startAgain();
  await eventually(() => isHeld(['tcp', 'tls']), {
    timeoutMs: 90_000,
    everyMs: 500,
    what: () => 'what was bound over TCP and TLS is bound again',
  });
  expect(registersSince(before).every(({ sourceAddress }) => sourceAddress === '127.0.0.2')).toBe(
    true,
  );
  await eventually(async () => (await trunkd.peerServer('acme/main')).enabled, {
    timeoutMs: 60_000,
    what: () => 'the peer server is enabled again',
  });
});

it('comes back after the proxy was restarted: flows are made again, nobody is rejected', async () => {
  const before = provider.requests().length;
  await proxy.kill();
  await eventually(async () => (await ownProxy()).state === 'silent', {
    timeoutMs: 30_000,
    what: () => 'the proxy is noticed to be silent',
  });
  // What lies behind it is void, and stays what it was.
  await eventually(
    async () => (await trunkd.peerServer('acme/main')).cause?.code === 'proxy.silent',
    { timeoutMs: 30_000, what: () => 'the cause of the peer server is the silent proxy' },
  );
  expect(await trunkd.peerServer('acme/main')).toMatchObject({ state: 'up', enabled: true });
  const rows = await trunkd.list<Row>('/v1/registrations');
  expect(rows.filter(({ bound }) => bound).length).toBe(users.length + OTHERS.length);
  await proxy.start(trunkd.url);
  const isBack = () => {
    const again = new Set(registersSince(before).map(({ user }) => user));
    return users.filter((user) => !user.startsWith('udp')).every((user) => again.has(`34-${user}`));
  };
  await eventually(async () => isBack(), {
    timeoutMs: 60_000,
    what: () => 'every flow is there again',
  });
  // Who runs out first goes first, for each target by itself.
  const first = [...new Set(registersSince(before).map(({ user }) => user))];
  for (const protocol of ['tcp', 'tls']) {
    const byExpiry = rows
      .filter(({ id }) => id.startsWith(protocol))
      .sort((a, b) => Date.parse(a.expiresAt) - Date.parse(b.expiresAt))
      .map(({ id }) => `34-${id}`);
    expect(first.filter((user) => user.startsWith(`34-${protocol}`))).toEqual(byExpiry);
  }
  // A call finds its way down the new connections.
  expect(await call('tls1')).toMatch(/^SIP\/2\.0 486 /);
  expect(trunkd.output).not.toMatch(/"state":"rejected"/);
  expect((await trunkd.peerServer('acme/main')).enabled).toBe(true);
});

/** An INVITE through the provider to one of its users; the final answer. */
function call(user: string): Promise<string> {
  const lines = ['Contact: <sip:caller@127.0.0.1:5060>'];
  return ask('127.0.0.1', provider.sipPort, '127.0.0.1', 'INVITE', user, lines);
}
