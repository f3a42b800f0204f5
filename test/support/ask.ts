/** One SIP request from outside, for tests that only want to know how it is answered. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** One request over UDP from an address of ours, sent once; the final answer. */
export async function ask(
  source: string,
  port: number,
  address: string,
  method: string,
  user: string,
  lines: readonly string[],
): Promise<string> {
  const socket = createSocket('udp4').bind(0, source);
  await once(socket, 'listening');
  const token = Math.random().toString(36).slice(2);
  const from = `${source}:${socket.address().port}`;
  const request = [
    `${method} sip:${user}@registrar.test SIP/2.0`,
    `Via: SIP/2.0/UDP ${from};rport;branch=z9hG4bK${token}`,
    'Max-Forwards: 70',
    `From: <sip:caller@${from}>;tag=${token}`,
    `To: <sip:${user}@registrar.test>`,
    `Call-ID: ${token}`,
    `CSeq: 1 ${method}`,
    ...lines,
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');
  const late = AbortSignal.timeout(20_000);
  try {
    socket.send(request, port, address);
    for (;;) {
      const [answer] = await once(socket, 'message', { signal: late });
      const text = String(answer);
      if (!/^SIP\/2\.0 1/.test(text)) return text;
    }
  } finally {
    socket.close();
  }
}
