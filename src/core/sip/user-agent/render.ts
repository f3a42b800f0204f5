import type { TransportProtocol } from '../locate/target.ts';
import type { Flow } from '../transport/ports.ts';
import type { RequestTemplate } from './ports.ts';
import type { Routed } from './route.ts';

const VIA_TRANSPORT: Readonly<Record<TransportProtocol, string>> = {
  udp: 'UDP',
  tcp: 'TCP',
  tls: 'TLS',
};

/**
 * A whole request without body from its template: start line, Via (RFC 3261 section 18.1.1, rport
 * of RFC 3581), Route, the prepared lines, CSeq, credentials, and the lines that depend on the flow.
 */
export function renderRequest(
  template: RequestTemplate,
  flow: Flow,
  parts: {
    readonly routed: Routed;
    readonly branch: string;
    readonly cseq: number;
    readonly authorization: string;
    readonly tail: string;
  },
): string {
  return (
    `${template.method} ${parts.routed.requestUri} SIP/2.0\r\n` +
    `Via: SIP/2.0/${VIA_TRANSPORT[flow.protocol]} ${flow.sentBy};rport;branch=${parts.branch}\r\n` +
    `${parts.routed.lines}${template.head}CSeq: ${parts.cseq} ${template.method}\r\n` +
    `${parts.authorization}${parts.tail}Content-Length: 0\r\n\r\n`
  );
}
