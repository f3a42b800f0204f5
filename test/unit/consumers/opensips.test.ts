/** One OpenSIPS on virtual time, played as the documentation and the source of its MI say. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpensipsSpec, opensips } from '../../../src/consumers/opensips.ts';
import type { Consumer } from '../../../src/consumers/ports.ts';
import { aServer, VerdictLab } from '../../support/consumer-lab.ts';
import { OpensipsMi } from '../../support/opensips-mi.ts';

let lab: VerdictLab;
let consumer: Consumer;
let mi: OpensipsMi;

beforeEach(() => {
  lab = new VerdictLab();
  mi = new OpensipsMi();
  mi.destinations = [
    { set: 1, URI: 'sip:192.0.2.1', state: 'Active' },
    { set: 1, URI: 'sip:192.0.2.2:5060;transport=udp', state: 'Active' },
    { set: 1, URI: 'sip:192.0.2.2:5060;transport=tcp', state: 'Active' },
    { set: 2, URI: 'sip:192.0.2.1:5060', state: 'Inactive' },
  ];
  mi.gateways = [
    { ID: 'gw1', IP: '192.0.2.1', State: 'Active' },
    { ID: 'gw2', IP: '192.0.2.2', State: 'Active' },
    { ID: 'theirs', IP: '10.0.0.1', State: 'Disabled MI' },
  ];
});

afterEach(() => consumer.stop());

async function start(spec: Partial<OpensipsSpec> = {}): Promise<void> {
  const whole: OpensipsSpec = {
    ...{ name: 'core', contracts: 'all', mode: 'apply', url: 'http://127.0.0.1/mi' },
    ...{ gateways: {}, ...spec },
  };
  consumer = opensips(whole, lab.ports, mi.rpc);
  consumer.start();
  await lab.pass(500);
}

const DOWN = { rank: 2, enabled: false, state: 'down' } as const;

describe('an OpenSIPS', () => {
  it('is told states of what it has of ours, by address, port and transport', async () => {
    lab.hold('acme', [aServer('a', [1], DOWN, 'down'), aServer('b', [2])]);
    await start();
    expect(mi.calls).toEqual(['i 1 sip:192.0.2.1']);
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2], { admin: 'off', rank: 2 })]);
    consumer.changed();
    await lab.pass(500);
    expect(mi.calls.slice(1)).toEqual([
      'a 1 sip:192.0.2.1',
      'i 1 sip:192.0.2.2:5060;transport=udp',
    ]);
    expect(mi.destinations.map(({ state }) => state)).toEqual([
      ...['Active', 'Inactive', 'Active', 'Inactive'],
    ]);
    expect(consumer.state).toBe('inSync');
  });

  it('hears the better word where two servers have one address', async () => {
    lab.hold('acme', [aServer('a', [1], { admin: 'drain', rank: 2 }), aServer('b', [1])]);
    await start();
    expect(mi.calls).toEqual([]);
    lab.hold('acme', [aServer('a', [1], DOWN, 'down'), aServer('b', [1], DOWN, 'down')]);
    consumer.changed();
    await lab.pass(500);
    expect(mi.calls).toEqual(['i 1 sip:192.0.2.1']);
  });

  it('is told of gateways by their ids', async () => {
    lab.hold('acme', [aServer('a', [1], DOWN, 'down'), aServer('b', [2])], {
      dispatcherSet: undefined,
    });
    await start({ gateways: { 'acme/a': 'gw1', 'acme/b': 'gw2' } });
    expect(mi.calls).toEqual(['gw1 0']);
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])], { dispatcherSet: undefined });
    consumer.changed();
    await lab.pass(500);
    expect(mi.calls).toEqual(['gw1 0', 'gw1 1']);
    expect(mi.gateways.map(({ State }) => State)).toEqual(['Active', 'Active', 'Disabled MI']);
  });

  it('is mended when it was restarted, and its own states are left for 30 s', async () => {
    lab.hold('acme', [aServer('a', [1]), aServer('b', [2])]);
    await start();
    await lab.pass(20_000);
    const [first] = mi.destinations;
    if (first === undefined) throw new Error('no destination');
    first.state = 'Probing';
    await lab.pass(20_500);
    expect(mi.calls).toEqual([]);
    expect(lab.news).toContainEqual(
      expect.objectContaining({ kind: 'observed', peerServer: 'acme/a' }),
    );
    await lab.pass(32_000);
    expect(mi.calls).toEqual(['a 1 sip:192.0.2.1']);
  });

  it('lacks all while it has no destination, and says so', async () => {
    mi.destinations = [];
    lab.hold('acme', [aServer('a', [1])]);
    await start();
    expect(consumer.status.cause).toMatchObject({ code: 'consumer.lacksMembers' });
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
    expect(mi.calls).toEqual([]);
    expect(lab.news.at(-1)).toMatchObject({
      cause: { code: 'consumer.observed', text: '1 states to be set (observed).' },
    });
  });
});
