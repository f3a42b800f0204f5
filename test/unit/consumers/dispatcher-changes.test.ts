/** A dispatcher by RPC alone: its members, one change after the other. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AddressBoard } from '../../../src/consumers/address-board.ts';
import { DispatcherConsumer } from '../../../src/consumers/dispatcher.ts';
import { aServer, FakeKamailio, VerdictLab } from '../../support/consumer-lab.ts';

let lab: VerdictLab;
let kamailio: FakeKamailio;
let consumer: DispatcherConsumer;

beforeEach(() => {
  lab = new VerdictLab();
  kamailio = new FakeKamailio(() => lab.time.now());
});

afterEach(() => consumer.stop());

async function start(socket?: string, name = 'edge'): Promise<void> {
  const spec = { name, contracts: 'all', mode: 'apply', socket, listFile: undefined } as const;
  const whole = { ...spec, rpc: 'http://127.0.0.1/RPC' };
  consumer = new DispatcherConsumer(whole, lab.ports, kamailio.rpc, new AddressBoard());
  consumer.start();
  await lab.pass(500);
}

/** trunkd ends, and starts anew after what is done meanwhile. */
async function restart(meanwhile: () => void, socket?: string, name?: string): Promise<void> {
  await consumer.stop();
  meanwhile();
  kamailio.calls.length = 0;
  await start(socket, name);
}

/** How few were active at once in the next minute. */
async function leastActive(): Promise<number> {
  const active: number[] = [];
  for (let second = 0; second < 60; second += 1) {
    await lab.pass(1_000);
    active.push(kamailio.held.filter(({ state }) => state === 'active').length);
  }
  return Math.min(...active);
}

const sets = () => [...new Set(kamailio.held.map(({ set }) => set))].sort();
const B = { dispatcherSet: 2 } as const;
const DOWN = { rank: 2, enabled: false, state: 'down' } as const;

it('gets and loses members one by one, and no set runs empty', async () => {
  const old = {
    set: 1,
    uri: 'sip:192.0.2.7:5060',
    priority: 0,
    weight: 0,
    socket: '',
    mark: '',
  } as const;
  kamailio.held = [{ ...old, duid: 'old', state: 'active' }];
  lab.hold('acme', [aServer('a', [1]), aServer('b', [2], DOWN, 'down')]);
  await start();
  await lab.pass(30_000);
  expect(kamailio.states()).toEqual({ a1: 'active', b2: 'inactive' });
  expect(
    kamailio.calls.filter((call) => /^(add|remove)/.test(call)).map((call) => call.slice(0, 24)),
  ).toEqual(['add 1 sip:192.0.2.1:5060', 'add 1 sip:192.0.2.2:5060', 'remove 1 sip:192.0.2.7:5']);
  expect(consumer.state).toBe('inSync');
});

it('takes another socket one by one: Kamailio adds no address that it has', async () => {
  lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
  await start('udp:203.0.113.10:5060');
  await lab.pass(12_000);
  expect(consumer.state).toBe('inSync');
  await consumer.stop();
  kamailio.calls.length = 0;
  await start('udp:203.0.113.11:5060');
  await lab.pass(60_000);
  expect(kamailio.held.map(({ socket }) => socket)).toEqual([
    'udp:203.0.113.11:5060',
    'udp:203.0.113.11:5060',
  ]);
  expect(kamailio.calls.map((call) => call.split(' ')[0])).toEqual([
    ...['remove', 'add', 'remove', 'add'],
  ]);
  expect(consumer.state).toBe('inSync');
});
it('begin where there is none, which Kamailio calls an error', async () => {
  lab.hold('acme', [aServer('a', [1])]);
  await start();
  expect(kamailio.states()).toEqual({ a1: 'active' });
  expect(consumer.state).toBe('inSync');
});

it('of a set of one change their socket behind a stand-in, and calls find a server all the time', async () => {
  lab.hold('acme', [aServer('a', [1])]);
  await start('udp:203.0.113.10:5060');
  await lab.pass(6_000);
  await restart(() => {}, 'udp:203.0.113.11:5060');
  expect(await leastActive()).toBe(1);
  expect(kamailio.held).toMatchObject([
    { uri: 'sip:192.0.2.1:5060;transport=udp', socket: 'udp:203.0.113.11:5060' },
  ]);
  expect(kamailio.calls.map((call) => call.replace(/ (0|1) \d+ .*/, ''))).toEqual([
    'add 1 sip:192.0.2.1:5060;transport=udp;trunkd=standin',
    'remove 1 sip:192.0.2.1:5060;transport=udp',
    'add 1 sip:192.0.2.1:5060;transport=udp',
    'remove 1 sip:192.0.2.1:5060;transport=udp;trunkd=standin',
  ]);
  expect(consumer.state).toBe('inSync');
});

it('change behind a stand-in, too, where only dead ones would be left', async () => {
  lab.hold('acme', [aServer('a', [1]), aServer('b', [2], DOWN, 'down')]);
  await start('udp:203.0.113.10:5060');
  await lab.pass(12_000);
  await restart(() => {}, 'udp:203.0.113.11:5060');
  expect(await leastActive()).toBe(1);
  expect(kamailio.states()).toEqual({ a1: 'active', b2: 'inactive' });
  expect(consumer.state).toBe('inSync');
});

it('of a contract that went while trunkd was down go, and those of others stay', async () => {
  lab.hold('acme', [aServer('a', [1])]);
  lab.hold('gone', [aServer('z', [7])], B);
  await start();
  await lab.pass(12_000);
  expect(sets()).toEqual([1, 2]);
  const [ours] = kamailio.held;
  if (ours === undefined) throw new Error('nothing is held');
  await restart(() => {
    lab.contractsByName.delete('gone');
    const others = { ...ours, duid: 'x/y@udp:192.0.2.8:5060', uri: 'sip:192.0.2.8:5060' };
    kamailio.held = [...kamailio.held, { ...others, set: 3, mark: 'another1' }];
    kamailio.held = [...kamailio.held, { ...others, set: 4, mark: '' }];
  });
  await lab.pass(12_000);
  expect(sets()).toEqual([1, 3, 4]);
  expect(consumer.state).toBe('inSync');
});

it('of a contract that goes while trunkd runs go, and those of another consumer stay', async () => {
  lab.hold('acme', [aServer('a', [1])]);
  lab.hold('gone', [aServer('z', [7])], B);
  await start();
  await lab.pass(12_000);
  lab.contractsByName.delete('gone');
  consumer.changed();
  await lab.pass(12_000);
  expect(sets()).toEqual([1]);
  lab.hold('gone', [aServer('z', [7])], B);
  consumer.changed();
  await lab.pass(12_000);
  await restart(() => lab.contractsByName.delete('gone'), undefined, 'another');
  await lab.pass(12_000);
  expect(sets()).toEqual([1, 2]);
});
