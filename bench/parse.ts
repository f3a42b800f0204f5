/** How long one message takes to read: the answer to a REGISTER, as it comes by the ten thousand. */
import { parseMessage } from '../src/core/sip/message/parse.ts';
import type { Figure } from './rows.ts';

const ANSWER = [
  'SIP/2.0 200 OK',
  'Via: SIP/2.0/UDP 127.0.0.1:5080;received=127.0.0.1;rport=5080;branch=z9hG4bK74bf9d3c2a1b',
  'From: <sip:u000001@bench.example>;tag=9fxced76sl',
  'To: <sip:u000001@bench.example>;tag=r2493k59kd',
  'Call-ID: 3848276298220188511@bench.example',
  'CSeq: 1826 REGISTER',
  'Contact: <sip:u000001@127.0.0.1:5080>;expires=600',
  'Server: sipresp',
  'Content-Length: 0',
].join('\r\n');

const ROUNDS = 200_000;

export async function measureParsing(): Promise<readonly Figure[]> {
  const wire = `${ANSWER}\r\n\r\n`;
  const once = (): number => {
    const from = process.cpuUsage();
    let read = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const parsed = parseMessage(wire, 'datagram');
      if (parsed.ok) read += parsed.message.status ?? 0;
    }
    if (read !== 200 * ROUNDS) throw new Error('the message was not understood');
    const { user, system } = process.cpuUsage(from);
    return (user + system) / ROUNDS;
  };
  // The first runs are the compiler's.
  const runs = Array.from({ length: 7 }, once)
    .slice(2)
    .sort((a, b) => a - b);
  return [
    { name: 'one 200 to a REGISTER', value: Math.round((runs[2] ?? 0) * 100) / 100, unit: 'us' },
  ];
}
