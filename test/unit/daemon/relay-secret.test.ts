import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { relaySecret } from '../../../src/daemon/take-calls.ts';
import { machineId } from '../../../src/net/host-id.ts';
import { EntropyRandom } from '../../../src/net/random.ts';

const ID = '0123456789abcdef0123456789abcdef';
const random = new EntropyRandom();
const folder = mkdtempSync(join(tmpdir(), 'trunkd-machine-id-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('is the same after a restart where the machine has an id', () => {
  expect(relaySecret(ID, random)).toBe(relaySecret(ID, random));
});

it('cannot be known without one, and is another after a restart', () => {
  const secret = relaySecret(undefined, random);
  expect(secret).toMatch(/^trunkd relay [0-9a-f]{64}$/);
  expect(secret).not.toContain(hostname());
  expect(relaySecret(undefined, random)).not.toBe(secret);
});

it.each([
  [`${ID}\n`, ID],
  ['uninitialized\n', undefined],
  ['', undefined],
])('reads a machine-id of %j as %s', (text, id) => {
  const file = join(folder, 'machine-id');
  writeFileSync(file, text);
  expect(machineId(file)).toBe(id);
  expect(machineId(join(folder, 'missing'))).toBeUndefined();
});
