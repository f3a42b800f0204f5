/**
 * Connections that end, stall or stutter at every octet of an answer (on real sockets): each end is
 * noticed and told once, no half message gets through, and nothing is left behind.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { aLocalSocket, aMessage, aTarget, Edge, openSockets, soon } from '../../support/edge.ts';
import { type RawConnection, RawServer } from '../../support/raw-peer.ts';

/** 200 octets, so that there are as many places to cut it. */
const ANSWER = anAnswerOf(200);
const CUTS = Array.from({ length: ANSWER.length }, (_, at) => at);

function anAnswerOf(octets: number): string {
  const head = 'SIP/2.0 200 OK\r\nCall-ID: a\r\nContent-Length: 4\r\n';
  const pad = 'x'.repeat(octets - `${head}X: \r\n\r\nbody`.length);
  return `${head}X: ${pad}\r\n\r\nbody`;
}

describe('a stream', () => {
  const cleanUps: (() => unknown)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  /** As many connections as there are places to cut; each with its other end. */
  async function connections(limits: Parameters<typeof Edge.start>[1] = {}) {
    const server = await RawServer.tcp();
    cleanUps.push(() => server.close());
    const before = openSockets();
    const edge = await Edge.start(
      CUTS.map((at) => aLocalSocket('tcp', { name: `socket${at}` })),
      { connectsPerTarget: 1_000, connects: 1_000, ...limits },
    );
    cleanUps.push(() => edge.stop());
    const target = aTarget('tcp', server.port);
    const flows = await Promise.all(
      CUTS.map((at) => edge.flowTo(target, { localSocket: `socket${at}` })),
    );
    await server.connection(CUTS.length - 1);
    const peers = new Map(server.connections.map((one) => [one.socket.remotePort, one]));
    const peerOf = (at: number): RawConnection => {
      const peer = peers.get(flows[at]?.local.port ?? 0);
      if (peer === undefined) throw new Error(`no other end of connection ${at}`);
      return peer;
    };
    return { edge, flows, peerOf, before };
  }

  it.each(['reset', 'ended'] as const)('that is %s after each octet of an answer', async (how) => {
    const { edge, peerOf, before } = await connections();
    for (const at of CUTS) peerOf(at).write(ANSWER.slice(0, at));
    const sent = CUTS.reduce((sum, at) => sum + at, 0);
    await soon(() => edge.transport.stats().octetsReceived === sent, 'all the halves');
    for (const at of CUTS) {
      const { socket } = peerOf(at);
      if (how === 'reset') socket.resetAndDestroy();
      else socket.end();
    }
    await soon(() => edge.failures.length >= CUTS.length, 'every end');
    expect(new Set(edge.failures.map(({ flow }) => flow)).size).toBe(CUTS.length);
    expect(edge.failures).toHaveLength(CUTS.length);
    for (const { reason } of edge.failures) {
      expect(reason).toMatchObject({ code: 'transport.closed', blame: 'peer' });
    }
    expect(edge.heard).toEqual([]);
    expect(edge.transport.stats().connectionsOpen).toBe(0);
    await soon(() => openSockets() <= before, 'every descriptor');
  });

  it('that stops at each octet of an answer is given up when its time is over', async () => {
    const { edge, flows, peerOf } = await connections({ messageMs: 500 });
    for (const at of CUTS) peerOf(at).write(ANSWER.slice(0, at));
    // The first of them sent nothing: it is just quiet.
    await soon(() => edge.failures.length === CUTS.length - 1, 'every half message');
    expect(edge.transport.stats().incompleteMessages).toBe(CUTS.length - 1);
    expect(flows[0]?.isOpen).toBe(true);
    expect(edge.heard).toEqual([]);
  });

  it('that is cut in two at each octet brings the same message', async () => {
    const { edge, peerOf } = await connections();
    for (const at of CUTS) peerOf(at).write(ANSWER.slice(0, at));
    const sent = CUTS.reduce((sum, at) => sum + at, 0);
    await soon(() => edge.transport.stats().octetsReceived === sent, 'the first halves');
    // With the second half comes a whole further message, and the beginning of a third.
    for (const at of CUTS) peerOf(at).write(`${ANSWER.slice(at)}${aMessage('next')}SIP/2.0 `);
    await edge.hears(2 * CUTS.length);
    const heard = edge.heard.map(({ wire }) => wire).sort();
    const next = CUTS.map(() => aMessage('next'));
    expect(heard).toEqual([...next, ...CUTS.map(() => ANSWER)].sort());
    expect(edge.failures).toEqual([]);
  });
});
