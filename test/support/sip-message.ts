/** One SIP request over UDP, by hand. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export interface Question {
  readonly method: 'INVITE' | 'MESSAGE';
  readonly user: string;
  /** The address of the loopback that it comes from. */
  readonly source?: string;
  /** Whole header fields, without CR LF. */
  readonly headers?: readonly string[];
}

/** A request to that port of the loopback; resolves to the final response, which nobody acknowledges. */
export async function askBySip(port: number, question: Question): Promise<string> {
  const { method, user, source = '127.0.0.1', headers = [] } = question;
  const socket = createSocket('udp4').bind(0, source);
  await once(socket, 'listening');
  const token = Math.random().toString(36).slice(2);
  const from = `${source}:${socket.address().port}`;
  const request = [
    `${method} sip:${user}@127.0.0.1:${port} SIP/2.0`,
    `Via: SIP/2.0/UDP ${from};rport;branch=z9hG4bK${token}`,
    'Max-Forwards: 70',
    `From: <sip:caller@${from}>;tag=${token}`,
    `To: <sip:${user}@127.0.0.1>`,
    `Call-ID: ${token}`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:caller@${from}>`,
    ...headers,
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');
  try {
    socket.send(request, port, '127.0.0.1');
    const signal = AbortSignal.timeout(20_000);
    for (;;) {
      const [answer] = await once(socket, 'message', { signal });
      if (!/^SIP\/2\.0 1/.test(String(answer))) return String(answer);
    }
  } finally {
    socket.close();
  }
}
