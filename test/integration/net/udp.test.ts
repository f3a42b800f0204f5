import dgram from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { LocalSocketSpec } from '../../../src/core/sip/transport/ports.ts';
import type { NetLimits } from '../../../src/net/limits.ts';
import { aLocalSocket, aTarget, Edge, openSockets, soon } from '../../support/edge.ts';

const WIRE = 'OPTIONS sip:a SIP/2.0\r\nSubject: Gr\xc3\xbc\xc3\x9fe \x00\xff\r\n\r\n';

describe('UDP', () => {
  const cleanUps: (() => unknown)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  const anEdge = async (specs: readonly LocalSocketSpec[], limits: Partial<NetLimits> = {}) => {
    const edge = await Edge.start(specs, limits);
    cleanUps.push(() => edge.stop());
    return edge;
  };

  const aPeer = async (address = '127.0.0.1') => {
    const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const got: { wire: string; port: number; address: string }[] = [];
    socket.on('message', (octets, { port, address }) =>
      got.push({ wire: octets.toString('latin1'), port, address }),
    );
    socket.bind(0, address);
    await once(socket, 'listening');
    cleanUps.push(() => socket.close());
    return { socket, got, port: socket.address().port };
  };

  describe('a port that stays silent', () => {
    it.each(['127.0.0.1', '::1'])('is found closed on %s after two refusals', async (address) => {
      const edge = await anEdge([aLocalSocket('udp', { family: address === '::1' ? 6 : 4 })]);
      const peer = await aPeer(address);
      const flow = await edge.flowTo(aTarget('udp', peer.port, address));
      peer.socket.close();
      cleanUps.pop();
      const askedAt = performance.now();
      for (let copy = 0; copy < 5; copy += 1) edge.transport.inquire(flow);
      await soon(() => edge.failures.length > 0, 'the refusal');
      expect(edge.failures).toMatchObject([{ flow, reason: { code: 'transport.refused' } }]);
      // One ICMP message alone says nothing, and a probe waits 4 s: 3.5 s had passed before the question.
      expect(performance.now() - askedAt).toBeGreaterThan(550);
    });

    it('but is open is left alone, and hears nothing that it has to answer', async () => {
      const edge = await anEdge([aLocalSocket('udp')]);
      const peer = await aPeer('127.0.0.1');
      const flow = await edge.flowTo(aTarget('udp', peer.port, '127.0.0.1'));
      edge.transport.inquire(flow);
      await soon(() => peer.got.length > 0, 'the question');
      await sleep(800);
      expect(peer.got.map(({ wire }) => wire)).toEqual(['\r\n\r\n']);
      expect(edge.failures).toEqual([]);
    });

    it('is left alone when it cannot be reached from here any more', async () => {
      const edge = await anEdge([aLocalSocket('udp')]);
      const peer = await aPeer('127.0.0.1');
      const flow = await edge.flowTo(aTarget('udp', peer.port, '127.0.0.1'));
      // The kernel refuses to connect to this address (EACCES), as it does where the route is gone.
      const unreachable = Object.create(flow, {
        remote: { value: { ...flow.remote, address: '255.255.255.255' } },
      });
      edge.transport.inquire(unreachable);
      await sleep(100);
      edge.transport.inquire(flow);
      await soon(() => peer.got.length > 0, 'the question at the other one');
      expect(edge.failures).toEqual([]);
    });
  });

  it.each([
    { family: 4 as const, address: '127.0.0.1', sentBy: '127.0.0.1' },
    { family: 6 as const, address: '::1', sentBy: '[::1]' },
  ])('carries octets both ways over IPv$family', async ({ family, address, sentBy }) => {
    const edge = await anEdge([aLocalSocket('udp', { family })]);
    const peer = await aPeer(address);
    const flow = await edge.flowTo(aTarget('udp', peer.port, address));
    const bound = edge.transport.boundAddress(`udp${family}`);
    expect(flow).toMatchObject({ local: bound, remote: { address, port: peer.port } });
    expect(flow.sentBy).toBe(`${sentBy}:${bound?.port}`);

    edge.send(flow, WIRE);
    await soon(() => peer.got.length === 1, 'the datagram');
    expect(peer.got[0]).toEqual({ wire: WIRE, ...bound });

    peer.socket.send(Buffer.from(WIRE, 'latin1'), bound?.port ?? 0, address);
    const [heard] = await edge.hears(1);
    expect(heard?.wire).toBe(WIRE);
    expect(heard?.flow).toBe(flow);
    expect(edge.transport.stats()).toMatchObject({
      datagramsReceived: 1,
      datagramsSent: 1,
      octetsReceived: WIRE.length,
      octetsSent: WIRE.length,
      udpPeers: 1,
    });
  });

  it('knows its address towards a peer when it is bound to all of them', async () => {
    const edge = await anEdge([
      aLocalSocket('udp', { address: '0.0.0.0' }),
      aLocalSocket('udp', { address: '::', family: 6 }),
    ]);
    const four = await edge.flowTo(aTarget('udp', 9, '127.0.0.1'));
    expect(four.local.address).toBe('127.0.0.1');
    expect(four.contactHost).toBe(`127.0.0.1:${edge.transport.boundAddress('udp4')?.port}`);
    const six = await edge.flowTo(aTarget('udp', 9, '::1'));
    expect(six.sentBy).toBe(`[::1]:${edge.transport.boundAddress('udp6')?.port}`);
    const peer = await aPeer();
    peer.socket.send('x', edge.transport.boundAddress('udp4')?.port ?? 0, '127.0.0.1');
    const [heard] = await edge.hears(1);
    expect(heard?.flow.local.address).toBe('127.0.0.1');
  });

  it('has both families on one port', async () => {
    const first = await anEdge([aLocalSocket('udp', { address: '::', family: 6 })]);
    const port = first.transport.boundAddress('udp6')?.port ?? 0;
    const second = await anEdge([aLocalSocket('udp', { address: '0.0.0.0', port })]);
    const peer = await aPeer();
    peer.socket.send('x', port, '127.0.0.1');
    await second.hears(1);
    expect(first.heard).toEqual([]);
  });

  it('says what is advertised instead', async () => {
    const edge = await anEdge([aLocalSocket('udp', { advertise: '203.0.113.10:5070' })]);
    const flow = await edge.flowTo(aTarget('udp', 9));
    expect([flow.sentBy, flow.contactHost]).toEqual(['203.0.113.10:5070', '203.0.113.10:5070']);
  });

  it('takes the socket that is named, else the first that fits', async () => {
    const edge = await anEdge([
      aLocalSocket('udp', { name: 'one' }),
      aLocalSocket('udp', { name: 'two', address: '127.0.0.2' }),
    ]);
    expect((await edge.flowTo(aTarget('udp', 9))).localSocket).toBe('one');
    const named = await edge.flowTo(aTarget('udp', 9), { localSocket: 'two' });
    expect(named.local.address).toBe('127.0.0.2');
    for (const [target, localSocket] of [
      [aTarget('udp', 9, '::1'), undefined],
      [aTarget('udp', 9, '::1'), 'two'],
      [aTarget('udp', 9), 'three'],
      [aTarget('tcp', 9), undefined],
    ] as const) {
      const fault = await edge.faultOf(target, { localSocket });
      expect(fault).toMatchObject({ code: 'transport.noSocket', blame: 'config' });
    }
  });

  it('leaves out what nobody configured and cannot be bound; a reload may ask again', async () => {
    const lost = aLocalSocket('udp', { name: 'auto', address: '192.0.2.1', isMadeUp: true });
    const six = aLocalSocket('udp', { address: '::1', family: 6 });
    const edge = await anEdge([six, lost]);
    expect(edge.notices.filter(({ kind }) => kind === 'socket.leftOut')).toMatchObject([
      { localSocket: 'auto', text: expect.stringContaining('no interface of this machine') },
    ]);
    expect([edge.transport.serves('udp', 4), edge.transport.serves('udp', 6)]).toEqual([
      false,
      true,
    ]);
    const fault = await edge.faultOf(aTarget('udp', 9));
    expect(fault).toMatchObject({ code: 'transport.noSocket' });
    await edge.transport.change([six, lost]);
    expect(edge.transport.serves('udp', 4)).toBe(false);
    await edge.transport.change([six, aLocalSocket('udp', { name: 'auto', isMadeUp: true })]);
    expect((await edge.flowTo(aTarget('udp', 9))).localSocket).toBe('auto');
  });

  it.each([
    ['udp', '127.0.0.1', 0],
    ['udp', '127.0.0.1', 65_536],
    ['udp', '127.0.0.1', Number.NaN],
    ['udp', 'name.test', 5060],
    ['tcp', '127.0.0.1', 0],
    ['tcp', '127.0.0.1', 70_000],
    ['tcp', 'localhost', 5060],
  ] as const)('refuses %s:%s:%d, which is no address', async (protocol, address, port) => {
    const edge = await anEdge([aLocalSocket(protocol)]);
    const reason = await edge.faultOf(aTarget(protocol, port, address));
    expect(reason).toMatchObject({ code: 'transport.unreachable', blame: 'peer' });
  });

  it('reports what the kernel refuses as our own fault, later, once a turn', async () => {
    const edge = await anEdge([aLocalSocket('udp')]);
    // From a loopback address there is no way out of the machine.
    const flow = await edge.flowTo(aTarget('udp', 5060, '192.0.2.1'));
    for (let i = 0; i < 50; i += 1) edge.send(flow, WIRE);
    expect(await edge.failsOn(flow)).toMatchObject({ code: 'transport.local', blame: 'local' });
    expect(edge.failures).toHaveLength(1);
    const tooLong = await edge.flowTo(aTarget('udp', 9));
    edge.send(tooLong, 'x'.repeat(70_000));
    expect(await edge.failsOn(tooLong)).toMatchObject({ text: expect.stringMatching('EMSGSIZE') });
  });

  it('a port where nobody listens is silence, not an error', async () => {
    const edge = await anEdge([aLocalSocket('udp')]);
    const peer = await aPeer();
    edge.send(await edge.flowTo(aTarget('udp', 9)), WIRE);
    edge.send(await edge.flowTo(aTarget('udp', peer.port)), WIRE);
    await soon(() => peer.got.length === 1, 'the second datagram');
    expect(edge.failures).toEqual([]);
  });

  it('forgets peers beyond its limit, and still knows whose datagram failed', async () => {
    const edge = await anEdge([aLocalSocket('udp')], { udpPeers: 100 });
    const first = await edge.flowTo(aTarget('udp', 5060, '192.0.2.1'));
    for (let port = 1; port <= 1_000; port += 1) await edge.flowTo(aTarget('udp', port));
    expect(edge.transport.stats().udpPeers).toBeLessThanOrEqual(100);
    expect(await edge.flowTo(aTarget('udp', 5060, '192.0.2.1'))).not.toBe(first);
    edge.send(first, WIRE);
    await edge.failsOn(first);
  });

  it('takes ten thousand datagrams in a burst without losing its place', async () => {
    const edge = await anEdge([aLocalSocket('udp')]);
    const peer = await aPeer();
    const port = edge.transport.boundAddress('udp4')?.port ?? 0;
    let answers = 0;
    edge.react = ({ flow }) => edge.transport.send(flow, 'answer');
    peer.socket.on('message', () => {
      answers += 1;
    });
    for (let sent = 0; sent < 10_000; sent += 100) {
      for (let i = 0; i < 100; i += 1) peer.socket.send(WIRE, port, '127.0.0.1');
      await soon(() => answers >= sent + 100, `answer ${sent + 100}`);
    }
    expect(new Set(edge.heard.map(({ flow }) => flow)).size).toBe(1);
  });

  it('counts what the kernel drops because nobody reads', async () => {
    const edge = await anEdge([aLocalSocket('udp')], { udpReceiveBufferOctets: 4096 });
    const peer = await aPeer();
    const port = edge.transport.boundAddress('udp4')?.port ?? 0;
    expect(edge.transport.udpBuffers()).toMatchObject([{ localSocket: 'udp4', drops: 0 }]);
    // In one turn of the loop: nothing is read meanwhile.
    for (let i = 0; i < 500; i += 1) peer.socket.send(WIRE, port, '127.0.0.1');
    await edge.hears(1);
    const [buffer] = edge.transport.udpBuffers();
    expect(buffer?.octets).toBe(4096);
    expect(buffer?.drops).toBeGreaterThan(100);
  });

  it('warns when the kernel grants less buffer than asked for', async () => {
    const edge = await anEdge([aLocalSocket('udp')], { udpReceiveBufferOctets: 1 << 30 });
    expect(edge.notices).toEqual([
      {
        kind: 'udp.receiveBuffer',
        localSocket: 'udp4',
        text: expect.stringMatching(/instead of 1073741824.*rmem_max/),
      },
    ]);
  });

  it('names the socket and the address that it could not bind', async () => {
    const edge = await anEdge([aLocalSocket('udp')]);
    const port = edge.transport.boundAddress('udp4')?.port ?? 0;
    const before = openSockets();
    const taken = aLocalSocket('udp', { name: 'main', port });
    await expect(Edge.start([taken])).rejects.toThrow(
      `Local socket main (udp:127.0.0.1:${port}): another process`,
    );
    const again = aLocalSocket('udp', { name: 'again', port });
    const both = Edge.start([aLocalSocket('udp', { name: 'fine' }), taken, again]);
    await expect(both).rejects.toThrow(
      /main .*\n.*again \(udp:127\.0\.0\.1:\d+\): another process/,
    );
    expect(openSockets()).toBe(before);
  });

  it('gives every descriptor back, and is silent after it stopped', async () => {
    const before = openSockets();
    const edge = await Edge.start([aLocalSocket('udp'), aLocalSocket('udp', { family: 6 })]);
    const flow = await edge.flowTo(aTarget('udp', 5060, '192.0.2.1'));
    edge.send(flow, WIRE);
    await edge.stop();
    edge.send(flow, WIRE);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(edge.failures).toEqual([]);
    expect(openSockets()).toBe(before);
  });
});
