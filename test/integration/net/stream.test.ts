import { describe, expect, it } from 'vitest';
import { aLocalSocket, aMessage, aTarget, soon } from '../../support/edge.ts';
import { freePort } from '../../support/processes.ts';
import { useTcpRig } from '../../support/tcp-rig.ts';

describe('a stream', () => {
  const { aClient, anEdge, aServer, cleanUp, connected } = useTcpRig();

  describe('of messages', () => {
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

    it('that the other side ends still carries our answer', async () => {
      const port = await freePort();
      const edge = await anEdge({}, [aLocalSocket('tcp', { port })]);
      edge.react = ({ flow }) => edge.transport.send(flow, 'SIP/2.0 200 OK\r\n\r\n');
      const client = await aClient(port);
      client.socket.end(aMessage('x'));
      await client.closes();
      expect(client.received).toBe('SIP/2.0 200 OK\r\n\r\n');
      await soon(() => edge.failures.length === 1, 'the word');
    });

    it('is not used any more while it waits for its last octets to leave', async () => {
      const edge = await anEdge({ lingerMs: 500 });
      const server = await aServer('127.0.0.1', { allowHalfOpen: true });
      const flow = await edge.flowTo(aTarget('tcp', server.port));
      const peer = await server.connection();
      peer.write('OPTIONS sip:x SIP/2.0\r\nContent-Length: -1\r\n\r\n');
      await edge.hears(1);
      const next = await edge.flowTo(aTarget('tcp', server.port));
      expect([flow.isOpen, next.isOpen]).toEqual([false, true]);
      expect(await edge.failsOn(flow)).toMatchObject({ text: expect.stringMatching('whose end') });
      expect(next.isOpen).toBe(true);
      expect(edge.failures).toHaveLength(1);
    });

    it('of pings that nobody collects the answers of comes to an end', async () => {
      const { edge, flow, peer } = await connected({ writeQueueOctets: 1_000, writeStallMs: 100 });
      peer.socket.pause();
      const flood = setInterval(() => peer.write('\r\n\r\n'.repeat(10_000)), 5);
      cleanUp(() => clearInterval(flood));
      edge.send(flow, aMessage('x', 'y'.repeat(4_000_000)));
      expect(await edge.failsOn(flow)).toMatchObject({ code: 'transport.overflow' });
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
      cleanUp(() => clearInterval(trickle));
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

    it('pings at once when it is asked to, not twice, and tells of the answer', async () => {
      const { edge, flow, peer } = await connected();
      edge.transport.inquire(flow);
      edge.transport.inquire(flow);
      await soon(() => peer.received === '\r\n\r\n', 'one ping');
      expect(edge.pongs).toEqual([]);
      peer.write('\r\n');
      await soon(() => edge.pongs[0] === flow, 'the answer to be told');
      expect(peer.received).toBe('\r\n\r\n');
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

    it('takes a server that promised to pong and never does for dead', async () => {
      const { edge, flow } = await connected({ keepAliveMs: [60_000, 60_000], pongMs: 150 });
      edge.transport.keepAlive(flow, { intervalMs: [50, 80], isPongDue: true });
      await soon(() => edge.failures.length > 0, 'the flow to fail');
      expect(edge.failures[0]?.reason.text).toContain('keep-alives');
      expect(flow.isOpen).toBe(false);
      expect(edge.transport.stats().pingsSent).toBe(1);
    });

    it('answers the pings of a server that never pongs', async () => {
      const { edge, peer } = await connected({ keepAliveMs: [400, 400], pongMs: 20 });
      await soon(() => edge.transport.stats().pongsMissed >= 2, 'two missed pongs');
      const pings = peer.received.length;
      peer.write('\r\n\r\n');
      await soon(() => peer.received.length === pings + 2, 'our pong');
    });

    it('closes a connection that carried no message for very long', async () => {
      const { edge, flow } = await connected({ ...QUICK, unusedMs: 300 });
      expect(await edge.failsOn(flow)).toMatchObject({ blame: 'local' });
    });
  });
});
