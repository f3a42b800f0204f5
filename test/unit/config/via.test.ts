import { describe, expect, test } from 'vitest';
import { loadText } from '../../support/config/load-text.ts';

const ACCOUNT = 'username: "1", domain: acme.example, auth: { password: long-enough-secret }';
const PROXIES = `
localSockets:
  - { name: udp, protocol: udp, bind: "127.0.0.1:0" }
  - { name: tcp, protocol: tcp, bind: "127.0.0.1:0" }
proxies:
  - { name: edge1, address: "udp:127.0.0.1:5060", contact: "203.0.113.10:5060" }
  - { name: edge2, address: "tcp:edge.example", contact: "[2001:db8::1]", localSocket: tcp }
`;

async function load(text: string) {
  const result = await loadText(text);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return { spec: result.spec, warnings: result.warnings.map((one) => one.text) };
}

const acme = (rest: string) => `${PROXIES}peeringContracts:\n  - { name: acme, ${rest} }\n`;

async function registration(keys: string, contract = '') {
  const { spec, warnings } = await load(
    acme(`${contract}registrations: [{ ${ACCOUNT}, ${keys} }]`),
  );
  return { profile: spec.registrations[0]?.profile, warnings };
}

describe('several hops', () => {
  test.each([
    ['one needs no Route', 'outboundProxy: a.example', 'a.example', undefined],
    ['a list of one neither', 'outboundProxy: [a.example]', 'a.example', undefined],
    [
      'several are all named, the first is where it goes',
      'outboundProxy: ["a.example:5070", "[2001:db8::1]", "sip:b.example;transport=tcp;lr"]',
      'a.example',
      ['sip:a.example:5070;lr', 'sip:[2001:db8::1];lr', 'sip:b.example;transport=tcp;lr'],
    ],
    [
      'a registrar behind them is the last',
      'outboundProxy: a.example, registrar: "sip:reg.example:5080"',
      'a.example',
      ['sip:a.example;lr', 'sip:reg.example:5080;lr'],
    ],
    [
      'unless the Request-URI names it anyway',
      'outboundProxy: a.example, registrar: "sip:ACME.example"',
      'a.example',
      undefined,
    ],
    [
      'a registrar alone is where it goes',
      'registrar: "sip:reg.example"',
      'reg.example',
      undefined,
    ],
  ] as const)('%s', async (_what, keys, host, route) => {
    const { profile, warnings } = await registration(`contact: self, ${keys}`);
    expect(profile?.hop.host).toBe(host);
    expect(profile?.route).toEqual(route);
    expect(warnings.filter((text) => text.includes('strict'))).toEqual([]);
  });

  test('a whole URI without lr is a strict router, and told as one', async () => {
    const keys = 'contact: self, outboundProxy: ["sip:a.example", b.example]';
    const { profile, warnings } = await registration(keys);
    expect(profile?.route).toEqual(['sip:a.example', 'sip:b.example;lr']);
    expect(warnings.some((text) => text.includes('strict router'))).toBe(true);
  });

  test('the SIP proxy of a peer server stands in the Request-URI, and in no Route', async () => {
    const { spec } = await load(
      acme(
        'peerServers: [{ name: a, sipProxy: s.example, outboundProxy: a.example }, { name: b, sipProxy: s.example, outboundProxy: [a.example, b.example] }]',
      ),
    );
    const [one, two] = spec.contracts[0]?.peerServers ?? [];
    expect(one?.route).toBeUndefined();
    expect(two?.route).toEqual(['sip:a.example;lr', 'sip:b.example;lr']);
  });
});

describe('via', () => {
  test('marks the hop, and brings the Contact of the proxy', async () => {
    const { profile, warnings } = await registration('via: edge2, transport: tls');
    expect(profile?.hop).toMatchObject({ host: 'acme.example', protocol: 'tls', via: 'edge2' });
    expect(profile?.contact).toEqual({ kind: 'address', hostPort: '[2001:db8::1]' });
    // The flow to the registrar is not ours.
    expect(profile?.outbound).toBe('off');
    expect(warnings.filter((text) => text.includes('contact'))).toEqual([]);
  });

  test.each([
    ['via: edge1, contact: "203.0.113.10:5060"', 0],
    ['via: edge1, contact: "203.0.113.11:5060"', 1],
  ])('a Contact of its own is not used, which is told: %s', async (keys, told) => {
    const { profile, warnings } = await registration(keys);
    expect(profile?.contact).toEqual({ kind: 'address', hostPort: '203.0.113.10:5060' });
    expect(warnings.filter((text) => text.includes("'contact' is not used"))).toHaveLength(told);
  });

  test('the nearest word wins: item, defaults of the contract, the contract, the top', async () => {
    const { spec } = await load(`${PROXIES}
defaults: { registration: { via: edge2 } }
peeringContracts:
  - name: one
    via: edge1
    registrations:
      - { ${ACCOUNT}, id: a }
      - { ${ACCOUNT.replace('"1"', '"2"')}, id: b, via: edge2 }
  - name: two
    via: edge2
    defaults: { registration: { via: edge1 } }
    registrations: [{ ${ACCOUNT.replace('"1"', '"3"')}, id: c }]
    peerServers: [{ name: s, sipProxy: s.example }]
  - { name: three, registrations: [{ ${ACCOUNT.replace('"1"', '"4"')}, id: d }] }
`);
    const via = spec.registrations.map(({ id, profile }) => `${id} ${profile.hop.via}`);
    expect(via).toEqual(['a edge1', 'b edge2', 'c edge1', 'd edge2']);
    expect(spec.contracts[1]?.peerServers[0]).toMatchObject({
      hop: { via: 'edge2' },
      contact: '[2001:db8::1]',
    });
  });

  test('the local socket is the one to the proxy; a default that cannot be it gives way', async () => {
    const own = await registration('via: edge1, localSocket: udp, transport: tcp');
    expect(own.profile).toMatchObject({ localSocket: 'udp', hop: { protocol: 'tcp' } });
    const inherited = await registration(
      'via: edge1',
      'defaults: { registration: { localSocket: tcp } }, ',
    );
    expect(inherited.profile?.localSocket).toBeUndefined();
  });

  test('sockets are made up for the proxy, not for what lies behind it', async () => {
    const text = `
proxies: [{ name: edge1, address: "udp:127.0.0.1:5060", contact: "203.0.113.10:5060" }]
peeringContracts:
  - { name: acme, via: edge1, registrations: [{ ${ACCOUNT}, transport: tls }] }
`;
    const { spec } = await load(text);
    expect(spec.localSockets.map(({ name }) => name)).toEqual(['auto-udp4']);
    expect(spec.proxies).toMatchObject([
      { name: 'edge1', hop: { host: '127.0.0.1', port: 5060, protocol: 'udp' } },
    ]);
  });
});
