import dgram from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { LocalSocketSpec } from '../../../src/core/sip/transport/ports.ts';
import type { NetLimits } from '../../../src/net/limits.ts';
import { aLocalSocket, aMessage, aTarget, Edge, openSockets, soon } from '../../support/edge.ts';
import { addAddress, removeAddress, routeFrom } from '../../support/own-address.ts';
import { freePort } from '../../support/processes.ts';
import { RawServer, rawConnect } from '../../support/raw-peer.ts';

/** Of no interface, until a test gives it to one. */
const LATE = '192.0.2.77';
/** Somebody far away; nothing is ever sent there. */
const PEER = '198.51.100.9';
const QUICK: Partial<NetLimits> = { addressPollMs: 50, drainMs: 400 };

describe('local sockets', () => {
  const cleanUps: (() => unknown)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  const anEdge = async (specs: readonly LocalSocketSpec[], limits: Partial<NetLimits> = QUICK) => {
    const edge = await Edge.start(specs, limits);
    cleanUps.push(() => edge.stop());
    return edge;
  };

  const comes = async (address: string) => {
    await addAddress(address);
    cleanUps.push(() => removeAddress(address).catch(() => undefined));
  };

  const aServer = async () => {
    const server = await RawServer.tcp();
    cleanUps.push(() => server.close());
    return server;
  };

  const aPeer = async () => {
    const socket = dgram.createSocket('udp4');
    const got: { readonly wire: string; readonly port: number }[] = [];
    socket.on('message', (octets, { port }) => got.push({ wire: octets.toString(), port }));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    cleanUps.push(() => socket.close());
    return { got, port: socket.address().port };
  };

  const told = (edge: Edge, kind: string) => edge.notices.filter((one) => one.kind === kind);

  describe('whose address is not there yet', () => {
    it.each(['udp', 'tcp'] as const)(
      '%s waits, says so, and opens when it comes',
      async (protocol) => {
        const port = await freePort();
        const late = aLocalSocket(protocol, { name: 'late', address: LATE, port });
        const edge = await anEdge([late]);
        expect(edge.transport.localSockets()).toMatchObject([{ isOpen: false }]);
        expect(told(edge, 'socket.waiting')).toMatchObject([
          { localSocket: 'late', text: expect.stringMatching(/no interface .* It waits/) },
        ]);
        const reason = await edge.faultOf(aTarget(protocol, 9, LATE));
        expect(reason).toMatchObject({ code: 'transport.local', blame: 'local' });
        expect(reason.text).toContain(`waits for its address ${LATE}`);

        await comes(LATE);
        await soon(() => told(edge, 'socket.opened').length === 1, 'the socket to open');
        await soon(() => edge.moves.length > 0, 'word to the core');
        expect(edge.moves[0]).toEqual({
          ...{ localSocket: 'late', protocol, family: 4, isDefault: true, remotes: undefined },
        });
        if (protocol === 'udp') {
          expect((await edge.flowTo(aTarget('udp', 9, LATE))).sentBy).toBe(`${LATE}:${port}`);
        } else {
          (await rawConnect(port, LATE, LATE)).write(aMessage('x'));
          await edge.hears(1);
        }
      },
    );

    it('is no reason to go on where the port is taken', async () => {
      const taken = aLocalSocket('udp');
      const first = await anEdge([taken]);
      const port = first.transport.boundAddress('udp4')?.port ?? 0;
      const late = aLocalSocket('udp', { name: 'late', address: LATE });
      await expect(Edge.start([late, { ...taken, port }])).rejects.toMatchObject({
        code: 'EADDRINUSE',
      });
    });
  });

  describe('of a machine whose addresses change', () => {
    it('lose the connections that left from an address that is gone', async () => {
      await comes(LATE);
      const tcp = aLocalSocket('tcp', { address: LATE });
      const edge = await anEdge([tcp, aLocalSocket('tcp', { name: 'other' })]);
      const server = await aServer();
      const target = aTarget('tcp', server.port);
      const lost = await edge.flowTo(target);
      const other = await edge.flowTo(target, { localSocket: 'other' });
      await removeAddress(LATE);
      expect(await edge.failsOn(lost)).toMatchObject({ code: 'transport.local', blame: 'local' });
      expect(other.isOpen).toBe(true);
      expect(told(edge, 'addresses.changed')[0]?.text).toContain(`Gone: ${LATE}`);
      expect(await edge.faultOf(target)).toMatchObject({ blame: 'local' });
      await comes(LATE);
      await soon(() => edge.moves.some(({ localSocket }) => localSocket === 'tcp4'), 'the move');
      expect((await edge.flowTo(target)).local.address).toBe(LATE);
    });

    it('tell which peers see us at another address, and send from there', async () => {
      const former = '192.0.2.78';
      await comes(former);
      await routeFrom(former);
      const edge = await anEdge([aLocalSocket('udp', { address: '0.0.0.0' })]);
      const target = aTarget('udp', 5060, PEER);
      const near = aTarget('udp', 5060, '127.0.0.1');
      expect((await edge.flowTo(target)).local.address).toBe(former);
      const kept = await edge.flowTo(near);
      // Another address alone concerns nobody.
      await comes(LATE);
      await soon(() => told(edge, 'addresses.changed').length === 1, 'the notice');
      expect(edge.moves).toEqual([]);
      await routeFrom(LATE);
      await removeAddress(former);
      await soon(() => edge.moves.length > 0, 'the move');
      expect(edge.moves).toMatchObject([{ localSocket: 'udp4', remotes: new Set([PEER]) }]);
      expect((await edge.flowTo(target)).local.address).toBe(LATE);
      expect((await edge.flowTo(near)).local).toEqual(kept.local);
    });

    it('tell at once when there is a way again to where there was none', async () => {
      const edge = await anEdge([aLocalSocket('udp', { address: '0.0.0.0' })]);
      const target = aTarget('udp', 5060, LATE);
      expect(await edge.faultOf(target)).toMatchObject({ code: 'transport.local', blame: 'local' });
      await comes(LATE);
      await soon(() => edge.moves.length > 0, 'the move');
      expect(edge.moves[0]?.remotes).toEqual(new Set([LATE]));
      expect((await edge.open(target)).ok).toBe(true);
    });
  });

  describe('after a reload', () => {
    it('are open where they are new, and serve', async () => {
      const udp = aLocalSocket('udp');
      const edge = await anEdge([udp]);
      const port = await freePort();
      const listener = aLocalSocket('tcp', { name: 'in', port });
      expect(await edge.transport.change([udp, listener])).toEqual([]);
      (await rawConnect(port)).write(aMessage('x'));
      await edge.hears(1);
      expect(edge.moves.map(({ localSocket }) => localSocket)).toEqual(['in']);
    });

    it('of another port drain the old one, and send from the new one', async () => {
      const edge = await anEdge([aLocalSocket('udp')]);
      const peer = await aPeer();
      const sockets = openSockets();
      const target = aTarget('udp', peer.port);
      const old = await edge.flowTo(target);
      const port = await freePort();
      expect(await edge.transport.change([aLocalSocket('udp', { port })])).toEqual([]);
      const fresh = await edge.flowTo(target);
      expect(fresh.local.port).toBe(port);
      expect(edge.moves).toMatchObject([{ localSocket: 'udp4', remotes: undefined }]);
      edge.send(old, 'late answer');
      await soon(() => peer.got.length === 1, 'what was under way');
      expect(peer.got[0]?.port).toBe(old.local.port);
      await soon(() => openSockets() === sockets, 'the old socket to close');
    });

    it('take the port over from one that leaves', async () => {
      const port = await freePort();
      const edge = await anEdge([aLocalSocket('udp', { port })]);
      const wide = aLocalSocket('udp', { name: 'wide', address: '0.0.0.0', port });
      expect(await edge.transport.change([wide])).toEqual([]);
      expect(edge.transport.localSockets()).toMatchObject([{ isOpen: true, spec: wide }]);
      expect(edge.transport.boundAddress('wide')).toEqual({ address: '0.0.0.0', port });
    });

    it('change nothing where a port is taken by somebody else', async () => {
      const other = await anEdge([aLocalSocket('udp')]);
      const port = other.transport.boundAddress('udp4')?.port ?? 0;
      const edge = await anEdge([aLocalSocket('udp')]);
      const before = edge.transport.boundAddress('udp4');
      const added = aLocalSocket('udp', { name: 'more' });
      const reasons = await edge.transport.change([added, aLocalSocket('udp', { port })]);
      expect(reasons).toEqual([expect.stringContaining('another process')]);
      expect(edge.transport.boundAddress('udp4')).toEqual(before);
      expect(edge.transport.localSockets()).toHaveLength(1);
      expect(edge.moves).toEqual([]);
    });

    it('that are gone end their connections when what was under way had its time', async () => {
      const tcp = aLocalSocket('tcp');
      const other = aLocalSocket('tcp', { name: 'other' });
      const edge = await anEdge([tcp, other]);
      const server = await aServer();
      const target = aTarget('tcp', server.port);
      const flow = await edge.flowTo(target);
      await edge.transport.change([other]);
      expect(flow.isOpen).toBe(true);
      // Who names no socket has another one now.
      expect(edge.moves).toMatchObject([{ localSocket: 'other', isDefault: true }]);
      expect((await edge.flowTo(target)).localSocket).toBe('other');
      edge.send(flow, aMessage('last'));
      await (await server.connection()).receives(aMessage('last'));
      expect(await edge.failsOn(flow)).toMatchObject({ code: 'transport.local', blame: 'local' });
    });

    it('advertise something else without a new socket', async () => {
      const udp = aLocalSocket('udp');
      const edge = await anEdge([udp]);
      const target = aTarget('udp', 9);
      const { local } = await edge.flowTo(target);
      const advertise = 'sip.example:5070';
      expect(await edge.transport.change([{ ...udp, advertise }])).toEqual([]);
      expect(await edge.flowTo(target)).toMatchObject({ local, sentBy: advertise });
      expect(edge.moves).toHaveLength(1);
    });
  });
});
