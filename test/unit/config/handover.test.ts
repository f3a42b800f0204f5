/** What the loading thread hands over arrives as it was: compared with the result that never left. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Arrival, Handover } from '../../../src/config/handover.ts';
import { type LoadResult, loadConfig } from '../../../src/config/load.ts';
import { Secret } from '../../../src/core/base/secret.ts';
import { loadText, parseOnTheSpot } from '../../support/config/load-text.ts';

const CONFIG = `
version: 1
http: { bind: '127.0.0.1:0', token: t0ken }
localSockets:
  - { name: udp, protocol: udp, bind: '127.0.0.1:0' }
proxies:
  - { name: edge1, address: 'udp:127.0.0.1:5060', contact: '203.0.113.10:5060' }
inbound: { forwardTo: 'sip:127.0.0.1:5060', allow: ['192.0.2.0/24'] }
peeringContracts:
  - name: acme
    labels: { customer: big }
    metadata: { plan: es }
    peerServers:
SERVERS
    registrations:
      - { username: 'range{n}', domain: acme.example, contact: self, auth: { password: 'pw-{n}', username: 'u{n}' }, ddi: '{n}', expand: { from: 1, to: 450 } }
      - { username: other, domain: acme.example, contact: self, auth: { password: pw, realm: [a, b], next: { password: n3xt } }, failback: { after: 1h }, registrars: ['sip:r1.example', 'sip:r2.example'] }
      - { username: via, domain: acme.example, via: edge1, auth: { ha1: '0123456789abcdef0123456789abcdef', realm: acme, ha1Algorithm: MD5 } }
  - { name: empty }
  - name: last
    peerServers:
      - { name: one, sipProxy: '192.0.2.9', auth: { username: a, password: s3cret } }
`;

const SERVERS = Array.from(
  { length: 230 },
  (_, index) => `      - { name: s${index}, sipProxy: '192.0.2.1:${5060 + index}' }`,
).join('\n');

/** All data of a value, with its secrets revealed. */
function bare(value: unknown): unknown {
  if (value instanceof Secret) return `secret ${value.reveal()}`;
  if (Array.isArray(value)) return value.map(bare);
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [key, bare(one)]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, bare(one)]));
}

function across(result: LoadResult): { readonly result: LoadResult; readonly parts: number } {
  const handover = new Handover(result);
  const head = structuredClone(handover.head);
  if (head.kind === 'failed') return { result: head.result, parts: 0 };
  const arrival = new Arrival(head);
  for (let parts = 1; ; parts += 1) {
    const part = structuredClone(handover.next());
    expect(part.peerServers.length + part.registrations.length).toBeLessThanOrEqual(400);
    arrival.take(part);
    if (part.isLast) return { result: arrival.whole(), parts };
  }
}

describe('a configuration that was loaded elsewhere', () => {
  it('is the same: every field, every secret, in order', async () => {
    const loaded = await loadText(CONFIG.replace('SERVERS', SERVERS));
    if (!loaded.ok) throw new Error(loaded.problems.map(({ text }) => text).join('\n'));
    const { result, parts } = across(loaded);
    expect(parts).toBeGreaterThan(2);
    expect(bare(result)).toEqual(bare(loaded));
  });

  it.each(['example.yaml', 'minimal.yaml'])(
    'is the same with every key that %s has',
    async (name) => {
      const path = join(import.meta.dirname, '../../../config', name);
      const parseFile = parseOnTheSpot;
      const loaded = await loadConfig(path, { mode: 'check', env: {}, parseFile });
      expect(loaded.ok).toBe(true);
      expect(bare(across(loaded).result)).toEqual(bare(loaded));
    },
  );

  it('shares what was shared', async () => {
    const { result } = across(await loadText(CONFIG.replace('SERVERS', SERVERS)));
    if (!result.ok) throw new Error('it was loaded');
    const { registrations, contracts } = result.spec;
    const range = registrations.filter(({ username }) => username.startsWith('range'));
    expect(range).toHaveLength(450);
    expect(new Set(range.map(({ profile }) => profile)).size).toBe(1);
    expect(contracts.map(({ peerServers }) => peerServers.length)).toEqual([230, 0, 1]);
    expect(new Set(contracts[0]?.peerServers.map(({ digest }) => digest)).size).toBeLessThan(4);
  });

  it('hides its secrets again, and needs none in the clear to be looked at', async () => {
    const { result } = across(await loadText(CONFIG.replace('SERVERS', SERVERS)));
    if (!result.ok) throw new Error('it was loaded');
    expect(result.spec.http?.token).toBeInstanceOf(Secret);
    expect(JSON.stringify(result)).not.toMatch(/s3cret|t0ken|pw-1|0123456789abcdef/);
  });

  it('says what is wrong with it in the same words', async () => {
    const loaded = await loadText('version: 1\nhtpp: {}\npeeringContracts: [{ name: a b }]\n');
    expect(loaded.ok).toBe(false);
    expect(across(loaded).result).toEqual(loaded);
  });
});
