/** Peer servers as configured, and what the core gets. */
import { describe, expect, test } from 'vitest';
import { specOf } from '../../support/config/load-text.ts';
import { policyNamed } from '../../support/health/findings.ts';

async function serverOf(keys: string, above = '') {
  const spec = await specOf(`${above}
peeringContracts:
  - name: acme
    peerServers:
      - { name: a, ${keys} }`);
  return spec.contracts[0]?.peerServers[0];
}

describe('defaults', () => {
  test('a peer server with nothing but its name and proxy', async () => {
    expect(await serverOf('sipProxy: sip.acme.example')).toEqual({
      id: 'acme/a',
      contract: 'acme',
      name: 'a',
      description: '',
      labels: {},
      admin: 'up',
      sipProxy: 'sip.acme.example',
      scheme: 'sip',
      hop: { host: 'sip.acme.example', port: undefined, protocol: undefined, secure: false },
      localSocket: undefined,
      tls: {
        verify: 'strict',
        identity: 'sip.acme.example',
        allowWildcard: false,
        minVersion: 'TLSv1.2',
      },
      sourceCheck: 'host',
      digest: { hashes: ['sha512-256', 'sha256', 'md5'], order: 'ours', isPinned: false },
      priority: 1,
      weight: 1,
      whenNeverUp: 'lastResort',
      upWhen: { kind: 'count', count: 1 },
      slowStartMs: 0,
      hasDamping: true,
      probe: {
        ...{ mode: 'options', intervalMs: 30_000, timeoutMs: 4000, fall: 3, rise: 2 },
        recheckMs: 1000,
        answers: policyNamed('standard'),
      },
      userAgent: 'trunkd',
      credentials: undefined,
      callOriginHeaders: ['pai'],
      requestUri: { strip: 0, prefix: '', parameters: '' },
      from: { user: undefined, domain: undefined },
    });
  });
});

describe('the word for failover', () => {
  test.each([
    ['any', { kind: 'count', count: 1 }],
    ['all', { kind: 'percent', percent: 100 }],
    ['2', { kind: 'count', count: 2 }],
    ['50%', { kind: 'percent', percent: 50 }],
  ])('upWhen: %s', async (text, upWhen) => {
    const server = await serverOf(
      'sipProxy: sip.acme.example',
      `defaults: { probe: { upWhen: ${text} } }`,
    );
    expect(server?.upWhen).toEqual(upWhen);
  });

  test('slowStart and flapDamping, also as defaults', async () => {
    const above = 'defaults: { peerServer: { slowStart: 30s, flapDamping: false } }';
    const server = await serverOf('sipProxy: sip.acme.example', above);
    expect(server).toMatchObject({ slowStartMs: 30_000, hasDamping: false });
    const own = await serverOf('sipProxy: sip.acme.example, slowStart: 1m', above);
    expect(own).toMatchObject({ slowStartMs: 60_000, hasDamping: false });
  });
});
