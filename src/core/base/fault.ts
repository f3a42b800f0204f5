/** What went wrong in the world, as plain data: never thrown, always carried to where someone decides. */
export interface Fault {
  /** Stable and documented in docs/errors.md: users match on this, never on the text. */
  readonly code: FaultCode;
  /** Whose fault it is. A `local` fault is no evidence against any peer. */
  readonly blame: Blame;
  /** One sentence in plain English for the operator; no secrets. */
  readonly text: string;
}

export type Blame = 'peer' | 'network' | 'local' | 'config';

/** Every code with the sentence that docs/errors.md prints for it. */
export const FAULT_CODES = {
  'timeout.response': 'The request was sent, and no final answer came in time.',
  'timeout.connect': 'The connection was not established in time.',
  'timeout.tlsHandshake': 'The TLS handshake did not end in time.',
  'transport.refused': 'The other side refused the connection or reported the port closed.',
  'transport.unreachable': 'The network reported that it has no way to the other side.',
  'transport.closed': 'The connection was closed or reset before the answer came.',
  'transport.local':
    'Our own machine could not send (no address, no route, no buffer, no permission).',
  'transport.noSocket': 'No local socket of that protocol and address family is open.',
  'transport.overflow': 'Too much was waiting to be written to the connection, so it was closed.',
  'tls.identity': "The server's certificate does not name the host that was asked for (RFC 5922).",
  'tls.untrusted': "The server's certificate is not signed by a trusted authority.",
  'tls.expired': "The server's certificate has expired or is not valid yet.",
  'tls.revoked': "The server's certificate was revoked by its authority.",
  'tls.ownCertificate': 'The server wants a certificate of ours, or does not take the one it got.',
  'tls.handshake': 'The TLS handshake failed.',
  'process.stoodStill':
    'trunkd itself did not run for a while: suspended, stopped, or starved of CPU.',
  'dns.notFound': 'The name does not exist, or has no address of a family that we can use.',
  'dns.failed': 'The name server could not be asked or answered with an error.',
  'dns.timeout': 'The name server did not answer in time.',
  'proxy.silent':
    'Our own SIP proxy does not answer, so that nothing can be said of what lies behind it.',
  'proxy.hopFailed':
    'Our own SIP proxy answered by itself, since it got no answer from the target behind it.',
  'ownFault.networkSuspect':
    'So much failed at once, and no registrar answered, that our own network is suspected.',
  'ownFault.loopLag': 'Our own process stood still, so that answers may have been overlooked.',
  'ownFault.suspended': 'This machine was suspended.',
  'ownFault.noCarrier':
    'No network interface of this machine has a carrier and an address any more.',
  'ownFault.ordered': 'An operator froze the verdicts.',
  'probe.ignored': 'The answer to the probe is one that its policy leaves out of account.',
  cancelled: 'We gave the attempt up ourselves.',
} as const;

export type FaultCode = keyof typeof FAULT_CODES;

export function fault(code: FaultCode, blame: Blame, text: string = FAULT_CODES[code]): Fault {
  return { code, blame, text };
}

/** Either a value or the reason why there is none. */
export type Result<T, E = Fault> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: E };

export function success<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function failure<E>(reason: E): { readonly ok: false; readonly fault: E } {
  return { ok: false, fault: reason };
}
