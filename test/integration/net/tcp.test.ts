import { describe, expect, it } from 'vitest';
import { fault } from '../../../src/core/base/fault.ts';
import { aBlackHole } from '../../support/black-hole.ts';
import { aLocalSocket, aMessage, aTarget, Edge, openSockets, soon } from '../../support/edge.ts';
import { freePort } from '../../support/processes.ts';
import { RawServer, rawConnect } from '../../support/raw-peer.ts';
import { useTcpRig } from '../../support/tcp-rig.ts';

describe('TCP', () => {
  const { anEdge, aServer, cleanUp, connected } = useTcpRig();

  describe('connections of ours', () => {
    it.each([
      { family: 4 as const, address: '127.0.0.1', host: '127.0.0.1' },
      { family: 6 as const, address: '::1', host: '[::1]' },
    ])('carry messages both ways over IPv$family', async ({ family, address, host }) => {
      const edge = await anEdge({}, [aLocalSocket('tcp', { family })]);
      const server = await aServer(address);
      const flow = await edge.flowTo(aTarget('tcp', server.port, address));
      const peer = await server.connection();
      expect(flow).toMatchObject({
        protocol: 'tcp',
        isOpen: true,
        local: { address, port: peer.socket.remotePort },
        remote: { address, port: server.port },
        sentBy: `${host}:${peer.socket.remotePort}`,
      });
      edge.send(flow, aMessage('out', 'Gr\xc3\xbc\xc3\x9fe\x00\xff'));
      await peer.receives(aMessage('out', 'Gr\xc3\xbc\xc3\x9fe\x00\xff'));
      peer.write(aMessage('in', '\x00\xff'));
      const [heard] = await edge.hears(1);
      expect(heard).toMatchObject({ wire: aMessage('in', '\x00\xff'), flow });
    });

    it('are shared: many askers, one connection, reported at once when it is there', async () => {
      const edge = await anEdge();
      const server = await aServer();
      const target = aTarget('tcp', server.port);
      const flows = await Promise.all(Array.from({ length: 100 }, () => edge.flowTo(target)));
      expect(new Set(flows).size).toBe(1);
      let isReported = false;
      edge.transport.open({ target, localSocket: undefined, tls: undefined }, () => {
        isReported = true;
      });
      expect(isReported).toBe(true);
      await server.connection();
      expect(server.connections).toHaveLength(1);
      expect(edge.transport.stats()).toMatchObject({ connectionsOpen: 1, connectsStarted: 1 });
    });

    it('are not shared between local sockets, and leave from their addresses', async () => {
      const specs = ['127.0.0.1', '127.0.0.2'].map((address) =>
        aLocalSocket('tcp', { name: address, address }),
      );
      const edge = await anEdge({}, specs);
      const server = await aServer();
      for (const { name } of specs) {
        const flow = await edge.flowTo(aTarget('tcp', server.port), { localSocket: name });
        expect(flow.local.address).toBe(name);
      }
      await server.connection(1);
      expect(server.connections.map(({ socket }) => socket.remoteAddress)).toEqual([
        '127.0.0.1',
        '127.0.0.2',
      ]);
    });

    it('are not shared with others by an owner, who has one for each target', async () => {
      const edge = await anEdge();
      const server = await aServer();
      const target = aTarget('tcp', server.port);
      const ask = (owner?: string) => edge.flowTo(target, owner === undefined ? {} : { owner });
      const flows = await Promise.all([ask(), ask('a'), ask('b'), ask('a'), ask()]);
      expect(flows.map(({ isOwned }) => isOwned)).toEqual([false, true, true, true, false]);
      expect(flows[0]).toBe(flows[4]);
      expect(flows[1]).toBe(flows[3]);
      expect(new Set(flows).size).toBe(3);
      await server.connection(2);
      expect(server.connections).toHaveLength(3);
    });

    it('write what was sent in one turn in one piece, in order', async () => {
      const { edge, flow, peer } = await connected();
      let segments = 0;
      peer.socket.on('data', () => {
        segments += 1;
      });
      const all = Array.from({ length: 50 }, (_, i) => aMessage(`m${i}`));
      for (const message of all) edge.send(flow, message);
      await peer.receives(all.join(''));
      expect(segments).toBeLessThanOrEqual(3);
    });

    it('that are refused say so', async () => {
      const edge = await anEdge();
      const target = aTarget('tcp', await freePort());
      expect(await edge.faultOf(target)).toMatchObject({
        code: 'transport.refused',
        blame: 'peer',
      });
      expect(edge.transport.stats()).toMatchObject({ connectsFailed: 1, connectsInFlight: 0 });
    });

    it('without a route are our own trouble', async () => {
      const edge = await anEdge();
      const reason = await edge.faultOf(aTarget('tcp', 5060, '192.0.2.1'));
      expect(reason).toMatchObject({ code: 'transport.local', blame: 'local' });
    });

    it('that get no answer end with their own time-out, and wait their turn before', async () => {
      const hole = await aBlackHole();
      cleanUp(() => hole.close());
      const specs = ['a', 'b', 'c'].map((name) => aLocalSocket('tcp', { name }));
      const edge = await anEdge(
        { connectMs: 300, connectTurnMs: 5_000, connectsPerTarget: 2 },
        specs,
      );
      const target = aTarget('tcp', hole.port);
      const asked = specs.map(({ name }) => edge.faultOf(target, { localSocket: name }));
      expect(edge.transport.stats()).toMatchObject({ connectsInFlight: 2, connectsWaiting: 1 });
      for (const reason of await Promise.all(asked))
        expect(reason).toMatchObject({ code: 'timeout.connect', blame: 'peer' });
      expect(edge.transport.stats()).toMatchObject({ connectsInFlight: 0, connectsStarted: 3 });
    });

    it('whose turn never comes are our own trouble', async () => {
      const hole = await aBlackHole();
      cleanUp(() => hole.close());
      const specs = ['a', 'b'].map((name) => aLocalSocket('tcp', { name }));
      const edge = await anEdge({ connectMs: 5_000, connectTurnMs: 200, connects: 1 }, specs);
      const target = aTarget('tcp', hole.port);
      edge.transport.open({ target, localSocket: 'a', tls: undefined }, () => undefined);
      const reason = await edge.faultOf(target, { localSocket: 'b' });
      expect(reason).toMatchObject({ code: 'timeout.connect', blame: 'local' });
    });

    it('are made anew after a loss', async () => {
      const { edge, server, flow, peer } = await connected();
      peer.socket.end();
      expect(await edge.failsOn(flow)).toMatchObject({ code: 'transport.closed', blame: 'peer' });
      expect(flow.isOpen).toBe(false);
      const again = await edge.flowTo(aTarget('tcp', server.port));
      expect(again).not.toBe(flow);
      edge.send(again, aMessage('again'));
      await (await server.connection(1)).receives(aMessage('again'));
      expect(edge.failures).toHaveLength(1);
    });

    it('tell of a reset in the middle of a message', async () => {
      const { edge, flow, peer } = await connected();
      peer.write(aMessage('x', 'body').slice(0, -2));
      await soon(() => edge.transport.stats().octetsReceived > 0, 'the first part');
      peer.socket.resetAndDestroy();
      expect(await edge.failsOn(flow)).toMatchObject({ code: 'transport.closed', blame: 'peer' });
      expect(edge.heard).toEqual([]);
    });

    it('given up by the core are closed, told once and later', async () => {
      const { edge, flow, peer } = await connected();
      const reason = fault('timeout.response', 'peer');
      edge.close(flow, reason);
      expect(flow.isOpen).toBe(false);
      edge.close(flow, reason);
      edge.send(flow, aMessage('too late'));
      expect(await edge.failsOn(flow)).toBe(reason);
      await peer.closes();
      expect(edge.failures).toHaveLength(1);
      edge.send(flow, aMessage('much too late'));
      await soon(() => edge.failures.length === 2, 'word of the message that was lost');
      expect(peer.received).toBe('');
    });

    it('are all closed where they may be forgotten by now, and made anew', async () => {
      const { edge, server, flow } = await connected();
      edge.transport.closeAll(fault('process.stoodStill', 'local'));
      expect(flow.isOpen).toBe(false);
      expect(await edge.failsOn(flow)).toMatchObject({ code: 'process.stoodStill' });
      expect(await edge.flowTo(aTarget('tcp', server.port))).not.toBe(flow);
    });

    it('whose other side stops reading overflow, are closed and counted', async () => {
      const { edge, flow, peer } = await connected({ writeStallMs: 100 });
      peer.socket.pause();
      const message = aMessage('x', 'y'.repeat(32_000));
      await soon(() => {
        for (let i = 0; i < 10 && flow.isOpen; i += 1) edge.send(flow, message);
        return !flow.isOpen;
      }, 'the overflow');
      expect(await edge.failsOn(flow)).toMatchObject({ code: 'transport.overflow', blame: 'peer' });
      expect(edge.transport.stats()).toMatchObject({ writeOverflows: 1, connectionsOpen: 0 });
    });

    it('take a burst that the other side reads', async () => {
      const { edge, flow, peer } = await connected();
      const message = aMessage('x', 'y'.repeat(1_000));
      for (let i = 0; i < 2_000; i += 1) edge.send(flow, message);
      await soon(() => peer.received.length === 2_000 * message.length, 'the whole burst');
      expect(edge.failures).toEqual([]);
    });

    it('have an end to what may wait', async () => {
      const { edge, flow } = await connected();
      const message = aMessage('x', 'y'.repeat(60_000));
      for (let i = 0; i < 100; i += 1) edge.send(flow, message);
      expect(await edge.failsOn(flow)).toMatchObject({ code: 'transport.overflow' });
    });
  });

  it('gives every descriptor back, whatever it was doing', async () => {
    const before = openSockets();
    const hole = await aBlackHole();
    const server = await RawServer.tcp();
    const port = await freePort();
    const edge = await Edge.start([aLocalSocket('tcp', { port })]);
    const flow = await edge.flowTo(aTarget('tcp', server.port));
    let isAnswered = false;
    const pending = { target: aTarget('tcp', hole.port), localSocket: undefined, tls: undefined };
    edge.transport.open(pending, () => {
      isAnswered = true;
    });
    const client = await rawConnect(port);
    client.write(aMessage('x'));
    await edge.hears(1);
    edge.close(flow, fault('timeout.response', 'peer'));
    await edge.stop();
    await client.closes();
    await server.close();
    await hole.close();
    await soon(() => openSockets() === before, 'all sockets to be gone');
    expect(edge.failures).toEqual([]);
    expect(isAnswered).toBe(false);
  });
});
