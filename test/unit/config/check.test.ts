import { describe, expect, test } from 'vitest';
import { loadText } from '../../support/config/load-text.ts';

async function warningsOf(text: string): Promise<readonly string[]> {
  const result = await loadText(text, { mode: 'check' });
  expect(result.ok).toBe(true);
  return result.warnings.map((one) => `${one.line}:${one.column} ${one.text}`);
}

function accounts(count: number, keys: string): string {
  const lines = Array.from(
    { length: count },
    (_, index) =>
      `      - { username: "u${index}", domain: a.example, contact: self, ${keys.replaceAll('#', `u${index}`)} }`,
  );
  return `peeringContracts:\n  - name: acme\n    registrations:\n${lines.join('\n')}\n`;
}

const STRONG = 'auth: { password: long-enough-secret }';

describe('what deserves a warning', () => {
  test('nothing about a sound configuration', async () => {
    const text = `${accounts(3, STRONG)}    peerServers:
      - { name: a, sipProxy: a.example }
      - { name: b, sipProxy: b.example }
`;
    expect(await warningsOf(text)).toEqual([]);
  });

  test('registrations that the pacing cannot refresh in time', async () => {
    const [warning, ...others] = await warningsOf(accounts(400, `expires: 120, ${STRONG}`));
    expect(others).toEqual([]);
    expect(warning).toMatch(
      /^4:9 400 registrations at auto:a\.example: need up to 16\.7 requests a second/,
    );
    expect(await warningsOf(accounts(400, `expires: 3600, ${STRONG}`))).toEqual([]);
    const unlimited = `pacing: { perTarget: 0 }\n${accounts(400, `expires: 120, ${STRONG}`)}`;
    expect(await warningsOf(unlimited)).toEqual([]);
  });

  test('weak passwords on open wires, in one line however many they are', async () => {
    const short = await warningsOf(accounts(50, 'auth: { password: short }'));
    expect(short).toHaveLength(1);
    expect(short[0]).toContain('4:9 50 registrations, this one first,');
    expect(await warningsOf(accounts(1, 'transport: tls, auth: { password: short }'))).toEqual([]);
    const own = accounts(1, 'auth: { username: a-long-user-name, password: a-long-user-name }');
    expect(await warningsOf(own)).toHaveLength(1);
  });

  test('a contract with one server, and certificates that are not enforced', async () => {
    const text = `peeringContracts:
  - name: acme
    peerServers:
      - { name: a, sipProxy: a.example, transport: tls, tls: { verify: warn } }
`;
    expect(await warningsOf(text)).toEqual([
      "4:7 the contract 'acme' has one peer server: no failover",
      "4:9 the certificate of the peer server 'acme/a' is not enforced (tls.verify: warn)",
    ]);
    const off = await warningsOf(accounts(2, `transport: tls, tls: { verify: off }, ${STRONG}`));
    expect(off[0]).toContain('2 registrations, this one first,');
  });

  test('nothing to do, and a state directory without use', async () => {
    expect(await warningsOf('state: { directory: /var/lib/trunkd }')).toEqual([
      '1:1 there is no peering contract: nothing to do',
      '1:8 a state directory is accepted, and not used by this release',
    ]);
    // The daemon has a line of its own for it.
    const run = await loadText('state: { directory: /var/lib/trunkd }');
    expect(run.warnings.map(({ text }) => text)).toEqual([
      'there is no peering contract: nothing to do',
    ]);
  });

  test('not that there is no contract, where one was left out for its problems', async () => {
    const broken = await loadText('peeringContracts: [{ name: acme, colour: red }]');
    expect([broken.ok, broken.warnings]).toEqual([false, []]);
  });
});
