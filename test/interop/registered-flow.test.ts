/** Probes over the flow of a registration: one connection for both, with the Service-Route of the 200. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import { Trunkd } from '../support/trunkd.ts';

interface Seen {
  readonly method: string;
  readonly text: string;
  readonly socket: Socket;
}

const seen: Seen[] = [];
const sockets = new Set<Socket>();
const ROUTE = ['<sip:edge.acme.example;lr>', '<sip:core.acme.example;lr>'];

function answerTo(text: string): string {
  const lines = text.split('\r\n');
  const kept = lines.filter((line) => /^(Via|From|To|Call-ID|CSeq|Contact|Expires):/.test(line));
  const granted = text.startsWith('REGISTER') ? [`Service-Route: ${ROUTE.join(', ')}`] : [];
  return ['SIP/2.0 200 OK', ...kept, ...granted, 'Content-Length: 0', '', ''].join('\r\n');
}

/** A registrar and peer server over TCP that answers everything with 200. */
const server = createServer((socket) => {
  sockets.add(socket);
  let rest = '';
  socket.setEncoding('latin1');
  socket.on('error', () => sockets.delete(socket));
  socket.on('data', (data) => {
    rest += data;
    for (let end = rest.indexOf('\r\n\r\n'); end >= 0; end = rest.indexOf('\r\n\r\n')) {
      const text = rest.slice(0, end + 4);
      rest = rest.slice(end + 4);
      const [method = ''] = text.trimStart().split(' ', 1);
      if (method === '') continue;
      seen.push({ method, text, socket });
      socket.write(answerTo(text.trimStart()), 'latin1');
    }
  });
});

let trunkd: Trunkd;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  trunkd = await Trunkd.start({
    peeringContracts: [
      {
        name: 'acme',
        peerServers: [
          {
            name: 'behind',
            sipProxy: 'sip.acme.example',
            requires: { registrations: ['main'] },
            probe: { interval: '1s', through: 'main' },
          },
        ],
        registrations: [
          {
            id: 'main',
            username: 'alice',
            domain: 'acme.example',
            registrar: `sip:127.0.0.1:${port};transport=tcp`,
            contact: 'self',
            auth: { password: 'long-enough-secret' },
          },
        ],
      },
    ],
  });
});

afterAll(async () => {
  await trunkd?.stop();
  for (const socket of sockets) socket.destroy();
  server.close();
});

it('a server is probed where its registration is bound, over the same connection', async () => {
  await eventually(async () => (await trunkd.peerServer('acme/behind')).state === 'up');
  const register = seen.find(({ method }) => method === 'REGISTER');
  const options = seen.find(({ method }) => method === 'OPTIONS');
  expect(options?.socket).toBe(register?.socket);
  expect(options?.text).toMatch(/^\s*OPTIONS sip:sip\.acme\.example SIP\/2\.0\r\n/);
  expect(options?.text).toContain(`\r\nRoute: ${ROUTE.join(', ')}\r\n`);
  expect(await trunkd.peerServer('acme/behind')).toMatchObject({ enabled: true, rank: 0 });
});

it('and is disabled while that is switched off, since it requires it', async () => {
  const body = JSON.stringify({ command: 'off' });
  const headers = { 'content-type': 'application/json' };
  await fetch(`${trunkd.url}/v1/registrations/main/commands`, { method: 'POST', headers, body });
  await eventually(async () => !(await trunkd.peerServer('acme/behind')).enabled);
  expect((await trunkd.peerServer('acme/behind')).cause?.code).toBe('requires.unbound');
});
