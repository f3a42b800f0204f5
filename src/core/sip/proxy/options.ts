/** The OPTIONS that asks a SIP proxy of ours whether it lives: RFC 3261 section 11.1. */
import type { Random } from '../../base/random.ts';
import { bracketed } from '../locate/ip-literal.ts';
import type { Target } from '../locate/target.ts';
import type { ExchangeRequest } from '../user-agent/ports.ts';
import type { ProxySpec } from './ports.ts';

const TOKEN_DIGITS = 32;
const TAG_DIGITS = 12;

/** Meant for the proxy itself, so that its own address is the Request-URI. */
export function proxyProbe(
  { userAgent }: ProxySpec,
  { protocol, address, port }: Target,
  random: Random,
): Pick<ExchangeRequest, 'template' | 'tail'> {
  const host = bracketed(address);
  const transport = protocol === 'udp' ? '' : `;transport=${protocol}`;
  const token = random.hex(TOKEN_DIGITS);
  const fromTag = token.slice(0, TAG_DIGITS);
  const callId = token.slice(TAG_DIGITS);
  return {
    template: {
      method: 'OPTIONS',
      requestUri: `sip:${host}:${port}${transport}`,
      callId,
      fromTag,
      head:
        `Max-Forwards: 70\r\nFrom: <sip:trunkd@${host}>;tag=${fromTag}\r\nTo: <sip:${host}>\r\n` +
        `Call-ID: ${callId}\r\n`,
    },
    tail: (flow) =>
      `Contact: <sip:${flow.contactHost}${transport}>\r\nAccept: application/sdp\r\nUser-Agent: ${userAgent}\r\n`,
  };
}
