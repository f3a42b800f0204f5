import { describe, expect, test } from 'vitest';
import { loadText, problemsOf, specOf } from '../../support/config/load-text.ts';

const ACME = (more: string) => `
peeringContracts:
  - name: acme
${more}`;

function registration(keys: string, above = ''): string {
  return `${above}${ACME(`    registrations:
      - { username: "100", domain: acme.example, contact: "203.0.113.10", auth: { password: long-enough-secret }, ${keys} }`)}`;
}

async function profileOf(keys: string, above = '') {
  const spec = await specOf(registration(keys, above));
  return spec.registrations[0]?.profile;
}

async function serverOf(keys: string, above = '') {
  const spec = await specOf(`${above}${ACME(`    peerServers:\n      - { name: a, ${keys} }`)}`);
  return spec.contracts[0]?.peerServers[0];
}

describe('defaults', () => {
  test('an empty configuration gives what the documentation promises', async () => {
    expect(await specOf('')).toEqual({
      localSockets: [],
      proxies: [],
      inbound: { allow: [], maxRate: 100, relay: undefined },
      http: { host: '127.0.0.1', port: 9077, token: undefined, tokens: [] },
      stateDirectory: undefined,
      log: { level: 'info' },
      dns: { servers: undefined },
      pacing: { perTarget: 6, burst: 3, max: 6 },
      probesPerSec: 2000,
      ownFault: { maxDownShare: 0.6, minTargets: 5, minContracts: 2, freezeMaxMs: 600_000 },
      metrics: { perRegistration: 1000 },
      unregisterOnStop: false,
      contracts: [],
      registrations: [],
      consumers: [],
    });
  });

  test('the nearest level wins: item, its preset, contract, its preset, top, its preset', async () => {
    const levels = (item: string, contract: string, top: string) => `
presets: { p: { probe: { fall: 2 } }, q: { probe: { fall: 4 } }, r: { probe: { fall: 6 } } }
${top}
peeringContracts:
  - name: acme
    ${contract}
    peerServers: [{ name: a, sipProxy: a.example, ${item} }]
`;
    const fall = async (item: string, contract: string, top: string) => {
      const spec = await specOf(levels(item, contract, top));
      return spec.contracts[0]?.peerServers[0]?.probe.fall;
    };
    const top = 'preset: p\ndefaults: { probe: { fall: 7 } }';
    const contract = 'preset: q\n    defaults: { probe: { fall: 8 } }';
    expect(await fall('preset: r, probe: { fall: 9 }', contract, top)).toBe(9);
    expect(await fall('preset: r', contract, top)).toBe(6);
    expect(await fall('', contract, top)).toBe(8);
    expect(await fall('', 'preset: q', top)).toBe(4);
    expect(await fall('', '', top)).toBe(7);
    expect(await fall('', '', 'preset: p')).toBe(2);
    expect(await fall('', '', '')).toBe(3);
  });

  test('labels of contract, defaults and item are joined', async () => {
    const spec = await specOf(`
defaults: { registration: { labels: { a: top, b: top, c: top }, contact: self } }
peeringContracts:
  - name: acme
    labels: { a: contract, z: contract }
    registrations:
      - { username: "1", domain: a.example, labels: { b: item }, auth: { password: long-enough-secret } }
`);
    const labels = { a: 'top', b: 'item', c: 'top', z: 'contract' };
    expect(spec.registrations[0]?.profile.labels).toEqual(labels);
  });

  test("the contract's admin is the least that holds for its items", async () => {
    const spec = await specOf(`
peeringContracts:
  - name: acme
    admin: drain
    peerServers: [{ name: a, sipProxy: a.example }, { name: b, sipProxy: b.example, admin: off }]
`);
    expect(spec.contracts[0]?.peerServers.map((one) => one.admin)).toEqual(['drain', 'off']);
  });
});

describe('where requests go', () => {
  test.each([
    ['', 'acme.example', undefined, undefined],
    ['registrar: "sip:reg.example:5070"', 'reg.example', 5070, undefined],
    ['registrar: "sip:reg.example;transport=tcp"', 'reg.example', undefined, 'tcp'],
    [
      'registrar: "sip:reg.example;transport=tcp", outboundProxy: "192.0.2.1:5080"',
      '192.0.2.1',
      5080,
      'tcp',
    ],
    ['outboundProxy: "192.0.2.1"', '192.0.2.1', undefined, undefined],
    ['outboundProxy: "sip:[2001:db8::1];transport=udp"', '2001:db8::1', undefined, 'udp'],
    ['transport: tls', 'acme.example', undefined, 'tls'],
  ])('%s', async (keys, host, port, protocol) => {
    expect((await profileOf(keys))?.hop).toEqual({ host, port, protocol, secure: false });
  });

  test('sips means TLS, whatever else is said', async () => {
    const profile = await profileOf('registrar: "sips:reg.example;transport=tcp"');
    expect(profile).toMatchObject({ scheme: 'sips', hop: { protocol: 'tls', secure: true } });
    expect(await serverOf('sipProxy: a.example, uriScheme: sips, transport: tcp')).toMatchObject({
      scheme: 'sips',
      hop: { protocol: 'tls', secure: true },
    });
  });

  test('a local socket decides the protocol where nothing else does', async () => {
    const sockets = 'localSockets: [{ name: t, protocol: tcp, bind: "0.0.0.0:0" }]\n';
    expect((await profileOf('localSocket: t', sockets))?.hop.protocol).toBe('tcp');
  });

  test.each([
    ['transport: tls', 'acme.example'],
    ['registrar: "sip:Reg.Example.;transport=tls"', 'reg.example'],
    ['registrar: "sip:192.0.2.1;transport=tls"', 'acme.example'],
    ['outboundProxy: "out.example", transport: tls', 'out.example'],
    ['tls: { identity: id.example }, transport: tls', 'id.example'],
  ])('the identity that TLS has to prove: %s', async (keys, identity) => {
    expect((await profileOf(keys))?.tls.identity).toBe(identity);
  });

  test('several identities and fingerprints get into the policy, in one form', async () => {
    const bare = 'ab'.repeat(32);
    const colons = bare.toUpperCase().replace(/..(?=.)/g, '$&:');
    const keys = `transport: tls, tls: { identity: [One.example., "[2001:db8::1]"], fingerprints: [${bare}, "${colons}"] }`;
    expect((await profileOf(keys))?.tls).toMatchObject({
      identity: 'one.example',
      otherIdentities: ['2001:db8::1'],
      fingerprints: [bare, bare],
    });
  });

  test('a peer server given by IP only has to prove the IP', async () => {
    const server = await serverOf('sipProxy: "[2001:db8::1]:5061", transport: tls');
    expect(server).toMatchObject({
      sipProxy: '[2001:db8::1]:5061',
      tls: { identity: '2001:db8::1' },
    });
  });

  test('equal combinations are one object, also over contracts', async () => {
    const item = (user: string) =>
      `{ username: "${user}", domain: a.example, contact: self, auth: { password: long-enough-secret } }`;
    const { registrations } = await specOf(`
peeringContracts:
  - { name: one, registrations: [${item('1')}, ${item('2')}] }
  - { name: two, registrations: [${item('3')}] }
`);
    const [a, b, c] = registrations;
    expect(a?.profile).toBe(b?.profile);
    expect(a?.profile).not.toBe(c?.profile);
    expect(a?.profile.hop).toBe(c?.profile.hop);
    expect(a?.profile.tls).toBe(c?.profile.tls);
  });
});

describe('names of a registration', () => {
  test('id is the address of record, the DDI random but stable', async () => {
    const first = await specOf(registration(''));
    const again = await specOf(registration('id: other, expires: 10m'));
    expect(first.registrations[0]?.id).toBe('100@acme.example');
    expect(again.registrations[0]?.id).toBe('other');
    expect(first.registrations[0]?.ddi).toMatch(/^t[0-9a-f]{16}$/);
    expect(again.registrations[0]?.ddi).toBe(first.registrations[0]?.ddi);
    expect(again.registrations[0]?.profile.expiresSec).toBe(600);
  });

  test('user name and password stay readable text; the core makes wire text of them', async () => {
    const spec = await specOf(`
peeringContracts:
  - name: acme
    registrations:
      - { username: a, domain: a.example, contact: self, auth: { username: "é", password: "pässword-long" } }
`);
    const { credentials } = spec.registrations[0] ?? {};
    expect(credentials?.username).toBe('é');
    expect(credentials?.password?.reveal()).toBe('pässword-long');
  });
});

describe('secrets and the environment', () => {
  const keys = (auth: string) => `
peeringContracts:
  - name: acme
    registrations:
      - { username: a, domain: a.example, contact: self, auth: ${auth} }
`;

  test('a password from the environment', async () => {
    const spec = await specOf(keys('{ password: { env: PW } }'), {
      env: { PW: 'from-environment' },
    });
    expect(spec.registrations[0]?.credentials.password?.reveal()).toBe('from-environment');
  });

  test('what cannot be read is an error in run and a warning in check', async () => {
    const text = keys('{ password: { env: PW } }');
    const problem = 'trunkd.yaml:5:76: the environment variable PW is not set';
    expect(problemsOf(await loadText(text, { mode: 'run' }))).toEqual([problem]);
    const checked = await loadText(text, { mode: 'check' });
    expect(checked.ok).toBe(true);
    expect(checked.warnings.map((one) => one.text)).toContain(
      'the environment variable PW is not set',
    );
  });

  test('any scalar may come from the environment, numbers too', async () => {
    const text = `
log: { level: { env: LEVEL } }
pacing: { perTarget: { env: RATE } }
unregisterOnStop: { env: STOP }
http: { bind: { env: BIND } }
state: { env: NOTHING }
`;
    const env = { LEVEL: 'warn', RATE: '2.5', STOP: 'true', BIND: '127.0.0.1:1', NOTHING: '' };
    expect(await specOf(text, { env })).toMatchObject({
      log: { level: 'warn' },
      pacing: { perTarget: 2.5, max: 2.5 },
      unregisterOnStop: true,
      http: { port: 1 },
      stateDirectory: undefined,
    });
  });

  test('a user name from the environment stays a text, leading zeros and all', async () => {
    const text = registration('').replace('"100"', '{ env: USER_NAME }');
    const spec = await specOf(text, { env: { USER_NAME: '0123' } });
    expect(spec.registrations[0]?.username).toBe('0123');
  });

  test('nothing of a secret shows in the spec, in problems or in warnings', async () => {
    const canary = 'CANARY-7f3a';
    const texts = [
      keys(`{ password: ${canary} }`),
      keys(`{ ha1: ${canary}, realm: r }`),
      keys(`{ password: "${canary}\\r\\n" }`),
      keys(`{ password: { fil: ${canary} } }`),
      keys(`{ password: ${canary}, password: ${canary} }`),
      keys(`{ password ${canary} }`),
      keys(`{ password:${canary} }`),
      `http: { token: [${canary}] }`,
      `http: { token: ${canary}`,
      registration(`registrar: "sip:user:${canary}@reg.example"`),
    ];
    for (const text of texts) {
      expect(JSON.stringify(await loadText(text))).not.toContain(canary);
    }
  });

  test("systemd's state directory is taken where the key does not stand", async () => {
    const env = { STATE_DIRECTORY: '/var/lib/trunkd:/var/lib/other' };
    expect((await specOf('', { env })).stateDirectory).toBe('/var/lib/trunkd');
    expect((await specOf('state: off', { env })).stateDirectory).toBeUndefined();
    expect((await specOf('state: { directory: /x }', { env })).stateDirectory).toBe('/x');
  });
});

describe('local sockets', () => {
  const made = async (text: string) =>
    (await specOf(text)).localSockets.map((one) => `${one.name} ${one.protocol}/${one.family}`);
  const server = (keys: string) => ACME(`    peerServers:\n      - { name: a, ${keys} }`);

  test('a peer server given by address takes no family from those that are given by name', async () => {
    const both = (address: string) =>
      made(
        ACME(`    peerServers:
      - { name: a, sipProxy: "${address}", transport: udp }
      - { name: b, sipProxy: b.example, transport: udp }`),
      );
    expect(await both('[2001:db8::1]')).toEqual(['auto-udp6 udp/6', 'auto-udp4 udp/4']);
    expect(await both('192.0.2.1')).toEqual(['auto-udp4 udp/4', 'auto-udp6 udp/6']);
  });

  test('are made up for protocol and family, both families for a name', async () => {
    expect(await made(server('sipProxy: 192.0.2.1, transport: udp'))).toEqual(['auto-udp4 udp/4']);
    expect(await made(server('sipProxy: "[::1]", transport: tcp'))).toEqual(['auto-tcp6 tcp/6']);
    const udp = ['auto-udp4 udp/4', 'auto-udp6 udp/6'];
    expect(await made(server('sipProxy: "a.example:5060"'))).toEqual(udp);
    // RFC 3263 chooses the transport.
    const streams = ['auto-tcp4 tcp/4', 'auto-tcp6 tcp/6', 'auto-tls4 tls/4', 'auto-tls6 tls/6'];
    expect(await made(server('sipProxy: a.example'))).toEqual([...streams, ...udp]);
    expect(await made(server('sipProxy: a.example, transport: udp, family: ipv6'))).toEqual([
      'auto-udp6 udp/6',
    ]);
    expect(await made(server('sipProxy: a.example, uriScheme: sips'))).toEqual([
      'auto-tls4 tls/4',
      'auto-tls6 tls/6',
    ]);
  });

  test('are not made up where a configured one serves', async () => {
    const sockets = 'localSockets: [{ name: u, protocol: udp, bind: "0.0.0.0:5070" }]\n';
    expect(await made(sockets + server('sipProxy: a.example, transport: udp'))).toEqual([
      'u udp/4',
    ]);
    expect(await made(sockets + server('sipProxy: "[::1]"'))).toEqual([
      'u udp/4',
      'auto-udp6 udp/6',
    ]);
  });

  test('say so when nobody configured them', async () => {
    const spec = await specOf(server('sipProxy: 192.0.2.1'));
    expect(spec.localSockets[0]).toMatchObject({ address: '0.0.0.0', port: 0, isMadeUp: true });
  });
});

describe('many problems', () => {
  test('are cut at the limit, with the number of the others', async () => {
    const items = Array.from({ length: 150 }, () => '      - { username: 1 }').join('\n');
    const result = await loadText(ACME(`    registrations:\n${items}`));
    const problems = problemsOf(result);
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)).toBe('trunkd.yaml:1:1: and 50 more problems');
  });
});

describe('calls that arrive at us', () => {
  const inbound = (keys: string, more = '') => `inbound: { ${keys} }\n${more}`;
  const nameless = ACME(
    '    registrations:\n      - { username: "100", domain: acme.example, auth: { password: long-enough-secret } }',
  );

  test('have a way in: without a contact a registration is called at trunkd', async () => {
    const spec = await specOf(`${inbound('forwardTo: "127.0.0.1:5060"')}${nameless}`);
    expect(spec.registrations[0]?.profile.contact).toEqual({ kind: 'self' });
    expect(problemsOf(await loadText(nameless))[0]).toContain('inbound.forwardTo');
    const named = await specOf(registration('', inbound('forwardTo: "127.0.0.1:5060"')));
    expect(named.registrations[0]?.profile.contact).toMatchObject({ hostPort: '203.0.113.10' });
  });

  test('leave from a socket that is made up, and is the default of nothing', async () => {
    const spec = await specOf(`${inbound('forwardTo: "127.0.0.1:5060"')}${nameless}`);
    expect(spec.inbound.relay).toMatchObject({
      hop: { host: '127.0.0.1', port: 5060, protocol: 'udp', secure: false },
      localSocket: 'auto-relay',
    });
    expect(spec.localSockets.at(-1)).toMatchObject({ name: 'auto-relay', address: '127.0.0.1' });
    expect(spec.localSockets.filter(({ protocol }) => protocol === 'udp')).toHaveLength(3);
  });

  test('leave from a socket for the address that maddr names, which is where they go', async () => {
    const socketOf = async (forwardTo: string) => {
      const spec = await specOf(`${inbound(`forwardTo: "${forwardTo}"`)}${nameless}`);
      const { address, family } = spec.localSockets.at(-1) ?? {};
      return [spec.inbound.relay?.hop.host, address, family];
    };
    expect(await socketOf('sip:127.0.0.1;maddr=192.0.2.1')).toEqual(['192.0.2.1', '0.0.0.0', 4]);
    expect(await socketOf('sip:proxy.example;maddr=[::1]')).toEqual(['::1', '::1', 6]);
    const sockets = 'localSockets: [{ name: r, protocol: udp, bind: "127.0.0.1:5071" }]\n';
    const keys = 'forwardTo: "sip:proxy.example;maddr=[2001:db8::1]", socket: r';
    expect(problemsOf(await loadText(`${inbound(keys, sockets)}${nameless}`))[0]).toContain(
      'is bound to IPv4, the proxy is at IPv6',
    );
  });

  test('leave from the socket that is named, which stands behind all others', async () => {
    const sockets = 'localSockets: [{ name: r, protocol: tls, bind: "[::]:0" }]\n';
    const keys = 'forwardTo: "sips:proxy.example", socket: r, tls: { verify: warn }';
    const spec = await specOf(`${inbound(keys, sockets)}${nameless}`);
    expect(spec.inbound.relay).toMatchObject({
      hop: { host: 'proxy.example', protocol: 'tls', secure: true, family: 'ipv6' },
      localSocket: 'r',
      tls: { verify: 'warn', identity: 'proxy.example' },
    });
    expect(spec.localSockets.at(-1)?.name).toBe('r');
    expect(spec.localSockets.filter(({ protocol }) => protocol === 'tls').length).toBeGreaterThan(
      1,
    );
  });
});
