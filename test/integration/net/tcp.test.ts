import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { fault } from '../../../src/core/base/fault.ts';
import type { LocalSocketSpec } from '../../../src/core/sip/transport/ports.ts';
import type { NetLimits } from '../../../src/net/limits.ts';
import { aLocalSocket, aMessage, aTarget, Edge, openSockets, soon } from '../../support/edge.ts';
import { freePort } from '../../support/processes.ts';
import { type RawConnection, RawServer, rawConnect } from '../../support/raw-peer.ts';

describe('TCP', () => {
  const cleanUps: (() => unknown)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  const anEdge = async (
    limits: Partial<NetLimits> = {},
    specs: readonly LocalSocketSpec[] = [aLocalSocket('tcp')],
  ) => {
    const edge = await Edge.start(specs, limits);
    cleanUps.push(() => edge.stop());
    return edge;
  };

  const aServer = async (host = '127.0.0.1') => {
    const server = await RawServer.tcp(host);
    cleanUps.push(() => server.close());
    return server;
  };

  const connected = async (limits: Partial<NetLimits> = {}) => {
    const edge = await anEdge(limits);
    const server = await aServer();
    const flow = await edge.flowTo(aTarget('tcp', server.port));
    return { edge, server, flow, peer: await server.connection() };
  };

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
      cleanUps.push(() => hole.close());
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
      cleanUps.push(() => hole.close());
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

  describe('the stream', () => {
    it('may come in one-octet segments, or many messages in one', async () => {
      const { edge, flow, peer } = await connected();
      const one = aMessage('one', 'b\r\n\r\nody');
      const two = aMessage('two');
      await peer.dribble(`${one}\r\n${two}`);
      await edge.hears(2);
      peer.write(`${two}${one}\r\n\r\n${two}`);
      await edge.hears(5);
      expect(edge.heard.map(({ wire }) => wire)).toEqual([one, two, two, one, two]);
      expect(flow.isOpen).toBe(true);
      // The double CRLF between the messages was a ping.
      await soon(() => peer.received === '\r\n', 'the pong');
    });

    it('without framing is handed up, so that the core can answer, and closed', async () => {
      const { edge, flow, peer } = await connected();
      edge.react = (heard) => edge.transport.send(heard.flow, 'SIP/2.0 400 Bad Request\r\n\r\n');
      peer.write('OPTIONS sip:x SIP/2.0\r\nContent-Length: -1\r\n\r\n');
      expect((await edge.hears(1))[0]?.wire).toContain('Content-Length: -1');
      await peer.receives('400 Bad Request');
      await edge.failsOn(flow);
      await peer.closes();
      expect(edge.drops).toEqual(['contentLength']);
      expect(edge.transport.stats().framingErrors).toBe(1);
    });

    it('without end is cut off at the limit of a message', async () => {
      const { edge, flow, peer } = await connected();
      peer.write(`OPTIONS sip:x SIP/2.0\r\n${'X-Pad: xxxxxxxxxxxxxxxxxxxxxxxx\r\n'.repeat(3_000)}`);
      await edge.failsOn(flow);
      await peer.closes();
      expect(edge.drops).toEqual(['tooLarge']);
    });

    it('with half a message has a time limit that trickling does not move', async () => {
      const { edge, flow, peer } = await connected({ messageMs: 300 });
      const start = performance.now();
      peer.write(`${aMessage('whole')}OPTIONS`);
      const trickle = setInterval(() => peer.write(' '), 20);
      cleanUps.push(() => clearInterval(trickle));
      expect(await edge.failsOn(flow)).toMatchObject({ code: 'transport.closed', blame: 'peer' });
      expect(performance.now() - start).toBeGreaterThanOrEqual(299);
      expect(edge.heard).toHaveLength(1);
      expect(edge.transport.stats().incompleteMessages).toBe(1);
    });

    it('has a new time limit for each message', async () => {
      const { edge, flow, peer } = await connected({ messageMs: 400 });
      for (let i = 0; i < 8; i += 1) {
        peer.write(`${i === 0 ? '' : ' sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n'}OPTIONS`);
        await edge.hears(i);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(flow.isOpen).toBe(true);
    });
  });

  describe('keep-alive', () => {
    const QUICK = { keepAliveMs: [50, 80] as const, pongMs: 150 };

    it('pings, and stays when it is answered', async () => {
      const { edge, flow, peer } = await connected(QUICK);
      let pings = 0;
      peer.socket.on('data', (octets) => {
        if (octets.toString() !== '\r\n\r\n') return;
        pings += 1;
        peer.write('\r\n');
      });
      await soon(() => pings >= 5, 'five pings');
      expect(flow.isOpen).toBe(true);
      expect(edge.transport.stats().pongsMissed).toBe(0);
      // Our pings' answers were never taken for pings.
      expect(peer.received.replaceAll('\r\n\r\n', '')).toBe('');
    });

    it('takes a server that ponged and stopped for dead', async () => {
      const { edge, flow, peer } = await connected(QUICK);
      let pings = 0;
      peer.socket.on('data', () => {
        pings += 1;
        if (pings === 1) peer.write('\r\n');
      });
      const reason = await edge.failsOn(flow);
      expect(reason).toMatchObject({
        code: 'transport.closed',
        text: expect.stringMatching('keep-alives'),
      });
      expect(pings).toBe(2);
    });

    it('bears with a server that never pongs', async () => {
      const { edge, flow } = await connected(QUICK);
      await soon(() => edge.transport.stats().pongsMissed >= 3, 'three missed pongs');
      expect(flow.isOpen).toBe(true);
      expect(edge.failures).toEqual([]);
    });

    it('takes any octets for a sign of life', async () => {
      const { edge, flow, peer } = await connected(QUICK);
      let pings = 0;
      peer.socket.on('data', () => {
        pings += 1;
        peer.write(pings === 1 ? '\r\n' : aMessage('busy'));
      });
      await soon(() => edge.transport.stats().pongsMissed >= 2, 'two missed pongs');
      expect(flow.isOpen).toBe(true);
    });

    it('closes a connection that carried no message for very long', async () => {
      const { edge, flow } = await connected({ ...QUICK, unusedMs: 300 });
      expect(await edge.failsOn(flow)).toMatchObject({ blame: 'local' });
    });
  });

  describe('a listening socket', () => {
    const listening = async (limits: Partial<NetLimits> = {}, address = '127.0.0.1') => {
      const port = await freePort();
      const edge = await anEdge(limits, [aLocalSocket('tcp', { address, port })]);
      return { edge, port };
    };
    const aClient = async (port: number) => {
      const client = await rawConnect(port);
      cleanUps.push(() => client.socket.destroy());
      return client;
    };

    it('answers on the connection that the request came on', async () => {
      const { edge, port } = await listening();
      edge.react = ({ flow }) => edge.transport.send(flow, 'SIP/2.0 200 OK\r\n\r\n');
      const client = await aClient(port);
      const other = await aClient(port);
      client.write(aMessage('x'));
      await client.receives('200 OK');
      expect(other.received).toBe('');
      expect(edge.heard[0]?.flow).toMatchObject({
        protocol: 'tcp',
        sentBy: `127.0.0.1:${port}`,
        local: { address: '127.0.0.1', port },
        remote: { address: '127.0.0.1', port: client.socket.localPort },
      });
      client.write('\r\n\r\n');
      await client.receives('200 OK\r\n\r\n\r\n');
    });

    it('gives its port as the one that requests reach us on', async () => {
      const { edge, port } = await listening();
      const server = await aServer();
      const flow = await edge.flowTo(aTarget('tcp', server.port));
      expect([flow.sentBy, flow.contactHost]).toEqual([`127.0.0.1:${port}`, `127.0.0.1:${port}`]);
      expect(flow.local.port).not.toBe(port);
    });

    it('does not take connections of others for requests of ours', async () => {
      const { edge, port } = await listening();
      const client = await aClient(port);
      client.write(aMessage('x'));
      const [heard] = await edge.hears(1);
      const back = heard?.flow.remote.port ?? 0;
      expect(await edge.faultOf(aTarget('tcp', back))).toMatchObject({ code: 'transport.refused' });
    });

    it('closes what is idle, and nothing that talks', async () => {
      const { edge, port } = await listening({ idleMs: 200 });
      const idle = await aClient(port);
      const busy = await aClient(port);
      const talk = setInterval(() => busy.write('\r\n'), 20);
      cleanUps.push(() => clearInterval(talk));
      await idle.closes();
      await soon(() => edge.failures.length === 1, 'the word');
      expect(edge.failures[0]?.reason.blame).toBe('local');
      expect(busy.isClosed).toBe(false);
    });

    it('has a limit in all, and tells of it once', async () => {
      const { edge, port } = await listening({ accepted: 3 });
      const clients: RawConnection[] = [];
      for (let i = 0; i < 6; i += 1) clients.push(await aClient(port));
      await soon(() => clients.filter(({ isClosed }) => isClosed).length === 3, 'three refusals');
      expect(edge.transport.stats()).toMatchObject({ accepted: 3, acceptsRefused: 3 });
      expect(edge.notices.map(({ kind }) => kind)).toEqual(['listener.refused']);
      clients.find(({ isClosed }) => !isClosed)?.socket.destroy();
      await soon(() => edge.transport.stats().connectionsOpen === 2, 'one to leave');
      const next = await aClient(port);
      next.write(aMessage('x'));
      await edge.hears(1);
    });

    it('has a limit for each address', async () => {
      const { edge, port } = await listening({ acceptedPerLoopback: 2 });
      const clients: RawConnection[] = [];
      for (let i = 0; i < 3; i += 1) clients.push(await aClient(port));
      await soon(() => clients.some(({ isClosed }) => isClosed), 'a refusal');
      expect(edge.transport.stats()).toMatchObject({ accepted: 2, acceptsRefused: 1 });
      const elsewhere = await rawConnect(port, '127.0.0.1', '127.0.0.2');
      cleanUps.push(() => elsewhere.socket.destroy());
      elsewhere.write(aMessage('x'));
      await edge.hears(1);
      clients.find(({ isClosed }) => !isClosed)?.socket.destroy();
      await soon(() => edge.transport.stats().connectionsOpen === 2, 'one to leave');
      const next = await aClient(port);
      next.write(aMessage('y'));
      await edge.hears(2);
    });

    it('says clearly what it cannot bind', async () => {
      const { port } = await listening();
      const taken = aLocalSocket('tcp', { name: 'main', port });
      await expect(Edge.start([taken])).rejects.toThrow(
        `Local socket main (tcp:127.0.0.1:${port}): another process`,
      );
      const absent = aLocalSocket('tcp', { name: 'absent', address: '192.0.2.77' });
      await expect(Edge.start([absent])).rejects.toThrow('absent (tcp:192.0.2.77:0): no interface');
    });
  });

  it('gives every descriptor back, whatever it was doing', async () => {
    const before = openSockets();
    const hole = await aBlackHole();
    const server = await RawServer.tcp();
    const port = await freePort();
    const edge = await Edge.start([aLocalSocket('tcp', { port })]);
    await edge.flowTo(aTarget('tcp', server.port));
    let isAnswered = false;
    const pending = { target: aTarget('tcp', hole.port), localSocket: undefined, tls: undefined };
    edge.transport.open(pending, () => {
      isAnswered = true;
    });
    const client = await rawConnect(port);
    client.write(aMessage('x'));
    await edge.hears(1);
    await edge.stop();
    await client.closes();
    await server.close();
    await hole.close();
    await soon(() => openSockets() === before, 'all sockets to be gone');
    expect(edge.failures).toEqual([]);
    expect(isAnswered).toBe(false);
  });
});

/** A port that takes no connection and refuses none: its process stands still, and its backlog is full. */
async function aBlackHole(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const program =
    "const s = require('net').createServer();" +
    "s.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(s.address().port));";
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const port = Number(line);
  child.kill('SIGSTOP');
  const fillers = [await rawConnect(port), await rawConnect(port)];
  return {
    port,
    close: async () => {
      for (const { socket } of fillers) socket.destroy();
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}
