import type { ServerOpts } from 'node:net';
import { afterEach } from 'vitest';
import type { Flow, LocalSocketSpec } from '../../src/core/sip/transport/ports.ts';
import type { NetLimits } from '../../src/net/limits.ts';
import { aLocalSocket, aTarget, Edge } from './edge.ts';
import { type RawConnection, RawServer, rawConnect } from './raw-peer.ts';

export interface TcpRig {
  anEdge(limits?: Partial<NetLimits>, specs?: readonly LocalSocketSpec[]): Promise<Edge>;
  aServer(host?: string, options?: ServerOpts): Promise<RawServer>;
  aClient(port: number, localAddress?: string): Promise<RawConnection>;
  /** An edge with one connection to a server, from both sides. */
  connected(limits?: Partial<NetLimits>): Promise<{
    readonly edge: Edge;
    readonly server: RawServer;
    readonly flow: Flow;
    readonly peer: RawConnection;
  }>;
  /** Runs after the test, the latest first. */
  cleanUp(step: () => unknown): void;
}

/** For one `describe`: what its tests open is closed after each of them. */
export function useTcpRig(): TcpRig {
  const steps: (() => unknown)[] = [];

  afterEach(async () => {
    for (const step of steps.splice(0).reverse()) await step();
  });

  const rig: TcpRig = {
    cleanUp: (step) => steps.push(step),
    anEdge: async (limits = {}, specs = [aLocalSocket('tcp')]) => {
      const edge = await Edge.start(specs, limits);
      steps.push(() => edge.stop());
      return edge;
    },
    aServer: async (host, options) => {
      const server = await RawServer.tcp(host, options);
      steps.push(() => server.close());
      return server;
    },
    aClient: async (port, localAddress) => {
      const client = await rawConnect(port, '127.0.0.1', localAddress);
      steps.push(() => client.socket.destroy());
      return client;
    },
    connected: async (limits) => {
      const edge = await rig.anEdge(limits);
      const server = await rig.aServer();
      const flow = await edge.flowTo(aTarget('tcp', server.port));
      return { edge, server, flow, peer: await server.connection() };
    },
  };
  return rig;
}
