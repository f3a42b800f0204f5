import { once } from 'node:events';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FaultCode } from '../../../src/core/base/fault.ts';
import type { LocalSocketSpec, TlsPolicy } from '../../../src/core/sip/transport/ports.ts';
import type { NetLimits } from '../../../src/net/limits.ts';
import {
  aLocalSocket,
  aMessage,
  aTarget,
  aTlsPolicy,
  Edge,
  openSockets,
  soon,
} from '../../support/edge.ts';
import { IDENTITY_NAMES, type IdentityName, makePki, type Pki } from '../../support/pki.ts';
import { freePort } from '../../support/processes.ts';
import { RawConnection, RawServer, rawConnect } from '../../support/raw-peer.ts';

/** RFC 5922 section 7 for `registrar.test`, certificate by certificate. */
const VERDICTS: { readonly [name in IdentityName]: FaultCode | 'accepted' } = {
  good: 'accepted',
  dnsonly: 'accepted',
  urionly: 'accepted',
  urimism: 'tls.identity',
  cnonly: 'accepted',
  nosubject: 'accepted',
  wildcard: 'tls.identity',
  userpart: 'tls.identity',
  wrongname: 'tls.identity',
  smuggled: 'tls.identity',
  expired: 'tls.expired',
  untrusted: 'tls.untrusted',
  clientonly: 'tls.untrusted',
  soon: 'accepted',
  sipsuri: 'tls.identity',
  client: 'tls.identity',
};

describe('TLS', () => {
  let pki: Pki;
  const cleanUps: (() => unknown)[] = [];

  beforeAll(async () => {
    pki = await makePki();
  });

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  afterAll(() => pki.remove());

  const trusting = (more: Partial<LocalSocketSpec> = {}) =>
    aLocalSocket('tls', {
      tls: { ca: pki.ca, certificate: undefined, key: undefined },
      ...more,
    });

  const anEdge = async (
    specs: readonly LocalSocketSpec[] = [trusting()],
    limits: Partial<NetLimits> = {},
  ) => {
    const edge = await Edge.start(specs, limits);
    cleanUps.push(() => edge.stop());
    return edge;
  };

  const aServer = async (name: IdentityName, more: tls.TlsOptions = {}, host = '127.0.0.1') => {
    const { certificate: cert, key } = pki.of(name);
    const server = await RawServer.tls({ cert, key, ...more }, host);
    cleanUps.push(() => server.close());
    return server;
  };

  describe('the certificate of a server', () => {
    it.each(IDENTITY_NAMES)('%s', async (name) => {
      const edge = await anEdge();
      const server = await aServer(name);
      const result = await edge.open(aTarget('tls', server.port), { tls: aTlsPolicy() });
      expect(result.ok ? 'accepted' : result.fault.code).toBe(VERDICTS[name]);
      if (result.ok) {
        edge.send(result.value, aMessage('x'));
        await (await server.connection()).receives(aMessage('x'));
        expect(server.servernames).toEqual(['registrar.test']);
      } else {
        expect(result.fault.blame).toBe('peer');
        expect(edge.transport.stats()).toMatchObject({ connectsFailed: 1, octetsSent: 0 });
      }
    });

    it.each([
      { identity: '127.0.0.1', name: 'good', code: 'accepted' },
      { identity: '127.0.0.1', name: 'dnsonly', code: 'tls.identity' },
      { identity: 'REGISTRAR.test.', name: 'urionly', code: 'accepted' },
      { identity: 'edge.registrar.test', name: 'wildcard', code: 'tls.identity' },
      { identity: 'edge.registrar.test', name: 'good', code: 'tls.identity' },
      { identity: 'localhost', name: 'good', code: 'tls.identity' },
      { identity: 'localhost', name: 'dnsonly', code: 'tls.identity' },
    ] as const)('$name asked for $identity: $code', async ({ identity, name, code }) => {
      const edge = await anEdge();
      const server = await aServer(name);
      const result = await edge.open(aTarget('tls', server.port), {
        tls: aTlsPolicy({ identity }),
      });
      expect(result.ok ? 'accepted' : result.fault.code).toBe(code);
    });

    it('may be a wildcard where that is allowed', async () => {
      const edge = await anEdge();
      const server = await aServer('wildcard');
      const policy = aTlsPolicy({ identity: 'edge.registrar.test', allowWildcard: true });
      await edge.flowTo(aTarget('tls', server.port), { tls: policy });
    });

    it('is checked over IPv6 as well, without a name in the hello for an address', async () => {
      const edge = await anEdge([trusting({ family: 6, address: '::1' })]);
      const server = await aServer('good', {}, '::1');
      const target = aTarget('tls', server.port, '::1');
      const flow = await edge.flowTo(target, { tls: aTlsPolicy({ identity: '::1' }) });
      expect(flow.sentBy).toBe(`[::1]:${flow.local.port}`);
      await server.connection();
      expect(server.servernames).toEqual([false]);
    });

    it('names in the fault what it holds', async () => {
      const edge = await anEdge();
      const server = await aServer('urimism');
      const reason = await edge.faultOf(aTarget('tls', server.port), { tls: aTlsPolicy() });
      expect(reason.text).toBe('The certificate names other.example, not registrar.test.');
    });

    it('of an unknown authority fails with the authorities of the system', async () => {
      const edge = await anEdge([aLocalSocket('tls')]);
      const server = await aServer('good');
      const reason = await edge.faultOf(aTarget('tls', server.port), { tls: aTlsPolicy() });
      expect(reason.code).toBe('tls.untrusted');
    });
  });

  describe('verify: warn and off', () => {
    it.each([
      ['good', undefined],
      ['wrongname', /names wrong\.example, not registrar\.test/],
      ['urimism', /names other\.example/],
      ['expired', /CERT_HAS_EXPIRED/],
      ['untrusted', /UNABLE_TO_VERIFY_LEAF_SIGNATURE/],
    ] as const)('warn goes on with %s, and reports %s', async (name, text) => {
      const edge = await anEdge();
      const server = await aServer(name);
      const policy = aTlsPolicy({ verify: 'warn' });
      const flow = await edge.flowTo(aTarget('tls', server.port), { tls: policy });
      edge.send(flow, aMessage('x'));
      await (await server.connection()).receives(aMessage('x'));
      const notice = {
        kind: 'tls.unverified',
        localSocket: 'tls4',
        text: expect.stringMatching(text ?? ''),
      };
      const told = edge.notices.filter(({ kind }) => kind !== 'tls.expires');
      expect(told).toEqual(text === undefined ? [] : [notice]);
    });

    it('off goes on without a word', async () => {
      const edge = await anEdge();
      const server = await aServer('untrusted');
      await edge.flowTo(aTarget('tls', server.port), { tls: aTlsPolicy({ verify: 'off' }) });
      expect(edge.notices).toEqual([]);
    });
  });

  it('shares a connection only for one and the same policy', async () => {
    const edge = await anEdge();
    const server = await aServer('good');
    const target = aTarget('tls', server.port);
    const policies: TlsPolicy[] = [
      aTlsPolicy(),
      aTlsPolicy({ identity: '127.0.0.1' }),
      aTlsPolicy({ verify: 'warn' }),
      aTlsPolicy({ verify: 'off' }),
      aTlsPolicy({ allowWildcard: true }),
      aTlsPolicy({ minVersion: 'TLSv1.3' }),
    ];
    const flows = [];
    for (const policy of policies) flows.push(await edge.flowTo(target, { tls: policy }));
    expect(new Set(flows).size).toBe(policies.length);
    for (const [i, policy] of policies.entries())
      expect(await edge.flowTo(target, { tls: { ...policy } })).toBe(flows[i]);
    // An identity that the certificate does not hold gets none of them.
    const other = aTlsPolicy({ identity: 'other.test' });
    expect((await edge.faultOf(target, { tls: other })).code).toBe('tls.identity');
  });

  it('proves itself with the certificate of the local socket', async () => {
    const { certificate, key } = pki.of('client');
    const edge = await anEdge([trusting({ tls: { ca: pki.ca, certificate, key } })]);
    const server = await aServer('good', {
      ca: pki.ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
    await edge.flowTo(aTarget('tls', server.port), { tls: aTlsPolicy() });
    await server.connection();
    expect(server.clientNames).toEqual(['client.test']);
  });

  it('tells when the server wanted a certificate that we do not have', async () => {
    const edge = await anEdge();
    const server = await aServer('good', {
      ca: pki.ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const result = await edge.open(aTarget('tls', server.port), { tls: aTlsPolicy() });
    // With TLS 1.3 the client is done before the server has looked.
    const reason = result.ok ? await edge.failsOn(result.value) : result.fault;
    expect(reason).toMatchObject({ code: 'tls.ownCertificate', blame: 'config' });
    expect(reason.text).toMatch(/misses one: .*certificate required/);
  });

  it('speaks no version that the policy rules out', async () => {
    const edge = await anEdge();
    const server = await aServer('good', { maxVersion: 'TLSv1.2' });
    const target = aTarget('tls', server.port);
    await edge.flowTo(target, { tls: aTlsPolicy() });
    const reason = await edge.faultOf(target, { tls: aTlsPolicy({ minVersion: 'TLSv1.3' }) });
    expect(reason.code).toBe('tls.handshake');
  });

  it('tells a server that is not TLS, one that hangs up and one that stalls apart', async () => {
    const edge = await anEdge(undefined, { connectMs: 60_000, tlsHandshakeMs: 300 });
    const server = await RawServer.tcp();
    cleanUps.push(() => server.close());
    const target = aTarget('tls', server.port);
    const ask = () => edge.faultOf(target, { tls: aTlsPolicy() });

    const plain = ask();
    (await server.connection(0)).write('SIP/2.0 400 Bad Request\r\n\r\n');
    expect(await plain).toMatchObject({ code: 'tls.handshake', blame: 'peer' });

    const hungUp = ask();
    (await server.connection(1)).socket.end();
    expect(await hungUp).toMatchObject({ code: 'tls.handshake', blame: 'peer' });

    const stalled = ask();
    const stalling = await server.connection(2);
    expect(await stalled).toMatchObject({ code: 'timeout.tlsHandshake', blame: 'peer' });
    await stalling.closes();
    expect((await edge.faultOf(aTarget('tls', await freePort()), { tls: aTlsPolicy() })).code).toBe(
      'transport.refused',
    );
  });

  it('cuts and keeps alive as over TCP, and takes a burst', async () => {
    const edge = await anEdge(undefined, { keepAliveMs: [50, 80], pongMs: 1_000 });
    const server = await aServer('good');
    const flow = await edge.flowTo(aTarget('tls', server.port), { tls: aTlsPolicy() });
    const peer = await server.connection();
    await peer.receives('\r\n\r\n');
    await peer.dribble(`\r\n${aMessage('one', 'body')}`);
    await edge.hears(1);
    const message = aMessage('x', 'y'.repeat(1_000));
    for (let i = 0; i < 1_000; i += 1) edge.send(flow, message);
    await soon(() => peer.received.length >= 1_000 * message.length, 'the burst');
    expect(flow.isOpen).toBe(true);
    peer.socket.destroy();
    expect((await edge.failsOn(flow)).code).toBe('transport.closed');
  });

  describe('a listening socket', () => {
    const listening = async (limits: Partial<NetLimits> = {}) => {
      const { certificate, key } = pki.of('good');
      const port = await freePort();
      const own = { ca: pki.ca, certificate, key };
      return { port, edge: await anEdge([trusting({ port, tls: own })], limits) };
    };
    const aClient = async (port: number) => {
      const socket = tls.connect({
        port,
        host: '127.0.0.1',
        ca: pki.ca,
        servername: 'registrar.test',
      });
      cleanUps.push(() => socket.destroy());
      await once(socket, 'secureConnect');
      return new RawConnection(socket);
    };

    it('answers on the connection that the request came on', async () => {
      const { edge, port } = await listening();
      edge.react = ({ flow }) => edge.transport.send(flow, 'SIP/2.0 200 OK\r\n\r\n');
      const client = await aClient(port);
      client.write(aMessage('x'));
      await client.receives('200 OK');
      expect(edge.heard[0]?.flow).toMatchObject({ protocol: 'tls', sentBy: `127.0.0.1:${port}` });
      client.socket.destroy();
      await soon(() => edge.transport.stats().connectionsOpen === 0, 'the end');
    });

    it('outlives noise, and gives a handshake its time', async () => {
      const { edge, port } = await listening({ tlsHandshakeMs: 200 });
      const noise = await rawConnect(port);
      noise.write('GET / HTTP/1.1\r\n\r\n');
      await noise.closes();
      const silent = await rawConnect(port);
      await silent.closes();
      const client = await aClient(port);
      client.write(aMessage('x'));
      await edge.hears(1);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(client.isClosed).toBe(false);
    });

    it('has to have a certificate, and says so; unreadable files too', async () => {
      const port = await freePort();
      await expect(Edge.start([trusting({ port, name: 'main' })])).rejects.toThrow(
        `Local socket main (tls:127.0.0.1:${port}): a TLS socket that listens needs`,
      );
      const broken = { ca: pki.ca, certificate: 'no PEM', key: 'no PEM' };
      await expect(Edge.start([trusting({ name: 'main', tls: broken })])).rejects.toThrow(
        /^Local socket main /,
      );
    });
  });

  it('gives every descriptor back', async () => {
    const before = openSockets();
    const { certificate, key } = pki.of('good');
    const port = await freePort();
    const edge = await Edge.start([trusting({ port, tls: { ca: pki.ca, certificate, key } })]);
    const server = await aServer('good');
    const stalling = await RawServer.tcp();
    cleanUps.push(() => stalling.close());
    await edge.flowTo(aTarget('tls', server.port), { tls: aTlsPolicy() });
    const pending = aTarget('tls', stalling.port);
    edge.transport.open(
      { target: pending, localSocket: undefined, tls: aTlsPolicy() },
      () => undefined,
    );
    const half = await rawConnect(port);
    await (await stalling.connection()).receives('\x16');
    await edge.stop();
    await half.closes();
    await server.close();
    await stalling.close();
    await soon(() => openSockets() === before, 'all sockets to be gone');
  });
});
