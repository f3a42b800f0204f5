import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/core/base/secret.ts';
import type { PeerServerSnapshot, TargetSnapshot } from '../../../../src/core/health/snapshot.ts';
import type { ContractSpec, PeerServerSpec } from '../../../../src/core/health/spec.ts';
import { plainDocument, rtjsonDocument } from '../../../../src/core/routing/document.ts';
import { Router } from '../../../../src/core/routing/router.ts';
import { aPeerServer, aPeerServerSpec, CANARY } from '../../../support/fake-books.ts';
import { aContract } from '../../../support/health/probe-lab.ts';
import { nodeHasher } from '../../../support/node-hasher.ts';
import { SeededRandom } from '../../../support/seeded-random.ts';

class World {
  servers: PeerServerSnapshot[];
  contract: Partial<ContractSpec> = {};
  readonly router: Router;

  constructor(servers: readonly PeerServerSnapshot[], contract: Partial<ContractSpec> = {}) {
    this.servers = [...servers];
    this.contract = contract;
    const random = new SeededRandom(3);
    const book = { contract: (name: string) => this.#snapshot(name) };
    this.router = new Router({ book, random, hasher: nodeHasher });
  }

  #snapshot(name: string) {
    if (name !== 'acme') return undefined;
    const spec = aContract(
      this.servers.map((one) => one.spec),
      { metadata: { numericTransformation: 'es' }, ...this.contract },
    );
    const quiet = { order: undefined, isPanic: false };
    const peerServers = this.servers;
    return { spec, ...quiet, enabled: 'all', offers: 'enabled', peerServers } as const;
  }

  ask(more: Partial<Parameters<Router['route']>[0]> = {}, withCredentials = false) {
    const question = { contract: 'acme', to: '00911234567', from: '34600', ...more };
    const found = this.router.route(question, withCredentials);
    if (found.kind !== 'routes') throw new Error(found.kind);
    return found;
  }

  order(more: Partial<Parameters<Router['route']>[0]> = {}): string {
    return this.ask(more)
      .routes.map(({ candidate }) => candidate.spec.name)
      .join(' ');
  }
}

function server(name: string, spec: Partial<PeerServerSpec> = {}, more = {}): PeerServerSnapshot {
  const whole = { ...aPeerServerSpec(`acme/${name}`), from: NO_FROM, ...spec };
  return aPeerServer(`acme/${name}`, { spec: whole, weight: whole.weight, ...more });
}

const NO_FROM = { user: undefined, domain: undefined };
const PLAIN = { strip: 0, prefix: '', parameters: '' };

function target(address: string, more: Partial<TargetSnapshot> = {}): TargetSnapshot {
  const [base] = aPeerServer('x/y').targets;
  if (base === undefined) throw new Error('no target');
  const at = { protocol: 'udp', address, port: 5060, family: 4 } as const;
  return { ...base, target: `udp:${address}:5060`, at, ...more };
}

describe('one route', () => {
  it('carries every transformation of the server', () => {
    const world = new World([
      server('madrid', {
        sipProxy: 'sip.acme.example:5080',
        from: { user: 'acct1', domain: 'acme.example' },
        callOriginHeaders: ['pai', 'rpid'],
      }),
    ]);
    expect(rtjsonDocument(world.ask({ domain: 'edge.example:5060' }))).toEqual({
      success: true,
      version: '1.0',
      routing: 'serial',
      contract: 'acme',
      metadata: { numericTransformation: 'es' },
      reason: null,
      routes: [
        {
          uri: 'sip:0034911234567@sip.acme.example:5080;user=phone',
          dst_uri: 'sip:192.0.2.1:5060;transport=udp',
          headers: {
            from: { uri: 'sip:acct1@acme.example' },
            to: { uri: 'sip:0034911234567@sip.acme.example;user=phone' },
            extra:
              'P-Asserted-Identity: <sip:34600@edge.example>\r\nRemote-Party-ID: <sip:34600@edge.example>;privacy=off;screen=no\r\n',
          },
          peerServer: 'acme/madrid',
          target: 'udp:192.0.2.1:5060',
        },
      ],
    });
  });

  it('is the same in plain words', () => {
    const world = new World([
      server('madrid', { requestUri: PLAIN, route: ['sip:a.example;lr', 'sip:b.example;lr'] }),
    ]);
    const document = plainDocument(world.ask());
    expect(document.routes).toEqual([
      {
        peerServer: 'acme/madrid',
        target: 'udp:192.0.2.1:5060',
        priority: 1,
        lastResort: false,
        requestUri: 'sip:00911234567@sip.acme.example',
        nextHop: 'sip:192.0.2.1:5060;transport=udp',
        route: ['sip:a.example;lr', 'sip:b.example;lr'],
        from: 'sip:34600@sip.acme.example',
        to: 'sip:00911234567@sip.acme.example',
        headers: [{ name: 'P-Asserted-Identity', value: '<sip:34600@sip.acme.example>' }],
      },
    ]);
    expect(rtjsonDocument(world.ask()).routes[0]).toMatchObject({
      path: '<sip:a.example;lr>, <sip:b.example;lr>',
    });
  });

  it('names our own host by the proxy that asks, then that of via, then the SIP proxy', () => {
    const world = new World([server('madrid', { contact: '203.0.113.10:5060' })]);
    expect(world.ask().routes[0]?.from).toBe('sip:34600@203.0.113.10');
    expect(world.ask({ domain: '[2001:db8::1]:5060' }).routes[0]?.from).toBe(
      'sip:34600@[2001:db8::1]',
    );
  });

  it('tells nothing of who does not want to be known, but what the account is', () => {
    const world = new World([
      server('a', { priority: 1 }),
      server('b', { priority: 2, from: { user: 'acct1', domain: undefined } }),
    ]);
    const { routes } = world.ask({ from: 'anonymous', domain: 'edge.example' });
    expect(routes.map(({ from }) => from)).toEqual([
      'sip:anonymous@anonymous.invalid',
      'sip:acct1@edge.example',
    ]);
    expect(routes.flatMap(({ origin }) => origin)).toEqual([]);
  });

  it.each([
    ['to', '1\r\nX-Evil: 1'],
    ['to', ''],
    ['from', '%0aX'],
    ['from', 'x'.repeat(129)],
    ['domain', 'evil>;x='],
    ['domain', 'a b'],
    ['domain', 'host\r\n'],
  ])('is refused for a hostile %s (%j)', (parameter, text) => {
    const world = new World([server('a')]);
    const question = { contract: 'acme', to: '1', from: '2', [parameter]: text };
    expect(world.router.route(question, false)).toMatchObject({ kind: 'badParameter', parameter });
  });

  it.each(['to', 'from'])('takes the space of a bare + in %s for no number', (parameter) => {
    const world = new World([server('a')]);
    const question = { contract: 'acme', to: '34911', from: '34912', [parameter]: ' 34911' };
    expect(world.router.route(question, false)).toMatchObject({
      kind: 'badParameter',
      text: expect.stringContaining('%2B'),
    });
  });

  it('lets nothing out of its place', () => {
    const world = new World([server('a', { requestUri: PLAIN })]);
    const hostile = '1@evil.example;transport=tcp?X=1>,<sip:2';
    const text = JSON.stringify(rtjsonDocument(world.ask({ to: hostile, from: hostile })));
    expect(text).not.toMatch(/@evil|;transport=tcp|\?X|>,</);
  });
});

describe('where calls go', () => {
  it('is known of no contract that there is not', () => {
    const world = new World([]);
    expect(world.router.route({ contract: 'other', to: '1', from: '2' }, false)).toEqual({
      kind: 'unknownContract',
    });
  });

  it('first to the lowest priority, last to the last resorts, never to what is not offered', () => {
    const world = new World(
      [
        server('resort', { priority: 0 }, { rank: 1, lastResort: true }),
        server('second', { priority: 2 }),
        server('first', { priority: 1 }),
        server('gone', { priority: 0 }, { rank: 2, enabled: false }),
      ],
      { balance: 'inOrder' },
    );
    expect(world.order()).toBe('first second resort');
  });

  it('follows a change as soon as it is told of it', () => {
    const world = new World([server('a'), server('b', { priority: 2 })]);
    expect(world.order()).toBe('a b');
    world.servers[0] = server('a', {}, { rank: 2, enabled: false });
    world.router.changed('acme');
    expect(world.order()).toBe('b');
    world.contract = { balance: 'inOrder' };
    world.servers = [server('c'), server('b')];
    world.router.membersChanged();
    expect(world.order()).toBe('c b');
  });

  it('in turn, as listed, by key', () => {
    const servers = ['a', 'b', 'c'].map((name) => server(name));
    const inTurn = new World(servers, { balance: 'roundRobin' });
    expect([1, 2, 3, 4].map(() => inTurn.order()[0]).join('')).toBe('abca');
    const listed = new World(servers, { balance: 'inOrder' });
    expect([listed.order(), listed.order()]).toEqual(['a b c', 'a b c']);
    const byKey = new World(servers, { balance: 'hash' });
    expect(byKey.order({ key: 'x' })).toBe(byKey.order({ key: 'x', from: 'another' }));
    expect(byKey.order({ from: '1' })).toBe(byKey.order({ from: '1' }));
    const firsts = new Set(Array.from({ length: 50 }, (_, n) => byKey.order({ key: `${n}` })[0]));
    expect([...firsts].sort().join('')).toBe('abc');
  });

  it('to the targets that answer, the best first; and to all when the server is offered though down', () => {
    const targets = [
      target('192.0.2.1', { state: 'down', enabled: false }),
      target('192.0.2.2', { state: 'unknown' }),
      target('192.0.2.3'),
      target('192.0.2.4', { state: 'impaired' }),
    ];
    const world = new World([server('a', {}, { targets })]);
    const hops = () => world.ask().routes.map(({ nextHop }) => nextHop.slice(4, 13).at(-1));
    expect(hops().join('')).toBe('342');
    const down = targets.map((one) => ({ ...one, state: 'down', enabled: true }) as const);
    world.servers = [server('a', {}, { targets: down, rank: 1, lastResort: true })];
    world.router.changed('acme');
    expect(hops()).toHaveLength(4);
  });

  it('to the name while it is not resolved', () => {
    const hop = { host: 'sip.acme.example', port: 5061, protocol: 'tls', secure: false } as const;
    const world = new World([server('a', { hop }, { targets: [] })]);
    expect(world.ask().routes).toMatchObject([
      { nextHop: 'sip:sip.acme.example:5061;transport=tls', target: undefined },
    ]);
  });

  it('to 16 places at most, four of one server', () => {
    const many = Array.from({ length: 40 }, (_, n) => target(`192.0.2.${n + 1}`));
    const world = new World(
      ['a', 'b', 'c', 'd', 'e'].map((name) => server(name, {}, { targets: many })),
    );
    expect(world.ask().routes).toHaveLength(16);
    expect(new Set(world.order().split(' ')).size).toBe(4);
  });

  it('says why there is none', () => {
    const reason = (world: World) => rtjsonDocument(world.ask({ to: '1' })).reason?.code;
    expect(reason(new World([]))).toBe('route.noServers');
    expect(reason(new World([server('a', {}, { rank: 2 })]))).toBe('route.noneEnabled');
    const stripped = { requestUri: { strip: 2, prefix: '', parameters: '' } };
    expect(reason(new World([server('a', stripped)]))).toBe('route.numberTooShort');
    const replaced = { requestUri: { strip: 2, prefix: '0034', parameters: '' } };
    expect(reason(new World([server('a', replaced)]))).toBe('route.numberTooShort');
    expect(reason(new World([server('a', { requestUri: PLAIN })]))).toBeUndefined();
  });
});

describe('credentials', () => {
  const realm = (text: string | readonly string[] | undefined) => ({
    credentials: {
      username: 'acct1',
      password: new Secret(CANARY),
      ha1: undefined,
      realm: text,
    },
  });
  const auth = (world: World, more = {}, isAllowed = true) =>
    plainDocument(world.ask(more, isAllowed)).routes[0]?.auth;
  const HA1 = nodeHasher.hash('md5', `acct1:acme:${CANARY}`);

  it('come as a digest, and only to who may see them', () => {
    const world = new World([server('a', realm('acme'))]);
    expect(auth(world)).toEqual({ username: 'acct1', realm: 'acme', ha1: HA1, algorithm: 'MD5' });
    expect(auth(world, {}, false)).toBeUndefined();
    expect(JSON.stringify(rtjsonDocument(world.ask({}, true)))).not.toContain(CANARY);
  });

  it('are those of the realm of the challenge, where the configuration names none', () => {
    const world = new World([server('a', realm(undefined))]);
    expect(auth(world)).toEqual({ username: 'acct1', realm: null, ha1: null, algorithm: 'MD5' });
    expect(auth(world, { realm: 'acme' })).toMatchObject({ realm: 'acme', ha1: HA1 });
  });

  it('are none for a realm that the configuration does not name', () => {
    const world = new World([server('a', realm(['acme', 'other']))]);
    expect(auth(world, { realm: 'other' })).toMatchObject({ realm: 'other' });
    expect(auth(world, { realm: 'stranger' })).toBeUndefined();
  });
});
