/** One OpenSIPS on virtual time, played by a server that answers as the documentation of its MI says. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RpcError } from '../../../src/consumers/json-rpc.ts';
import { type OpensipsSpec, opensips } from '../../../src/consumers/opensips.ts';
import type { Consumer } from '../../../src/consumers/ports.ts';
import { aServer, VerdictLab } from '../../support/consumer-lab.ts';

let lab: VerdictLab;
let consumer: Consumer;
let destinations: { set: number; URI: string; state: string }[];
let gateways: { ID: string; IP: string; State: string }[];
let calls: string[];

beforeEach(() => {
  lab = new VerdictLab();
  calls = [];
  destinations = [
    { set: 1, URI: 'sip:192.0.2.1', state: 'Active' },
    { set: 1, URI: 'sip:192.0.2.2:5060;transport=udp', state: 'Active' },
    { set: 1, URI: 'sip:192.0.2.2:5060;transport=tcp', state: 'Active' },
    { set: 2, URI: 'sip:192.0.2.1:5060', state: 'Inactive' },
  ];
  gateways = [
    { ID: 'gw1', IP: '192.0.2.1', State: 'Active' },
    { ID: 'gw2', IP: '192.0.2.2', State: 'Active' },
    { ID: 'theirs', IP: '10.0.0.1', State: 'Disabled MI' },
  ];
});

afterEach(() => consumer.stop());

const rpc = async (method: string, params: readonly unknown[] | object): Promise<unknown> => {
  const args = params as Record<string, unknown>;
  switch (method) {
    case 'ds_list': {
      const sets = [...new Set(destinations.map(({ set }) => set))];
      const SETS = sets.map((id) => ({
        id,
        Destinations: destinations
          .filter(({ set }) => set === id)
          .map(({ URI, state }) => ({ URI, state, first_hit_counter: 0 })),
      }));
      return { PARTITIONS: [{ name: 'default', SETS }] };
    }
    case 'ds_set_state': {
      calls.push(`${args['state']} ${args['group']} ${args['address']}`);
      const row = destinations.find(
        ({ set, URI }) => `${set}` === args['group'] && URI === args['address'],
      );
      if (row === undefined) throw new RpcError(method, 404, 'ID not found');
      row.state = args['state'] === 'a' ? 'Active' : 'Inactive';
      return 'OK';
    }
    case 'dr_gw_status': {
      if (args['gw_id'] === undefined) return { Gateways: gateways };
      calls.push(`${args['gw_id']} ${args['status']}`);
      const row = gateways.find(({ ID }) => ID === args['gw_id']);
      if (row !== undefined) row.State = args['status'] === 1 ? 'Active' : 'Disabled MI';
      return 'OK';
    }
    default:
      throw new RpcError(method, -32601, 'Method not found');
  }
};

async function start(spec: Partial<OpensipsSpec> = {}): Promise<void> {
  const whole: OpensipsSpec = {
    ...{ name: 'core', contracts: 'all', mode: 'apply', url: 'http://127.0.0.1/mi' },
    ...{ gateways: {}, ...spec },
  };
  consumer = opensips(whole, lab.ports, rpc);
  consumer.start();
  await lab.pass(500);
}

const DOWN = { rank: 2, enabled: false, state: 'down' } as const;

describe('an OpenSIPS', () => {
  it('is told states of what it has of ours, by address, port and transport', async () => {
    lab.hold('acme', [aServer('a', [1], DOWN, 'down'), aServer('b', [2])]);
    await start();
    expect(calls).toEqual(['i 1 sip:192.0.2.1']);
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2], { admin: 'off', rank: 2 })]);
    consumer.changed();
    await lab.pass(500);
    expect(calls.slice(1)).toEqual(['a 1 sip:192.0.2.1', 'i 1 sip:192.0.2.2:5060;transport=udp']);
    expect(destinations.map(({ state }) => state)).toEqual([
      ...['Active', 'Inactive', 'Active', 'Inactive'],
    ]);
    expect(consumer.state).toBe('inSync');
  });

  it('is told of gateways by their ids', async () => {
    lab.hold('acme', [aServer('a', [1], DOWN, 'down'), aServer('b', [2])], {
      dispatcherSet: undefined,
    });
    await start({ gateways: { 'acme/a': 'gw1', 'acme/b': 'gw2' } });
    expect(calls).toEqual(['gw1 0']);
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])], { dispatcherSet: undefined });
    consumer.changed();
    await lab.pass(500);
    expect(calls).toEqual(['gw1 0', 'gw1 1']);
    expect(gateways.map(({ State }) => State)).toEqual(['Active', 'Active', 'Disabled MI']);
  });

  it('is mended when it was restarted, and its own states are left for 30 s', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await start();
    await lab.pass(20_000);
    const [first] = destinations;
    if (first === undefined) throw new Error('no destination');
    first.state = 'Probing';
    await lab.pass(20_500);
    expect(calls).toEqual([]);
    expect(lab.news).toContainEqual(
      expect.objectContaining({ kind: 'observed', peerServer: 'acme/a' }),
    );
    await lab.pass(32_000);
    expect(calls).toEqual(['a 1 sip:192.0.2.1']);
  });

  it('drifts while it lacks what we have, and fails while it answers nonsense', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('c', [77])]);
    await start();
    expect(lab.news.at(-1)).toMatchObject({
      state: 'drifting',
      cause: {
        code: 'consumer.lacksMembers',
        text: 'It does not have acme/c@udp:192.0.2.77:5060.',
      },
    });
    await consumer.stop();
    consumer = opensips(
      { name: 'odd', contracts: 'all', mode: 'apply', url: 'http://x', gateways: {} },
      lab.ports,
      async () => ({ PARTITIONS: 7 }),
    );
    consumer.start();
    await lab.pass(500);
    expect(consumer.state).toBe('failing');
  });

  it('is only looked at in mode observe', async () => {
    lab.hold('acme', [aServer('a', [1], DOWN, 'down'), aServer('b', [2])]);
    await start({ mode: 'observe' });
    expect(calls).toEqual([]);
    expect(lab.news.at(-1)).toMatchObject({
      cause: { code: 'consumer.observed', text: '1 states to be set (observed).' },
    });
  });
});
