/** One SIP request over UDP, by hand. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** A MESSAGE to a user at that port of the loopback, from that address of it; resolves to the answer. */
export async function askByMessage(
  port: number,
  user: string,
  source = '127.0.0.1',
): Promise<string> {
  const socket = createSocket('udp4').bind(0, source);
  await once(socket, 'listening');
  const token = Math.random().toString(36).slice(2);
  const from = `${source}:${socket.address().port}`;
  const request = [
    `MESSAGE sip:${user}@127.0.0.1:${port} SIP/2.0`,
    `Via: SIP/2.0/UDP ${from};rport;branch=z9hG4bK${token}`,
    'Max-Forwards: 70',
    `From: <sip:caller@${from}>;tag=${token}`,
    `To: <sip:${user}@127.0.0.1>`,
    `Call-ID: ${token}`,
    'CSeq: 1 MESSAGE',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');
  try {
    socket.send(request, port, '127.0.0.1');
    const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(10_000) });
    return String(answer);
  } finally {
    socket.close();
  }
}
