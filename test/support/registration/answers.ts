import { type Fault, type FaultCode, fault } from '../../../src/core/base/fault.ts';
import { type Instant, instant } from '../../../src/core/base/instant.ts';
import type { SipMessage } from '../../../src/core/sip/message/message.ts';
import { parseMessage } from '../../../src/core/sip/message/parse.ts';
import type { Flow } from '../../../src/core/sip/transport/ports.ts';
import type { ExchangeOutcome, Refusal } from '../../../src/core/sip/user-agent/ports.ts';

/** A response as a registrar would send it, parsed by the real parser. */
export function aResponse(
  status: number,
  lines: readonly string[] = [],
  reason = 'Reason',
  /** `host:port`, as received and rport of our Via. */
  seenAs?: string,
): SipMessage {
  const [, host, port] = /^(.*):(\d+)$/.exec(seenAs ?? '') ?? [];
  const seen = host === undefined ? '' : `;received=${host};rport=${port}`;
  const wire = [
    `SIP/2.0 ${status} ${reason}`,
    `Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKtest${seen}`,
    'From: <sip:alice@registrar.test>;tag=1',
    'To: <sip:alice@registrar.test>;tag=2',
    'Call-ID: call',
    'CSeq: 1 REGISTER',
    ...lines,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
  const result = parseMessage(wire, 'datagram');
  if (!result.ok) throw new Error(`the test builds a bad response: ${wire}`);
  return result.message;
}

export function aFlow(protocol: Flow['protocol'] = 'udp'): Flow {
  return {
    protocol,
    localSocket: protocol,
    local: { address: '192.0.2.9', port: 5060 },
    remote: { address: '192.0.2.1', port: 5060 },
    sentBy: '192.0.2.9:5060',
    contactHost: '192.0.2.9:5060',
    isOpen: true,
  };
}

export interface AnswerFacts {
  readonly lines?: readonly string[];
  readonly reason?: string;
  readonly refusal?: Refusal;
  readonly requests?: number;
  readonly sentAt?: Instant;
  readonly isAuthenticated?: boolean;
}

export function anAnswer(status: number, facts: AnswerFacts = {}): ExchangeOutcome {
  return {
    kind: 'response',
    response: aResponse(status, facts.lines, facts.reason),
    status,
    flow: aFlow(),
    sentAt: facts.sentAt ?? instant(0),
    rttMs: 10,
    requests: facts.requests ?? 1,
    refusal: facts.refusal,
    isAuthenticated: facts.isAuthenticated ?? true,
  };
}

export function aFailure(code: FaultCode, blame: Fault['blame'] = 'peer'): ExchangeOutcome {
  return { kind: 'failed', fault: fault(code, blame), wasSent: true, requests: 1 };
}
