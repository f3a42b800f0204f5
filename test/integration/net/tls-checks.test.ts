/** What is checked besides the name of a certificate, and what a reload of certificates does. */
import { X509Certificate } from 'node:crypto';
import type { SecureVersion, TlsOptions } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LocalSocketSpec } from '../../../src/core/sip/transport/ports.ts';
import { aLocalSocket, aMessage, aTarget, aTlsPolicy, Edge } from '../../support/edge.ts';
import { type IdentityName, makePki, type Pki } from '../../support/pki.ts';
import { freePort } from '../../support/processes.ts';
import { RawServer } from '../../support/raw-peer.ts';
import { ocspResponse, revocationList } from '../../support/revocation.ts';

describe('TLS', () => {
  let pki: Pki;
  const cleanUps: (() => unknown)[] = [];

  beforeAll(async () => {
    pki = await makePki(['good', 'dnsonly', 'untrusted', 'wrongname', 'soon', 'client', 'expired']);
  });

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  afterAll(() => pki.remove());

  const withTls = (more: Partial<LocalSocketSpec['tls'] & object> = {}, port = 0) =>
    aLocalSocket('tls', {
      port,
      tls: { ca: pki.ca, certificate: undefined, key: undefined, ...more },
    });

  const anEdge = async (spec = withTls()) => {
    const edge = await Edge.start([spec]);
    cleanUps.push(() => edge.stop());
    return edge;
  };

  const aServer = async (name: IdentityName, more: TlsOptions = {}) => {
    const { certificate: cert, key } = pki.of(name);
    const server = await RawServer.tls({ cert, key, ...more });
    cleanUps.push(() => server.close());
    return server;
  };

  const fingerprintOf = (name: IdentityName) =>
    new X509Certificate(pki.of(name).certificate).fingerprint256.replaceAll(':', '').toLowerCase();

  describe('fingerprints', () => {
    it.each(['untrusted', 'wrongname', 'expired'] as const)(
      'accept %s, whoever signed it',
      async (name) => {
        const edge = await anEdge();
        const server = await aServer(name);
        const policy = aTlsPolicy({ fingerprints: [fingerprintOf('good'), fingerprintOf(name)] });
        await edge.flowTo(aTarget('tls', server.port), { tls: policy });
      },
    );

    it('refuse every other certificate, before anything is written', async () => {
      const edge = await anEdge();
      const server = await aServer('good');
      const policy = aTlsPolicy({ fingerprints: [fingerprintOf('untrusted')] });
      const reason = await edge.faultOf(aTarget('tls', server.port), { tls: policy });
      expect(reason).toMatchObject({ code: 'tls.untrusted', blame: 'peer' });
      expect(reason.text).toContain(fingerprintOf('good'));
      expect(edge.transport.stats().octetsSent).toBe(0);
    });

    it('have connections of their own', async () => {
      const edge = await anEdge();
      const server = await aServer('good');
      const target = aTarget('tls', server.port);
      const flow = await edge.flowTo(target, { tls: aTlsPolicy() });
      const pinned = aTlsPolicy({ fingerprints: [fingerprintOf('good')] });
      expect(await edge.flowTo(target, { tls: pinned })).not.toBe(flow);
    });
  });

  it('takes one of several identities, and asks for the first', async () => {
    const edge = await anEdge();
    const server = await aServer('dnsonly');
    const target = aTarget('tls', server.port);
    const policy = aTlsPolicy({ identity: 'acme.test', otherIdentities: ['registrar.test'] });
    await edge.flowTo(target, { tls: policy });
    await server.connection();
    expect(server.servernames).toEqual(['acme.test']);
    const none = aTlsPolicy({ identity: 'acme.test', otherIdentities: ['other.test'] });
    expect((await edge.faultOf(target, { tls: none })).text).toBe(
      'The certificate names registrar.test, not acme.test or other.test.',
    );
  });

  describe('a certificate that was revoked', () => {
    const stapling = async (name: IdentityName, staple: Buffer) => {
      const server = await aServer(name);
      server.onOcspRequest((answer) => answer(null, staple));
      return server;
    };

    it('is refused when the server itself says so (OCSP staple)', async () => {
      const edge = await anEdge();
      const server = await stapling('good', await ocspResponse(pki, 'good', true));
      const target = aTarget('tls', server.port);
      const reason = await edge.faultOf(target, { tls: aTlsPolicy() });
      expect(reason).toMatchObject({ code: 'tls.revoked', blame: 'peer' });
      await edge.flowTo(target, { tls: aTlsPolicy({ verify: 'warn' }) });
      expect(edge.notices).toMatchObject([{ kind: 'tls.unverified' }]);
    });

    it('is none when the staple is good, about another one, or no staple at all', async () => {
      const edge = await anEdge();
      const staples = [
        await ocspResponse(pki, 'good', false),
        await ocspResponse(pki, 'soon', true),
        Buffer.from('not a staple'),
      ];
      for (const staple of staples) {
        const server = await stapling('good', staple);
        await edge.flowTo(aTarget('tls', server.port), { tls: aTlsPolicy() });
      }
    });

    it('is refused by the list of its authority', async () => {
      const edge = await anEdge(withTls({ crl: await revocationList(pki, ['good']) }));
      const revoked = await aServer('good');
      const reason = await edge.faultOf(aTarget('tls', revoked.port), { tls: aTlsPolicy() });
      expect(reason).toMatchObject({ code: 'tls.revoked', blame: 'peer' });
      const fine = await aServer('dnsonly');
      await edge.flowTo(aTarget('tls', fine.port), { tls: aTlsPolicy() });
    });
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('does not speak %s', async (version: SecureVersion) => {
    const edge = await anEdge();
    const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
    const server = await aServer('good', old);
    const reason = await edge.faultOf(aTarget('tls', server.port), { tls: aTlsPolicy() });
    expect(reason).toMatchObject({ code: 'tls.handshake', blame: 'peer' });
  });

  describe('a reload of certificates', () => {
    const asking = { requestCert: true, rejectUnauthorized: true };

    it('counts for new connections, and drops none', async () => {
      const { certificate, key } = pki.of('client');
      const edge = await anEdge(withTls({ certificate, key }));
      const server = await aServer('dnsonly', { ...asking, ca: pki.ca });
      const target = aTarget('tls', server.port);
      const old = await edge.flowTo(target, { tls: aTlsPolicy() });
      const next = pki.of('good');
      const own = { certificate: next.certificate, key: next.key };
      expect(await edge.transport.change([withTls(own)])).toEqual([]);
      expect(await edge.transport.change([withTls(own)])).toEqual([]);
      const fresh = await edge.flowTo(target, { tls: aTlsPolicy() });
      expect(fresh).not.toBe(old);
      await server.connection(1);
      expect(server.clientNames).toEqual(['client.test', 'registrar.test']);
      edge.send(old, aMessage('old'));
      await (await server.connection(0)).receives(aMessage('old'));
      expect([old.isOpen, edge.failures, edge.moves]).toEqual([true, [], []]);
      expect(await edge.flowTo(target, { tls: aTlsPolicy() })).toBe(fresh);
    });

    it('is refused where key and certificate do not belong together; what was there stays', async () => {
      const { certificate, key } = pki.of('client');
      const edge = await anEdge(withTls({ certificate, key }));
      const server = await aServer('dnsonly', { ...asking, ca: pki.ca });
      const target = aTarget('tls', server.port);
      const flow = await edge.flowTo(target, { tls: aTlsPolicy() });
      const mixed = withTls({ certificate: pki.of('good').certificate, key });
      expect(await edge.transport.change([mixed])).toEqual([
        expect.stringMatching(/^Local socket tls4 .*key values mismatch/i),
      ]);
      expect(await edge.flowTo(target, { tls: aTlsPolicy() })).toBe(flow);
    });

    it('counts for those who connect to us, too', async () => {
      const port = await freePort();
      const { certificate, key } = pki.of('dnsonly');
      const edge = await anEdge(withTls({ certificate, key }, port));
      const client = await anEdge();
      const target = aTarget('tls', port);
      const old = await client.flowTo(target, { tls: aTlsPolicy() });
      const next = pki.of('wrongname');
      const own = { certificate: next.certificate, key: next.key };
      expect(await edge.transport.change([withTls(own, port)])).toEqual([]);
      const policy = aTlsPolicy({ identity: 'wrong.example' });
      await client.flowTo(target, { tls: policy });
      client.send(old, aMessage('old'));
      await edge.hears(1);
    });
  });

  it('warns of certificates that expire soon: ours and those of servers', async () => {
    const { certificate, key } = pki.of('soon');
    const edge = await anEdge(withTls({ certificate, key }));
    const server = await aServer('soon');
    const target = aTarget('tls', server.port);
    await edge.flowTo(target, { tls: aTlsPolicy() });
    await edge.flowTo(target, { tls: aTlsPolicy({ verify: 'warn' }) });
    const warnings = edge.notices.filter(({ kind }) => kind === 'tls.expires');
    expect(warnings.map(({ text }) => text)).toEqual([
      expect.stringMatching(
        /^Our own certificate of local socket tls4 expires at .*, in 9 days\.$/,
      ),
      expect.stringMatching(/^The certificate of registrar\.test at 127\.0\.0\.1:\d+ expires at /),
    ]);
    expect(edge.transport.certificates()).toMatchObject([
      { role: 'own', name: 'tls4', subject: 'CN=registrar.test' },
      { role: 'peer', name: `registrar.test at 127.0.0.1:${server.port}` },
    ]);
  });
});
