import { expect, it } from 'vitest';
import { ConsumerFault } from '../../../src/consumers/causes.ts';
import { snapshotFile } from '../../../src/consumers/snapshot-file.ts';
import { fault } from '../../../src/core/base/fault.ts';
import { after } from '../../../src/core/base/instant.ts';
import { aServer, VerdictLab } from '../../support/consumer-lab.ts';
import { A_CAUSE } from '../../support/fake-books.ts';

const SPEC = { name: 'file', contracts: 'all', mode: 'apply', path: '/snapshot.json' } as const;

it('holds all verdicts, new at each change, and as long as anybody watches', async () => {
  const lab = new VerdictLab();
  lab.hold('acme', [aServer('a', [1, 2]), aServer('b', [3])]);
  const file = snapshotFile(SPEC, lab.ports);
  file.start();
  await lab.pass(200);
  const read = () => JSON.parse(lab.files.get(SPEC.path) ?? 'null');
  expect(read()).toMatchObject({
    ...{ version: 1, epoch: 7, sequence: 3 },
    peeringContracts: [
      {
        ...{ name: 'acme', enabled: 'all', offers: 'enabled' },
        peerServers: [
          {
            ...{ id: 'acme/a', enabled: true, rank: 0, weight: 1, cause: null },
            targets: [{ target: 'udp:192.0.2.1:5060', state: 'up', enabled: true }, {}],
          },
          { id: 'acme/b' },
        ],
      },
    ],
  });
  expect(Date.parse(read().validUntil) - Date.parse(read().at)).toBe(60_000);
  lab.hold('acme', [aServer('a', [1], { rank: 2, enabled: false, cause: A_CAUSE }, 'down')]);
  file.changed();
  await lab.pass(200);
  const [{ peerServers }] = read().peeringContracts;
  expect(peerServers).toMatchObject([{ enabled: false, cause: { code: A_CAUSE.code } }]);
  expect(read()).toMatchObject({ networkSuspect: false, frozen: null });
  const ordered = fault(
    'ownFault.ordered',
    'local',
    'An operator froze the verdicts (cli): a move.',
  );
  const until = after(lab.time.now(), 60_000);
  lab.freeze = { since: lab.time.now(), until, cause: ordered, isOrdered: true };
  file.changed();
  await lab.pass(200);
  expect(read()).toMatchObject({
    networkSuspect: false,
    frozen: { ordered: true, cause: { code: ordered.code, text: ordered.text } },
  });
  expect(Date.parse(read().frozen.until) - Date.parse(read().frozen.since)).toBe(60_000);
  const { at } = read();
  lab.files.clear();
  await lab.pass(21_000);
  expect(Date.parse(read().at)).toBeGreaterThan(Date.parse(at));
  expect(file.state).toBe('inSync');
  await file.stop();
  lab.files.clear();
  await lab.pass(60_000);
  expect(lab.files.size).toBe(0);
});

it('tells when it cannot be written, and writes when it can', async () => {
  const lab = new VerdictLab();
  let isFull = true;
  const ports = {
    ...lab.ports,
    files: {
      ...lab.ports.files,
      write: async () => {
        if (isFull) throw new ConsumerFault('consumer.fileUnwritable', 'ENOSPC: no space left');
      },
    },
  };
  const file = snapshotFile(SPEC, ports);
  file.start();
  await lab.pass(5_000);
  isFull = false;
  await lab.pass(20_000);
  expect(lab.news).toMatchObject([
    {
      state: 'failing',
      cause: { code: 'consumer.fileUnwritable', text: 'ENOSPC: no space left.' },
    },
    { from: 'failing', state: 'inSync' },
  ]);
  await file.stop();
});
