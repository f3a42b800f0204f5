/** A dispatcher whose servers have names: while those do not resolve, or are never asked for. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AddressBoard } from '../../../src/consumers/address-board.ts';
import { DispatcherConsumer } from '../../../src/consumers/dispatcher.ts';
import { aNamedServer, aServer, FakeKamailio, VerdictLab } from '../../support/consumer-lab.ts';

const LIST = '/list';

let lab: VerdictLab;
let kamailio: FakeKamailio;
let consumer: DispatcherConsumer;

beforeEach(() => {
  lab = new VerdictLab();
  kamailio = new FakeKamailio(() => lab.time.now());
  kamailio.file = () => lab.files.get(LIST) ?? '';
});

afterEach(() => consumer.stop());

async function start(): Promise<void> {
  const spec = { name: 'edge', contracts: 'all', mode: 'apply', socket: undefined } as const;
  const whole = { ...spec, listFile: LIST, rpc: 'http://127.0.0.1/RPC' };
  consumer = new DispatcherConsumer(whole, lab.ports, kamailio.rpc, new AddressBoard());
  consumer.start();
  await lab.pass(500);
}

/** A verdict changed. */
async function tell(...servers: Parameters<VerdictLab['hold']>[1]): Promise<void> {
  lab.hold('acme', servers);
  consumer.changed();
  await lab.pass(1_000);
}

it('never writes an empty list, and waits for names at the start', async () => {
  lab.files.set(LIST, '1 sip:192.0.2.1:5060;transport=udp 1 0 duid=acme/a@udp:192.0.2.1:5060\n');
  const before = kamailio.file();
  kamailio.load();
  lab.hold('acme', [aServer('a', [])]);
  await start();
  expect([kamailio.file(), consumer.state, kamailio.calls]).toEqual([before, 'starting', []]);
  lab.contractsByName.clear();
  await lab.pass(21_000);
  expect([kamailio.file(), consumer.state, kamailio.calls]).toEqual([before, 'drifting', []]);
});

it('keeps the addresses that the proxy has while a name does not resolve', async () => {
  lab.files.set(
    LIST,
    '1 sip:192.0.2.1:5060;transport=udp 1 65534 weight=100;duid=acme/a@udp:192.0.2.1:5060\n',
  );
  kamailio.load();
  lab.hold('acme', [aServer('a', [])]);
  await start();
  await lab.pass(11_000);
  expect(kamailio.states()).toEqual({ a1: 'inactive' });
  expect(consumer.state).toBe('inSync');
  expect(kamailio.calls).toEqual([]);
});

it('gives the name where there is nothing better', async () => {
  lab.hold('acme', [aServer('a', [])]);
  await start();
  await lab.pass(11_000);
  expect(kamailio.file()).toMatch(/^1 sip:192\.0\.2\.1:5060;transport=udp 16 /m);
  // Also once the proxy has it: it must not be resolved when the proxy starts.
  await lab.pass(21_000);
  expect(kamailio.file()).toMatch(/^1 sip:192\.0\.2\.1:5060;transport=udp 16 /m);
});

it('is told the name of a server that is not probed, at once, and hears the word for it', async () => {
  const unasked = { isProbed: false } as const;
  const word = () => kamailio.held.map(({ uri, state }) => `${uri.split(';')[0]} ${state}`);
  lab.hold('acme', [aNamedServer([], unasked)]);
  await start();
  expect(word()).toEqual(['sip:sip.acme.example:5060 active']);
  await tell(aNamedServer([], { ...unasked, admin: 'drain', rank: 2 }));
  expect(word()).toEqual(['sip:sip.acme.example:5060 disabled']);
  await tell(aNamedServer([], unasked));
  expect(word()).toEqual(['sip:sip.acme.example:5060 active']);
  // Addresses of when it was probed go.
  await lab.pass(6_000);
  await tell(aNamedServer([1]));
  await lab.pass(6_000);
  expect(word()).toEqual(['sip:192.0.2.1:5060 active']);
  await tell(aNamedServer([], unasked));
  await lab.pass(6_000);
  expect(word()).toEqual(['sip:sip.acme.example:5060 active']);
});

it('takes a server back that an operator drained, though its name does not resolve', async () => {
  lab.hold('acme', [aNamedServer([1])]);
  await start();
  await lab.pass(11_000);
  await tell(aNamedServer([], { admin: 'drain', rank: 2 }));
  expect(kamailio.states()).toEqual({ a1: 'disabled' });
  await tell(aNamedServer([]));
  expect(kamailio.states()).toEqual({ a1: 'active' });
});
