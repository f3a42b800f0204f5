/**
 * A program of its own, since its descriptors are limited from outside: an Edge that listens on the port
 * given, and for each line of input tells in JSON how it does.
 */
import { createInterface } from 'node:readline';
import { aLocalSocket, aTarget, Edge } from './edge.ts';

const port = Number(process.argv[2]);
const specs = [aLocalSocket('tcp', { port }), aLocalSocket('udp', { address: '0.0.0.0' })];
const edge = await Edge.start(specs, { accepted: 1_000, acceptedPerLoopback: 1_000 });
console.log('"ready"');
for await (const _ of createInterface({ input: process.stdin })) {
  const tcp = await edge.open(aTarget('tcp', port));
  const udp = await edge.open(aTarget('udp', 9, '127.9.9.9'));
  console.log(
    JSON.stringify({
      accepted: edge.transport.stats().accepted,
      tcp: tcp.ok ? 'open' : tcp.fault,
      udp: udp.ok ? 'open' : udp.fault,
    }),
  );
  if (tcp.ok) edge.close(tcp.value, { code: 'cancelled', blame: 'local', text: '' });
}
await edge.stop();
