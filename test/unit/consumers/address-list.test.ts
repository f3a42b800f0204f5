import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AddressBoard } from '../../../src/consumers/address-board.ts';
import { type AddressListSpec, addressList } from '../../../src/consumers/address-list.ts';
import { RpcError } from '../../../src/consumers/json-rpc.ts';
import type { Consumer } from '../../../src/consumers/ports.ts';
import { aNamedServer, aServer, VerdictLab } from '../../support/consumer-lab.ts';

const LIST = '/address.list';

let lab: VerdictLab;
let consumer: Consumer;
let held: string[];
let reloads: number;
let mayReloadAt: number;
let board: AddressBoard;

beforeEach(() => {
  lab = new VerdictLab();
  held = [];
  board = new AddressBoard();
  reloads = 0;
  mayReloadAt = 0;
});

afterEach(() => consumer.stop());

const rpc = async (method: string): Promise<unknown> => {
  if (method === 'permissions.addressDump') {
    const ours = held.map((ip) => ({ table: 1, group: 1, item: { ip, port: 0, tag: 'acme' } }));
    return [...ours, { table: 2, group: 7, item: { ip: '10.0.0.1', port: 0, tag: 'NULL' } }];
  }
  if (lab.time.now() < mayReloadAt) throw new RpcError(method, 500, 'ongoing reload');
  mayReloadAt = lab.time.now() + 5_000;
  reloads += 1;
  held = lines().map((line) => line.split(' ')[1] ?? '');
  return 'Reload OK';
};

const lines = () => (lab.files.get(LIST) ?? '').split('\n').filter((line) => /^\d/.test(line));

async function start(spec: Partial<AddressListSpec> = {}): Promise<void> {
  const whole: AddressListSpec = {
    ...{ name: 'providers', contracts: 'all', mode: 'apply', listFile: LIST },
    ...{ rpc: 'http://127.0.0.1/RPC', group: 1, ...spec },
  };
  consumer = addressList(whole, lab.ports, rpc, board);
  consumer.start();
  await lab.pass(500);
}

async function tell(...servers: Parameters<VerdictLab['hold']>[1]): Promise<void> {
  lab.hold('acme', servers);
  consumer.changed();
  await lab.pass(7_000);
}

describe('the addresses of the providers', () => {
  it('are there as soon as they are known, whatever the verdict, and once each', async () => {
    lab.hold('acme', [aServer('a', [1, 2]), aServer('b', [2, 3], { rank: 2 }, 'down')]);
    await start();
    expect(lines()).toEqual([1, 2, 3].map((n) => `1 192.0.2.${n} 32 0 acme`));
    expect([held.length, reloads, consumer.state]).toEqual([3, 1, 'inSync']);
    await tell(aServer('a', [1, 2, 9]));
    expect(held).toContain('192.0.2.9');
    expect(reloads).toBe(2);
  });

  it('are there, too, of servers that are not probed, where the configuration has them', async () => {
    lab.hold('acme', [
      aNamedServer([], {}, { host: '192.0.2.4' }),
      aNamedServer([], {}, { host: '[2001:DB8::4]' }),
      aNamedServer([]),
      aNamedServer([], {}, { host: 'sip.acme.example', addresses: ['192.0.2.5', '192.0.2.6'] }),
    ]);
    await start();
    expect(held).toEqual(['192.0.2.4', '192.0.2.5', '192.0.2.6', '2001:db8::4']);
  });

  it('stay for an hour when a name no longer has them', async () => {
    lab.hold('acme', [aServer('a', [1])]);
    await start();
    await tell(aServer('a', [2]));
    expect(held).toEqual(['192.0.2.1', '192.0.2.2']);
    await lab.pass(3_600_000);
    expect(held).toEqual(['192.0.2.2']);
  });

  it('outlive a restart of trunkd, and go with their contract', async () => {
    lab.files.set(
      LIST,
      '# x\n1 192.0.2.7 32 0 acme\n1 192.0.2.8 32 0 gone\n1 2001:db8::1 128 0 acme\n',
    );
    lab.hold('acme', [aNamedServer([])]);
    await start();
    expect(held).toEqual(['192.0.2.7', '2001:db8::1']);
  });

  it('are never an empty list', async () => {
    await start();
    expect([lab.files.size, reloads, consumer.state]).toEqual([0, 0, 'drifting']);
  });

  it('are put back when the proxy was restarted without them', async () => {
    lab.hold('acme', [aServer('a', [1])]);
    await start();
    held = [];
    await lab.pass(21_000);
    expect(held).toEqual(['192.0.2.1']);
  });

  it('are put back into the file, too, when somebody put an old one there', async () => {
    lab.hold('acme', [aServer('a', [1])]);
    await start();
    lab.files.set(LIST, '1 192.0.2.7 32 0 acme\n');
    held = ['192.0.2.7'];
    await lab.pass(21_000);
    expect(lines()).toEqual(['1 192.0.2.1 32 0 acme']);
    expect(held).toEqual(['192.0.2.1']);
  });

  it('are only told of in mode observe', async () => {
    lab.hold('acme', [aServer('a', [1])]);
    await start({ mode: 'observe' });
    expect([lab.files.size, reloads]).toEqual([0, 0]);
    expect(lab.news.at(-1)).toMatchObject({
      cause: { code: 'consumer.observed', text: '1 addresses to be added or removed (observed).' },
    });
  });

  it('stay for as long as the dispatcher of the proxy has them, whatever became of their contract', async () => {
    const dispatcher = board.dispatcher('http://127.0.0.1/RPC', () => {});
    const elsewhere = board.dispatcher('http://127.0.0.2/RPC', () => {});
    lab.hold('acme', [aServer('a', [1])]);
    lab.hold('other', [aServer('b', [2])]);
    await start();
    dispatcher.uses(['192.0.2.2']);
    lab.contractsByName.delete('other');
    await lab.pass(21_000);
    expect(held).toEqual(['192.0.2.1', '192.0.2.2']);
    dispatcher.uses(['192.0.2.1']);
    elsewhere.uses(['192.0.2.2']);
    await lab.pass(21_000);
    expect(held).toEqual(['192.0.2.1']);
  });
});
