import { describe, expect, it } from 'vitest';
import type { NetLimits } from '../../../src/net/limits.ts';
import { aLocalSocket, aMessage, aTarget, Edge, soon } from '../../support/edge.ts';
import { freePort } from '../../support/processes.ts';
import type { RawConnection } from '../../support/raw-peer.ts';
import { useTcpRig } from '../../support/tcp-rig.ts';

describe('TCP', () => {
  const { aClient, anEdge, aServer, cleanUp } = useTcpRig();

  describe('a listening socket', () => {
    const listening = async (limits: Partial<NetLimits> = {}, address = '127.0.0.1') => {
      const port = await freePort();
      const edge = await anEdge(limits, [aLocalSocket('tcp', { address, port })]);
      return { edge, port };
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
      cleanUp(() => clearInterval(talk));
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
      const elsewhere = await aClient(port, '127.0.0.2');
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
    });
  });
});
