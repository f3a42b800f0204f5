import { describe, expect, it } from 'vitest';
import type { Legs, RegistrationProfile } from '../../../../src/core/registration/spec.ts';
import { aProfile, aRegistration, Rig } from '../../../support/registration/rig.ts';
import {
  type Call,
  granted,
  type Reply,
} from '../../../support/registration/scripted-user-agent.ts';

const ADDRESSES = { a: '192.0.2.1', b: '192.0.2.2', c: '192.0.2.3' } as const;
type Host = keyof typeof ADDRESSES;

function toHost(host: Host): RegistrationProfile {
  return aProfile({ hop: { host, port: undefined, protocol: 'udp', secure: false } });
}

function profile(mode: Legs['mode'], ...hosts: readonly [Host, ...Host[]]): RegistrationProfile {
  const profiles = hosts.map(toHost);
  return { ...toHost(hosts[0]), legs: { mode, profiles } };
}

/** Registrars that keep books: what each holds now, by address. */
class Registrars {
  readonly rig = new Rig();
  readonly down = new Set<Host>();
  readonly #books = new Map<string, Set<string>>();

  readonly #isShared: boolean;

  constructor(books: 'own' | 'shared' = 'own') {
    this.#isShared = books === 'shared';
    for (const [host, address] of Object.entries(ADDRESSES)) this.rig.addresses.set(host, address);
    this.rig.userAgent.script = (call) => this.#answer(call);
  }

  holds(host: Host): readonly string[] {
    return [...(this.#books.get(this.#isShared ? 'all' : ADDRESSES[host]) ?? [])];
  }

  add(id: string, of: RegistrationProfile): void {
    this.rig.keeper.add(aRegistration(id, of));
  }

  legs(id: string): readonly string[] {
    return (this.rig.of(id).legs ?? []).map(({ state }) => state);
  }

  #answer(call: Call): Reply {
    const address = call.target.split(':')[1] ?? '';
    if ([...this.down].some((host) => ADDRESSES[host] === address)) return { status: 500 };
    const name = this.#isShared ? 'all' : address;
    const book = this.#books.get(name) ?? new Set();
    this.#books.set(name, book);
    if (call.expiresSec > 0) book.add(call.contact);
    else book.delete(call.contact);
    return granted(call, call.expiresSec);
  }
}

function make(...args: Parameters<typeof profile>): Registrars {
  const registrars = new Registrars();
  registrars.add('x', profile(...args));
  registrars.rig.time.run(2_000);
  return registrars;
}

const CONTACT = 'sip:dx@203.0.113.10:5060';

describe('parallel legs', () => {
  it('register everywhere, each with its own Call-ID, and are one registration', () => {
    const all = make('parallel', 'a', 'b');
    const { rig } = all;
    expect(all.holds('a')).toEqual([CONTACT]);
    expect(all.holds('b')).toEqual([CONTACT]);
    expect([...rig.keeper.ids()]).toEqual(['x']);
    expect(rig.counted('registered')).toBe(1);
    const { legs = [], ...row } = rig.of('x');
    expect(row).toMatchObject({ spec: { id: 'x' }, state: 'registered', bound: true });
    expect(row.counters).toMatchObject({ requests: 2, succeeded: 2 });
    expect(legs.map(({ spec }) => spec.id)).toEqual(['x', 'x#2']);
    expect(new Set(legs.map(({ callId }) => callId)).size).toBe(2);
    expect(rig.changes('x')).toEqual(['registering', 'registered']);
    expect(rig.userAgent.violations).toEqual([]);
  });

  it('are bound while one of them is, and lapse together', () => {
    const all = make('parallel', 'a', 'b');
    const { rig } = all;
    all.down.add('b');
    rig.time.run(700_000);
    expect(all.legs('x')).toEqual(['registered', 'waiting']);
    expect(rig.of('x')).toMatchObject({ state: 'registered', bound: true });
    expect(rig.changes('x')).toEqual(['registering', 'registered']);
    const told = rig.events.filter(({ type }) => type === 'registration.legChanged');
    expect(told.at(-1)).toMatchObject({ leg: 'x#2', state: 'waiting', bound: false });
    all.down.add('a');
    rig.time.run(700_000);
    expect(rig.of('x')).toMatchObject({ state: 'waiting', bound: false, counters: { lapses: 1 } });
    expect(rig.changes('x').slice(2)).toEqual(['refreshFailing', 'waiting']);
    all.down.clear();
    rig.time.run(1_900_000);
    expect(all.legs('x')).toEqual(['registered', 'registered']);
    expect(rig.counted('registered')).toBe(1);
  });

  it('are removed together, and told of once', () => {
    const all = make('parallel', 'a', 'b');
    all.rig.keeper.remove('x');
    all.rig.time.run(2_000);
    expect([all.holds('a'), all.holds('b')]).toEqual([[], []]);
    expect([...all.rig.keeper.ids()]).toEqual([]);
    expect(all.rig.events.filter(({ type }) => type === 'registration.removed')).toHaveLength(1);
    expect(all.rig.keeper.counts().size).toBe(0);
  });

  it('follow commands together', () => {
    const all = make('parallel', 'a', 'b');
    const { keeper, time } = all.rig;
    expect(keeper.order('x', { command: 'off', reason: '', until: undefined })).toBe(true);
    time.run(2_000);
    expect(all.legs('x')).toEqual(['off', 'off']);
    expect(all.rig.of('x').state).toBe('off');
    expect([all.holds('a'), all.holds('b')]).toEqual([[], []]);
    expect(keeper.registerNow('x')).toBe(false);
    keeper.order('x', { command: 'up', reason: '', until: undefined });
    time.run(2_000);
    expect(all.legs('x')).toEqual(['registered', 'registered']);
    expect(keeper.registerNow('x')).toBe(true);
    time.run(2_000);
    expect(all.rig.userAgent.violations).toEqual([]);
  });
});

describe('a reload', () => {
  it('adds and removes legs, and leaves alone what stays, in whatever order it stands', () => {
    const all = make('parallel', 'a', 'b');
    const { rig } = all;
    const sent = rig.userAgent.calls.length;
    rig.keeper.change(aRegistration('x', profile('parallel', 'b', 'c', 'a')));
    rig.time.run(10_000);
    expect(rig.userAgent.calls.slice(sent).map(({ target }) => target)).toEqual([
      'udp:192.0.2.3:5060',
    ]);
    expect(rig.of('x').legs?.map(({ spec }) => spec.profile.hop.host)).toEqual(['b', 'c', 'a']);
    rig.keeper.change(aRegistration('x', profile('parallel', 'c', 'b')));
    rig.time.run(10_000);
    expect([all.holds('a'), all.holds('b'), all.holds('c')]).toEqual([[], [CONTACT], [CONTACT]]);
    expect(rig.counted('registered')).toBe(1);
    expect(rig.userAgent.violations).toEqual([]);
  });

  it.each([
    ['one is made again', []],
    ['one that is not bound is made again', ['a']],
  ] as const)('while %s, the registration is what the other one is', (_, down) => {
    const all = make('parallel', 'a', 'b');
    const { rig } = all;
    for (const host of down) all.down.add(host);
    rig.time.run(1_000_000);
    const { since } = rig.of('x');
    rig.events.length = 0;
    const contact = { kind: 'address', hostPort: '203.0.113.11:5060' } as const;
    const profiles = [{ ...toHost('a'), contact }, toHost('b')];
    const legs = { mode: 'parallel', profiles } as const;
    rig.keeper.change(aRegistration('x', { ...toHost('a'), contact, legs }));
    rig.time.run(10_000);
    expect(all.holds('b')).toEqual([CONTACT]);
    expect(rig.changes('x')).toEqual([]);
    expect(rig.of('x')).toMatchObject({ state: 'registered', bound: true, since });
  });

  it('makes legs of an ordinary registration, and the other way round', () => {
    const all = new Registrars();
    const { rig } = all;
    all.add('x', toHost('a'));
    rig.time.run(2_000);
    rig.keeper.change(aRegistration('x', profile('parallel', 'a', 'b')));
    rig.time.run(2_000);
    expect(all.legs('x')).toEqual(['registered', 'registered']);
    expect(rig.userAgent.calls).toHaveLength(2);
    expect(rig.counted('registered')).toBe(1);
    rig.keeper.change(aRegistration('x', toHost('a')));
    rig.time.run(10_000);
    expect(rig.of('x')).toMatchObject({ state: 'registered', bound: true });
    expect(rig.of('x').legs).toBeUndefined();
    expect([all.holds('a'), all.holds('b')]).toEqual([[CONTACT], []]);
    expect(rig.counted('registered')).toBe(1);
    rig.keeper.remove('x');
    rig.time.run(2_000);
    expect([all.holds('a'), rig.keeper.counts().size]).toEqual([[], 0]);
  });

  it('brings back what is on its way out', () => {
    const all = make('parallel', 'a', 'b');
    all.rig.keeper.remove('x');
    all.add('x', profile('parallel', 'a', 'b'));
    all.rig.time.run(5_000);
    expect(all.legs('x')).toEqual(['registered', 'registered']);
    expect(all.rig.counted('registered')).toBe(1);
  });
});

describe('serial legs', () => {
  it('use the first only, as long as it works', () => {
    const all = make('serial', 'a', 'b', 'c');
    all.rig.time.run(3_600_000);
    expect(all.legs('x')).toEqual(['registered', 'off', 'off']);
    expect([all.holds('a'), all.holds('b'), all.holds('c')]).toEqual([[CONTACT], [], []]);
    expect(all.rig.of('x').legs?.[1]?.cause?.code).toBe('registration.standby');
    expect(new Set(all.rig.userAgent.calls.map(({ target }) => target)).size).toBe(1);
  });

  it('go to the next when one fails, and return without a gap', () => {
    const all = make('serial', 'a', 'b', 'c');
    const { rig } = all;
    all.down.add('a');
    rig.time.run(600_000);
    expect(all.legs('x').slice(1)).toEqual(['registered', 'off']);
    expect(rig.of('x')).toMatchObject({ state: 'registered', bound: true });
    all.down.add('b');
    rig.time.run(600_000);
    expect(all.legs('x').at(-1)).toBe('registered');
    all.down.clear();
    rig.time.run(3_700_000);
    expect(all.legs('x')).toEqual(['registered', 'off', 'off']);
    expect([all.holds('a'), all.holds('b'), all.holds('c')]).toEqual([[CONTACT], [], []]);
    expect(rig.of('x').counters.lapses).toBe(0);
    expect(
      rig.events.filter((one) => one.type === 'registration.changed' && !one.bound),
    ).toHaveLength(1);
    expect(rig.userAgent.violations).toEqual([]);
  });

  it.each([[[]], [['b']]] as const)(
    'in another order by a reload, %j away: without a gap',
    (down) => {
      const all = make('serial', 'a', 'b');
      const { rig } = all;
      for (const host of down) all.down.add(host);
      rig.events.length = 0;
      rig.keeper.change(aRegistration('x', profile('serial', 'b', 'a')));
      rig.time.run(60_000);
      const [first, second] = down.length === 0 ? ['registered', 'off'] : ['waiting', 'registered'];
      expect(all.legs('x')).toEqual([first, second]);
      const gaps = rig.events.filter((one) => one.type === 'registration.changed' && !one.bound);
      expect(gaps).toEqual([]);
      expect(all.holds(down.length === 0 ? 'b' : 'a')).toEqual([CONTACT]);
    },
  );

  it('registrars with shared books: the removal at the second does not leave us unbound', () => {
    const all = new Registrars('shared');
    const { rig } = all;
    all.down.add('a');
    all.add('x', profile('serial', 'a', 'b'));
    rig.time.run(5_000);
    expect(all.legs('x')).toEqual(['waiting', 'registered']);
    all.down.clear();
    rig.time.run(60_000);
    expect(all.legs('x')).toEqual(['registered', 'off']);
    expect(all.holds('b')).toEqual([CONTACT]);
    const requests = rig.userAgent.calls.length;
    rig.time.run(300_000);
    expect(rig.userAgent.calls).toHaveLength(requests);
  });

  it('start at the second where the first never answers', () => {
    const all = new Registrars();
    all.down.add('a');
    all.add('x', profile('serial', 'a', 'b'));
    all.rig.time.run(5_000);
    expect(all.legs('x')).toEqual(['waiting', 'registered']);
    all.rig.keeper.remove('x');
    all.rig.time.run(5_000);
    expect(all.holds('b')).toEqual([]);
    expect([...all.rig.keeper.ids()]).toEqual([]);
  });
});
