/** One Kamailio dispatcher on virtual time: what it is told when, and what happens when it is unkind. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AddressBoard } from '../../../src/consumers/address-board.ts';
import {
  DispatcherConsumer,
  type DispatcherConsumerSpec,
} from '../../../src/consumers/dispatcher.ts';
import type { Held } from '../../../src/consumers/dispatcher-list.ts';
import { aServer, FakeKamailio, VerdictLab } from '../../support/consumer-lab.ts';

const LIST = '/list';

let lab: VerdictLab;
let kamailio: FakeKamailio;
let consumer: DispatcherConsumer | undefined;

beforeEach(() => {
  lab = new VerdictLab();
  kamailio = new FakeKamailio(() => lab.time.now());
  kamailio.file = () => lab.files.get(LIST) ?? '';
  consumer = undefined;
});

afterEach(async () => {
  await consumer?.stop();
});

async function start(spec: Partial<DispatcherConsumerSpec> = {}): Promise<DispatcherConsumer> {
  const whole: DispatcherConsumerSpec = {
    name: 'edge',
    contracts: 'all',
    mode: 'apply',
    listFile: LIST,
    rpc: 'http://127.0.0.1/RPC',
    socket: undefined,
    ...spec,
  };
  consumer = new DispatcherConsumer(whole, lab.ports, kamailio.rpc, new AddressBoard());
  consumer.start();
  await lab.pass(500);
  return consumer;
}

/** A verdict changed. */
async function tell(...servers: Parameters<VerdictLab['hold']>[1]): Promise<void> {
  lab.hold('acme', servers);
  consumer?.changed();
  await lab.pass(1_000);
}

const DOWN = { rank: 2, enabled: false, state: 'down' } as const;

describe('a dispatcher with file and RPC', () => {
  it('gets one line for each target, with states, weights and priorities', async () => {
    const b = { ...aServer('b', [3]).spec, priority: 2, weight: 3 };
    lab.hold('acme', [aServer('a', [1, 2]), aServer('b', [3], { spec: b, ...DOWN }, 'down')]);
    await start({ socket: 'udp:203.0.113.10:5060' });
    const end = ';socket=udp:203.0.113.10:5060';
    expect(kamailio.file().split('\n').slice(2)).toEqual([
      `1 sip:192.0.2.1:5060;transport=udp 0 65534 weight=13;rweight=13;duid=acme/a@udp:192.0.2.1:5060${end}`,
      `1 sip:192.0.2.2:5060;transport=udp 0 65534 weight=13;rweight=13;duid=acme/a@udp:192.0.2.2:5060${end}`,
      `1 sip:192.0.2.3:5060;transport=udp 1 65533 weight=75;rweight=75;duid=acme/b@udp:192.0.2.3:5060${end}`,
      '',
    ]);
    expect(kamailio.states()).toEqual({ a1: 'active', a2: 'active', b3: 'inactive' });
    expect(kamailio.calls).toEqual(['reload']);
    expect(consumer?.state).toBe('inSync');
  });

  it('is told the socket of the proxy of via, of that protocol only', async () => {
    const hop = { ...aServer('a', [1]).spec.hop, via: 'edge1' };
    const other = { ...hop, via: 'edge2' };
    lab.hold('acme', [
      aServer('a', [1], { spec: { ...aServer('a', [1]).spec, hop } }),
      aServer('b', [2], { spec: { ...aServer('b', [2]).spec, hop: other } }),
    ]);
    await start();
    expect(kamailio.file()).toMatch(
      /duid=acme\/a@udp:192\.0\.2\.1:5060;socket=udp:203\.0\.113\.9:5060\n/,
    );
    expect(kamailio.file()).toMatch(/duid=acme\/b@udp:192\.0\.2\.2:5060\n/);
  });

  it('is reloaded when only the socket is another one, and is not in sync before', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await start();
    expect(kamailio.held.map(({ socket }) => socket)).toEqual(['', '']);
    await consumer?.stop();
    await lab.pass(1_000);
    await start({ socket: 'udp:203.0.113.11:5060' });
    expect(consumer?.state).toBe('drifting');
    await lab.pass(7_000);
    const sockets = kamailio.held.map(({ socket }) => socket);
    expect(sockets).toEqual(['udp:203.0.113.11:5060', 'udp:203.0.113.11:5060']);
    expect(consumer?.state).toBe('inSync');
  });

  it('loses the set of a contract that went while trunkd was down', async () => {
    const gone =
      '7 sip:192.0.2.7:5060;transport=udp 0 65534 weight=100;duid=old/z@udp:192.0.2.7:5060\n';
    lab.files.set(LIST, gone);
    kamailio.load();
    lab.hold('acme', [aServer('a', [1])]);
    await start();
    expect(kamailio.held.map(({ set }) => set)).toEqual([1]);
    // A trunkd that was killed between the file and the reload left a file without it.
    await consumer?.stop();
    kamailio.held = [...kamailio.held, { ...kamailio.held[0], set: 7 } as Held];
    await start();
    await lab.pass(7_000);
    expect(kamailio.held.map(({ set }) => set)).toEqual([1]);
    expect(consumer?.state).toBe('inSync');
  });

  it('hears of states by RPC, without a reload', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await start();
    await tell(aServer('a', [1], DOWN, 'down'), aServer('b', [2]));
    expect(kamailio.states()).toEqual({ a1: 'inactive', b2: 'active' });
    await tell(aServer('a', [1]), aServer('b', [2], { admin: 'drain', rank: 2 }));
    expect(kamailio.states()).toEqual({ a1: 'active', b2: 'disabled' });
    expect(kamailio.calls).toEqual([
      'reload',
      'set_duid_state i 1 acme/a@udp:192.0.2.1:5060',
      'set_duid_state a 1 acme/a@udp:192.0.2.1:5060',
      'set_duid_state d 1 acme/b@udp:192.0.2.2:5060',
    ]);
    expect(kamailio.file()).toMatch(/2:5060;transport=udp 4 /);
  });

  it('reloads when members change, not sooner than it may, and its states are right again', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2], DOWN, 'down')]);
    await start();
    await tell(aServer('a', [1, 9]), aServer('b', [2], DOWN, 'down'));
    expect(consumer?.state).toBe('drifting');
    expect(kamailio.states()).toEqual({ a1: 'active', b2: 'inactive' });
    await lab.pass(7_000);
    expect(kamailio.states()).toEqual({ a1: 'active', a9: 'active', b2: 'inactive' });
    expect(consumer?.state).toBe('inSync');
    // None was asked for in vain.
    expect(kamailio.calls.filter((call) => call === 'reload')).toHaveLength(2);
  });

  it('asks again where a reload was refused, as by what another one asked for before', async () => {
    kamailio.reloadAllowedAt = lab.time.now() + 5_000;
    lab.hold('acme', [aServer('a', [1])]);
    await start();
    for (const host of [2, 3, 4]) await tell(aServer('a', [1, host]));
    expect(kamailio.states()).toEqual({});
    await lab.pass(4_000);
    expect(kamailio.states()).toEqual({ a1: 'active', a4: 'active' });
    expect(kamailio.calls.filter((call) => call === 'reload')).toHaveLength(2);
  });

  it('is reloaded at once where it was started anew meanwhile', async () => {
    lab.hold('acme', [aServer('a', [1])]);
    await start();
    kamailio.restart();
    await tell(aServer('a', [1, 2]));
    expect(kamailio.states()).toEqual({ a1: 'active', a2: 'active' });
  });

  it('is mended after a restart, and whatever somebody does to its states', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await start();
    await tell(aServer('a', [1], DOWN, 'down'), aServer('b', [2]));
    lab.files.set(LIST, kamailio.file().replace('udp 1 ', 'udp 0 '));
    kamailio.restart();
    expect(kamailio.states()).toEqual({ a1: 'active', b2: 'active' });
    await lab.pass(21_000);
    expect(kamailio.states()).toEqual({ a1: 'inactive', b2: 'active' });
    expect(lab.news.filter(({ kind }) => kind === 'observed')).toEqual([]);
  });

  it('is mended after a restart with an old list, and the list is, too', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await start();
    const right = kamailio.file();
    const old = right.replaceAll('192.0.2.2', '192.0.2.7').replace('udp 0 ', 'udp 1 ');
    lab.files.set(LIST, old);
    kamailio.restart();
    expect(kamailio.states()).toEqual({ a1: 'inactive', b7: 'active' });
    await lab.pass(21_000);
    expect(kamailio.states()).toEqual({ a1: 'active', b2: 'active' });
    expect(kamailio.file()).toBe(right);
    // Loaded by hand, without a restart: the right one is loaded at once, not after five minutes.
    lab.files.set(LIST, old);
    kamailio.load();
    await lab.pass(21_000);
    expect(kamailio.states()).toEqual({ a1: 'active', b2: 'active' });
    // Without a file it would not start.
    lab.files.delete(LIST);
    await lab.pass(21_000);
    expect(kamailio.file()).toBe(right);
    expect(consumer?.state).toBe('inSync');
  });

  it('is told of many states ten a second, those that take calls away first while one stays', async () => {
    const hosts = Array.from({ length: 61 }, (_, n) => n + 1);
    const down = (host: number) => aServer(`s${host}`, [host], DOWN, 'down');
    const up = (host: number) => aServer(`s${host}`, [host]);
    lab.hold(
      'acme',
      hosts.map((host) => (host <= 30 ? down(host) : up(host))),
    );
    await start();
    kamailio.calls.length = 0;
    // Half of them come back, the others die.
    lab.hold(
      'acme',
      hosts.map((host) => (host <= 30 || host > 60 ? up(host) : down(host))),
    );
    consumer?.changed();
    const told: number[] = [];
    for (let second = 0; second < 9; second += 1) {
      await lab.pass(1_000);
      told.push(kamailio.calls.length);
    }
    const words = kamailio.calls.map((call) => call.split(' ')[1]);
    expect(words.join('')).toBe('i'.repeat(30) + 'a'.repeat(30));
    for (const [second, count] of told.entries())
      expect(count).toBeLessThanOrEqual(10 * (second + 1));
    expect(told.at(-1)).toBe(60);
    expect(told.at(-3)).toBeGreaterThanOrEqual(50);
    expect(consumer?.state).toBe('inSync');
  });

  it('keeps for 30 s what the script of the proxy has set, and tells it once', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await start();
    await lab.pass(20_000);
    kamailio.set('acme/a@udp:192.0.2.1:5060', 'i');
    await lab.pass(20_500);
    expect(kamailio.states()).toMatchObject({ a1: 'inactive' });
    expect(lab.news.filter(({ kind }) => kind === 'observed')).toEqual([
      {
        ...{ kind: 'observed', consumer: 'edge', peerServer: 'acme/a' },
        ...{ destination: 'acme/a@udp:192.0.2.1:5060', state: 'inactive' },
      },
    ]);
    await lab.pass(8_000);
    expect(kamailio.states()).toMatchObject({ a1: 'inactive' });
    await lab.pass(23_000);
    expect(kamailio.states()).toMatchObject({ a1: 'active' });
    await lab.pass(21_000);
    expect(consumer?.state).toBe('inSync');
  });

  it('is not told ten times a second what it does not take', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await start();
    kamailio.set = () => {};
    await tell(aServer('a', [1], DOWN, 'down'), aServer('b', [2]));
    await lab.pass(60_000);
    const told = kamailio.calls.filter((call) => call.startsWith('set_duid_state'));
    expect(told.length).toBeGreaterThanOrEqual(6);
    expect(told.length).toBeLessThanOrEqual(9);
    expect(consumer?.state).toBe('drifting');
  });

  it('does not take its own last word but one for that of the proxy', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await start();
    lab.hold('acme', [aServer('a', [1], DOWN, 'down'), aServer('b', [2])]);
    consumer?.changed();
    // It is told, and there is another word before anybody has seen that it is held.
    await lab.pass(150);
    expect(kamailio.states()).toMatchObject({ a1: 'inactive' });
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await lab.pass(1_000);
    expect(kamailio.states()).toMatchObject({ a1: 'active' });
    expect(lab.news.filter(({ kind }) => kind === 'observed')).toEqual([]);
  });

  it('does not keep it when our own word changes', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await start();
    await lab.pass(20_000);
    kamailio.set('acme/b@udp:192.0.2.2:5060', 'i');
    await lab.pass(20_500);
    await tell(aServer('a', [1]), aServer('b', [2], { admin: 'off', rank: 2 }));
    expect(kamailio.states()).toEqual({ a1: 'active', b2: 'disabled' });
  });

  it('gets the weights of a slow start in few steps: each of them is a reload', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2], DOWN, 'down')]);
    await start();
    await lab.pass(30_000);
    kamailio.calls.length = 0;
    const weights = () => kamailio.held.map(({ weight }) => weight);
    expect(weights()).toEqual([50, 50]);
    // It came back: a tenth at first, and a tenth more every 6 s, as with slowStart: 60s.
    await tell(aServer('a', [1]), aServer('b', [2], { weight: 0.1 }));
    expect([weights(), kamailio.states()]).toEqual([[91, 9], { a1: 'active', b2: 'active' }]);
    for (let tenth = 2; tenth <= 10; tenth += 1) {
      await lab.pass(5_000);
      await tell(aServer('a', [1]), aServer('b', [2], { weight: tenth / 10 }));
      expect(consumer?.state).toBe('inSync');
    }
    await lab.pass(20_000);
    expect(weights()).toEqual([50, 50]);
    const reloads = kamailio.calls.filter((call) => call === 'reload');
    expect(reloads.length).toBeGreaterThan(2);
    expect(reloads.length).toBeLessThanOrEqual(5);
  });

  it('gets other members at once, however young the last weights are', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2], { weight: 0.5 })]);
    await start();
    await tell(aServer('a', [1]), aServer('b', [2], { weight: 0.6 }));
    await lab.pass(6_000);
    expect(kamailio.held.map(({ weight }) => weight)).toEqual([67, 33]);
    await tell(aServer('a', [1, 9]), aServer('b', [2], { weight: 0.6 }));
    expect(kamailio.held.map(({ weight }) => weight)).toEqual([31, 31, 38]);
  });

  it('leaves alone what nothing is known of yet: no flap when trunkd comes back', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await start();
    await tell(aServer('a', [1], DOWN, 'down'), aServer('b', [2]));
    await consumer?.stop();
    // Meanwhile Kamailio's own pings found the other one dead.
    kamailio.set('acme/b@udp:192.0.2.2:5060', 'i');
    lab.hold('acme', [aServer('a', [1], {}, 'unknown'), aServer('b', [2], {}, 'unknown')]);
    await start();
    expect(kamailio.states()).toEqual({ a1: 'inactive', b2: 'inactive' });
    expect(kamailio.file().match(/transport=udp 1 /g)).toHaveLength(2);
    await tell(aServer('a', [1]), aServer('b', [2], DOWN, 'down'));
    expect(kamailio.states()).toEqual({ a1: 'active', b2: 'inactive' });
  });

  it('offers last resorts only while there is nothing better', async () => {
    const mute = { rank: 1, lastResort: true } as const;
    lab.hold('acme', [aServer('a', [1]), aServer('mute', [2], mute, 'unknown')]);
    await start();
    expect(kamailio.states()).toEqual({ a1: 'active', mute2: 'inactive' });
    const tried = { ...DOWN, rank: 1, lastResort: true } as const;
    const dead = aServer('a', [1], tried);
    await tell(dead, aServer('mute', [2], mute, 'unknown'));
    expect(kamailio.states()).toEqual({ a1: 'active', mute2: 'active' });
  });

  it('is not reloaded again and again when it does not take a line', async () => {
    kamailio.dislikes = '192.0.2.2';
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await start();
    await lab.pass(120_000);
    expect(kamailio.calls.filter((call) => call === 'reload')).toHaveLength(1);
    expect(consumer?.state).toBe('drifting');
    expect(lab.news.at(-1)).toMatchObject({ state: 'drifting' });
  });

  it('has its file also while it is dead, and is tried with growing pauses', async () => {
    kamailio.isDead = true;
    lab.hold('acme', [aServer('a', [1])]);
    await start();
    expect(kamailio.file()).toMatch(/duid=acme\/a@/);
    expect(consumer?.state).toBe('failing');
    await lab.pass(60_000);
    kamailio.isDead = false;
    kamailio.load();
    await lab.pass(21_000);
    expect(consumer?.state).toBe('inSync');
    expect(lab.news.filter(({ kind }) => kind === 'changed')).toHaveLength(2);
  });

  it('is filled when it started with an empty list, which it calls an error', async () => {
    lab.hold('acme', [aServer('a', [1])]);
    kamailio.held = [];
    await start();
    expect(kamailio.states()).toEqual({ a1: 'active' });
    expect(consumer?.state).toBe('inSync');
  });

  it('only tells what it would do in mode observe', async () => {
    lab.hold('acme', [aServer('a', [1])]);
    await start({ mode: 'observe' });
    expect([kamailio.file(), kamailio.calls]).toEqual(['', []]);
    expect(lab.news.at(-1)).toMatchObject({
      state: 'drifting',
      cause: { code: 'consumer.observed', text: expect.stringMatching(/1 to be added.*observed/) },
    });
  });
});
