/**
 * Bindings as the other side sees them: several registrars and Contacts, bindings of others, questions
 * and commands at two Kamailios; GIN, GRUU, From and own headers at a registrar of the tests.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Kamailio } from '../support/kamailio.ts';
import { makePki, type Pki } from '../support/pki.ts';
import { eventually } from '../support/processes.ts';
import { BIN, type Config, Trunkd } from '../support/trunkd.ts';
import { UdpRegistrar } from '../support/udp-registrar.ts';

const PASSWORD = 'a long password';
const USERS = [
  'both',
  'serial',
  'pair',
  'crowd',
  'moved',
  'asked',
  'hosted',
  'large',
  'own1',
  'own2',
] as const;
/** More than one datagram should carry. */
const MUCH = Object.fromEntries(
  Array.from({ length: 10 }, (_, index) => [`X-Much-${index}`, 'x'.repeat(150)]),
);

interface Row {
  readonly state: string;
  readonly bound: boolean;
  readonly serviceRoute: readonly string[];
  readonly gruu: { readonly public: string | null } | null;
  readonly associatedUris: readonly string[];
  readonly otherBindings: { readonly count: number };
  readonly legs: readonly { readonly state: string; readonly bound: boolean }[];
  readonly cause: { readonly code: string } | null;
}

let pki: Pki;
let first: Kamailio;
let second: Kamailio;
let scripted: UdpRegistrar;
let trunkd: Trunkd;

beforeAll(async () => {
  pki = await makePki(['good']);
  const users = new Map(USERS.map((user) => [user, PASSWORD]));
  const shared = { users, tls: pki.filesOf('good') };
  first = await Kamailio.start({ ...shared, defines: ['WITH_SERVICE_ROUTE'] });
  second = await Kamailio.start({ ...shared, defines: ['WITH_407', 'WITH_MAX_CONTACTS=2'] });
  scripted = await UdpRegistrar.open(PASSWORD);
  scripted.parameters = ';pub-gruu="sip:pbx@test.example;gr=urn:uuid:1"';
  scripted.lines = ['P-Associated-URI: <sip:+493012345@test.example>'];
  trunkd = await Trunkd.start(config('127.0.0.1:15090'));
});

afterAll(async () => {
  await trunkd?.stop();
  await first?.stop();
  await second?.stop();
  await scripted?.close();
  pki?.remove();
});

function account(id: string, more: Record<string, unknown>): Record<string, unknown> {
  return { id, username: id, ddi: `d-${id}`, auth: { password: PASSWORD }, ...more };
}

function config(contactOfMoved: string): Config {
  const at = (kamailio: Kamailio, more = '') => `sip:127.0.0.1:${kamailio.sipPort}${more}`;
  return {
    localSockets: [
      { name: 'udp', protocol: 'udp', bind: '127.0.0.1:0' },
      { name: 'tcp', protocol: 'tcp', bind: '127.0.0.1:0' },
    ],
    pacing: { perTarget: 50, burst: 50 },
    defaults: {
      registration: {
        domain: 'registrar.test',
        expires: 600,
        contact: '127.0.0.1:15090',
        registrar: at(first),
      },
    },
    peeringContracts: [
      {
        name: 'acme',
        registrations: [
          account('both', { registrars: [at(first), at(second)] }),
          account('serial', {
            registrars: [at(first, ';transport=tcp'), at(second, ';transport=tcp')],
            registrarMode: 'serial',
          }),
          account('pair', {
            contacts: ['127.0.0.1:15090', { address: '127.0.0.1:15091', q: 0.5 }],
            outbound: 'off',
          }),
          account('crowd', {
            contacts: ['127.0.0.1:15090', '127.0.0.1:15091', '127.0.0.1:15092'],
            outbound: 'off',
            registrar: at(second),
          }),
          account('moved', {
            contact: contactOfMoved,
            outbound: 'off',
            onForeign: 'removeOwnStale',
          }),
          account('asked', { outbound: 'off' }),
          account('large', { headers: MUCH, sizePolicy: 'tcp', localSocket: 'udp' }),
          ...['own1', 'own2'].map((id) =>
            account(id, {
              ...{ registrar: at(first, ';transport=tcp'), connection: 'perRegistration' },
            }),
          ),
          account('largeUdp', {
            ...{ headers: MUCH, sizePolicy: 'tcp', domain: 'test.example' },
            registrar: `sip:127.0.0.1:${scripted.port}`,
          }),
          {
            ...account('hosted', { mode: 'gin', ddi: undefined, domain: 'test.example' }),
            registrar: `sip:127.0.0.1:${scripted.port}`,
            from: { user: 'admin', domain: 'corp.example' },
            headers: { 'X-Site': 'madrid' },
            userAgent: 'PBX/7',
          },
        ],
      },
    ],
  };
}

const row = async (id: string): Promise<Row> =>
  (await trunkd.get(`/v1/registrations/${id}`)) as Row;

async function addresses(kamailio: Kamailio, user: string): Promise<readonly string[]> {
  const bindings = (await kamailio.dump()).get(`${user}@registrar.test`) ?? [];
  return bindings.map(({ address }) => address).sort();
}

async function holds(kamailio: Kamailio, user: string, ...expected: string[]): Promise<void> {
  let now: readonly string[] = [];
  await eventually(
    async () => {
      now = await addresses(kamailio, user);
      return now.join() === expected.join();
    },
    { timeoutMs: 60_000, what: () => `${user}: ${expected.join()} (now ${now.join()})` },
  );
}

async function command(id: string, name: string): Promise<void> {
  const answer = await fetch(`${trunkd.url}/v1/registrations/${id}/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ command: name, reason: 'a test' }),
  });
  expect(answer.status).toBe(202);
}

function cli(...args: readonly string[]): string {
  const file = join(trunkd.directory, 'trunkd.yaml');
  const { stdout, stderr } = spawnSync(BIN, [...args, '--config', file], { encoding: 'utf8' });
  return stdout + stderr;
}

const at = (user: string, port = 15090, transport = '') =>
  `sip:d-${user}@127.0.0.1:${port}${transport}`;

describe('several registrars', () => {
  it('parallel: both hold the binding; off removes it from both, also where the removal is challenged', async () => {
    await holds(first, 'both', at('both'));
    await holds(second, 'both', at('both'));
    expect((await row('both')).legs.map(({ bound }) => bound)).toEqual([true, true]);
    await command('both', 'off');
    await holds(first, 'both');
    await holds(second, 'both');
    expect(await row('both')).toMatchObject({ state: 'off', cause: { code: 'registration.off' } });
    await command('both', 'up');
    await holds(second, 'both', at('both'));
  });

  it('serial: the second only while the first is away', async () => {
    const contact = at('serial', 15090, ';transport=tcp');
    await holds(first, 'serial', contact);
    await holds(second, 'serial');
    await first.kill();
    await holds(second, 'serial', contact);
    expect((await row('serial')).bound).toBe(true);
    await first.startAgain();
    await command('serial', 'register');
    await holds(first, 'serial', contact);
    await holds(second, 'serial');
    const states = (await row('serial')).legs.map(({ state }) => state);
    expect(states).toEqual(['registered', 'off']);
    const lapsed = trunkd
      .lines('registration.changed')
      .filter((line) => line.registration === 'serial' && line.bound === false);
    expect(lapsed).toEqual([]);
  });
});

describe('several Contacts', () => {
  it('are bound together and removed together', async () => {
    await command('pair', 'register');
    await holds(first, 'pair', at('pair'), at('pair', 15091));
    await command('pair', 'unregister');
    await holds(first, 'pair');
    await command('pair', 'register');
    await holds(first, 'pair', at('pair'), at('pair', 15091));
  });

  it('more than the registrar takes: not bound, and no outage of it', async () => {
    await eventually(async () => (await row('crowd')).state === 'waiting');
    expect((await row('crowd')).cause?.code).toBe('registrar.overloaded');
    expect(await addresses(second, 'crowd')).toEqual([]);
    expect((await row('both')).bound).toBe(true);
  });
});

/** Operators were told of it. */
async function noticed(code: string): Promise<void> {
  await trunkd.told('registration.noticed', (lines) =>
    lines.some(({ cause }) => JSON.stringify(cause).includes(code)),
  );
}

describe('what the registrar holds and tells', () => {
  it('Service-Route is shown, and used for no REGISTER', async () => {
    await command('asked', 'register');
    await holds(first, 'asked', at('asked'));
    expect((await row('asked')).serviceRoute).toEqual([
      '<sip:sr1.test;lr>',
      `<sip:127.0.0.1:${first.sipPort};transport=udp;lr>`,
    ]);
    await command('asked', 'register');
    await eventually(async () => (await row('asked')).serviceRoute.length === 2);
  });

  it('fetch-bindings shows it; a binding that is lost is made again at once', async () => {
    expect(cli('fetch-bindings', 'asked')).toMatch(/sip:d-asked@127\.0\.0\.1:15090\S*\s+\d+\s+yes/);
    await first.rpc('ul.rm', 'location', 'asked@registrar.test');
    expect(cli('fetch-bindings', 'asked')).toContain('no binding');
    await holds(first, 'asked', at('asked'));
    await noticed('registration.bindingLost');
  });

  it('forget leaves a binding behind; later it is found as an old one of ours, and removed', async () => {
    await command('moved', 'register');
    await holds(first, 'moved', at('moved'));
    await command('moved', 'forget');
    await trunkd.reload(config('127.0.0.1:15099'));
    expect(await addresses(first, 'moved')).toEqual([at('moved')]);
    expect((await row('moved')).state).toBe('off');
    await command('moved', 'register');
    await holds(first, 'moved', at('moved', 15099));
    await noticed('registration.otherBindings');
  });
});

describe('a pause', () => {
  it('sends nothing and removes nothing, until resume', async () => {
    await holds(first, 'large', at('large'));
    await command('asked', 'unregister');
    await holds(first, 'asked');
    expect(cli('pause', '--reason', 'a move', '--until', '1h')).toMatch(/^pause accepted/);
    const metrics = await (await fetch(`${trunkd.url}/metrics`)).text();
    expect(metrics).toMatch(/^trunkd_registrations_paused 1$/m);
    const before = first.requests().length;
    await command('asked', 'up');
    await eventually(async () => (await row('asked')).cause?.code === 'registration.paused');
    expect(first.requests()).toHaveLength(before);
    expect(await addresses(first, 'large')).toEqual([at('large')]);
    expect(cli('resume')).toMatch(/^resume accepted/);
    await holds(first, 'asked', at('asked'));
    expect(await trunkd.told('registrations.paused', ({ length }) => length >= 2)).toMatchObject([
      { level: 'warn', isPaused: true, reason: 'a move' },
      { level: 'info', isPaused: false },
    ]);
  });
});

describe('a whole PBX (RFC 6140)', () => {
  it('is registered with bnc, in the name and the words that are configured', async () => {
    await eventually(async () => (await row('hosted')).bound);
    const isIt = (text: string) => text.includes('Authorization:') && text.includes('sip:hosted@');
    const sent = scripted.wire.find(isIt) ?? '';
    expect(sent).toMatch(/^Contact: <sip:127\.0\.0\.1:15090;bnc>/m);
    expect(sent).toMatch(/^Require: gin\r$/m);
    expect(sent).toMatch(/^Proxy-Require: gin\r$/m);
    expect(sent).toMatch(/^Supported: path/m);
    expect(sent).toMatch(/^From: <sip:admin@corp\.example>;tag=/m);
    expect(sent).toMatch(/^To: <sip:hosted@test\.example>\r$/m);
    expect(sent).toMatch(/^X-Site: madrid\r$/m);
    expect(sent).toMatch(/^User-Agent: PBX\/7\r$/m);
    expect(await row('hosted')).toMatchObject({
      gruu: { public: 'sip:pbx@test.example;gr=urn:uuid:1' },
      associatedUris: ['<sip:+493012345@test.example>'],
    });
  });
});

describe('a REGISTER that is too large for a datagram', () => {
  it('goes over TCP, under the same Contact', async () => {
    await holds(first, 'large', at('large'));
    const seen = first.requests().filter(({ user }) => user === 'd-large');
    // Later on the registrar was away for a moment, and TCP was refused, too.
    expect(seen.slice(0, 2).map(({ protocol }) => protocol)).toEqual(['tcp', 'tcp']);
  });

  it('goes over UDP after all where TCP is refused', async () => {
    await eventually(async () => (await row('largeUdp')).bound);
    const seen = scripted.wire.filter((text) => text.includes('sip:largeUdp@'));
    expect(seen.some((text) => text.length > 1_300)).toBe(true);
    await trunkd.told('request.large', (lines) =>
      lines.some(({ target }) => target === `udp:127.0.0.1:${scripted.port}`),
    );
  });
});

describe('connection: perRegistration', () => {
  it('gives each one its own, which ends with the registration', async () => {
    const owned = ['own1', 'own2'] as const;
    const contact = (user: string) => at(user, 15090, ';transport=tcp');
    for (const user of owned) await holds(first, user, contact(user));
    const portsOf = (user: string) =>
      first.requests().flatMap((seen) => (seen.user === `d-${user}` ? [seen.sourcePort] : []));
    expect(portsOf('own1').at(-1)).not.toBe(portsOf('own2').at(-1));
    const count = () => connectionsTo(first.sipPort);
    const before = count();
    await command('own1', 'off');
    await holds(first, 'own1');
    await eventually(() => count() === before - 1);
  });
});

/** Those of this network namespace that were opened to a port, by the table of the kernel. */
function connectionsTo(port: number): number {
  const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 01`;
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return rows.filter((row) => row.slice(20).startsWith(remote)).length;
}
