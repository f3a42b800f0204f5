/** A dispatcher whose proxy has an address list: what it is told when, and how long it waits. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AddressBoard, type ListSide } from '../../../src/consumers/address-board.ts';
import { DispatcherConsumer } from '../../../src/consumers/dispatcher.ts';
import { aNamedServer, aServer, FakeKamailio, VerdictLab } from '../../support/consumer-lab.ts';

const LIST = '/list';
const RPC = 'http://127.0.0.1/RPC';
const DOWN = { rank: 2, enabled: false, state: 'down' } as const;
const address = (host: number) => `192.0.2.${host}`;

let lab: VerdictLab;
let kamailio: FakeKamailio;
let consumer: DispatcherConsumer;
let board: AddressBoard;
/** When the list was asked to look again. */
let looks: number[];

beforeEach(() => {
  lab = new VerdictLab();
  board = new AddressBoard();
  looks = [];
  kamailio = new FakeKamailio(() => lab.time.now());
  kamailio.file = () => lab.files.get(LIST) ?? '';
});

afterEach(() => consumer.stop());

async function start(): Promise<void> {
  const spec = { name: 'edge', contracts: 'all', mode: 'apply', socket: undefined } as const;
  const whole = { ...spec, listFile: LIST, rpc: RPC };
  consumer = new DispatcherConsumer(whole, lab.ports, kamailio.rpc, board);
  consumer.start();
  await lab.pass(500);
}

/** A verdict changed. */
async function tell(...servers: Parameters<VerdictLab['hold']>[1]): Promise<void> {
  lab.hold('acme', servers);
  consumer.changed();
  await lab.pass(1_000);
}

/** A list that holds these, and the consumer that waits for it. */
async function startWith(...hosts: number[]): Promise<ListSide> {
  const list = board.list(RPC, 'all', () => looks.push(lab.time.now()));
  list.has('held', hosts.map(address));
  await start();
  return list;
}

it('is told of an address after the list holds it, and not before', async () => {
  lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
  const list = await startWith(1, 2);
  expect(kamailio.states()).toEqual({ a1: 'active', b2: 'active' });
  await tell(aServer('a', [1, 9]), aServer('b', [2]));
  await lab.pass(7_000);
  expect(kamailio.states()).toEqual({ a1: 'active', b2: 'active' });
  expect(kamailio.file()).not.toContain('192.0.2.9');
  expect(consumer.state).toBe('drifting');
  expect(lab.news.at(-1)).toMatchObject({
    cause: { code: 'consumer.waits', text: '1 wait for the address list of the proxy.' },
  });
  expect(kamailio.calls).toEqual(['reload']);
  list.has('held', [1, 2, 9].map(address));
  await lab.pass(500);
  expect(kamailio.states()).toEqual({ a1: 'active', a9: 'active', b2: 'active' });
  expect(consumer.state).toBe('inSync');
});

it('keeps what a server had until then, with the state that it had', async () => {
  lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
  const list = await startWith(1, 2);
  await tell(aServer('a', [1], DOWN, 'down'), aServer('b', [2]));
  await lab.pass(7_000);
  await tell(aServer('a', [9]), aServer('b', [2]));
  await lab.pass(7_000);
  expect(kamailio.states()).toEqual({ a1: 'inactive', b2: 'active' });
  list.has('held', [1, 2, 9].map(address));
  await lab.pass(500);
  expect(kamailio.states()).toEqual({ a9: 'active', b2: 'active' });
});

it('hears of states of the others meanwhile', async () => {
  lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
  await startWith(1, 2);
  await tell(aServer('a', [1, 9]), aServer('b', [2], DOWN, 'down'));
  expect(kamailio.states()).toEqual({ a1: 'active', b2: 'inactive' });
  expect(kamailio.file()).toMatch(/2:5060;transport=udp 1 /);
});

it('keeps a set that would run empty, though its servers are others', async () => {
  lab.hold('acme', [aServer('a', [1])]);
  const list = await startWith(1);
  await tell(aServer('new', [9]));
  await lab.pass(7_000);
  expect(kamailio.states()).toEqual({ a1: 'active' });
  list.has('held', [1, 9].map(address));
  await lab.pass(500);
  expect(kamailio.states()).toEqual({ new9: 'active' });
});

it('does not trust what the list held before the proxy was started anew', async () => {
  lab.hold('acme', [aServer('a', [1])]);
  const list = await startWith(1, 9);
  expect(looks).toEqual([]);
  kamailio.restart();
  await tell(aServer('a', [1, 9]));
  await lab.pass(7_000);
  expect(kamailio.states()).toEqual({ a1: 'active' });
  expect(looks).toHaveLength(1);
  list.has('held', [1, 9].map(address));
  await lab.pass(500);
  expect(kamailio.states()).toEqual({ a1: 'active', a9: 'active' });
});

it('does not wait for ever, and says what it does then', async () => {
  lab.hold('acme', [aServer('a', [1])]);
  await startWith(1);
  await tell(aServer('a', [1, 9]));
  await lab.pass(28_500);
  expect(kamailio.states()).toEqual({ a1: 'active' });
  await lab.pass(2_000);
  expect(kamailio.states()).toEqual({ a1: 'active', a9: 'active' });
  await lab.pass(21_000);
  expect(consumer.state).toBe('inSync');
});

it('waits for no list of other contracts, of another proxy, or that went', async () => {
  board.list(RPC, ['other'], () => {});
  board.list('http://127.0.0.2/RPC', 'all', () => {});
  const list = board.list(RPC, ['acme'], () => {});
  lab.hold('acme', [aServer('a', [1])]);
  await start();
  expect([kamailio.file(), kamailio.calls]).toEqual(['', []]);
  list.leave();
  await lab.pass(500);
  expect(kamailio.states()).toEqual({ a1: 'active' });
});

it('has its file while it is dead, after that of the list', async () => {
  kamailio.isDead = true;
  const list = board.list(RPC, 'all', () => looks.push(lab.time.now()));
  lab.hold('acme', [aServer('a', [1])]);
  await start();
  expect(kamailio.file()).toBe('');
  list.has('written', [address(1)]);
  await lab.pass(21_000);
  expect(kamailio.file()).toMatch(/duid=acme\/a@/);
});

it('keeps in its file, while it is dead, the addresses that only a dead DNS hides', async () => {
  lab.hold('acme', [aServer('a', [1])]);
  await start();
  kamailio.isDead = true;
  const before = kamailio.file();
  await tell(aNamedServer([]));
  await lab.pass(21_000);
  expect(consumer.state).toBe('failing');
  expect(kamailio.file()).toBe(before);
});
