/**
 * The kernel's and OpenSSL's words for what went wrong, as a Fault that says whose fault it is. What our
 * own machine is to blame for (no route, no address, no memory) must never count against a peer.
 */
import { type Blame, type Fault, type FaultCode, fault } from '../core/base/fault.ts';

/** At what a connection was when it failed. */
export type Phase = 'connect' | 'handshake' | 'open';

const PEER_CODES: { readonly [code: string]: readonly [FaultCode, Blame] } = {
  ECONNREFUSED: ['transport.refused', 'peer'],
  ECONNRESET: ['transport.closed', 'peer'],
  ECONNABORTED: ['transport.closed', 'peer'],
  EPIPE: ['transport.closed', 'peer'],
  ETIMEDOUT: ['transport.closed', 'network'],
  EHOSTUNREACH: ['transport.unreachable', 'network'],
  EHOSTDOWN: ['transport.unreachable', 'network'],
};

const UNTRUSTED = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_REJECTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CRL_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

const REVOKED = new Set(['CERT_REVOKED']);

/**
 * Alerts of a server about our certificate (RFC 8446 section 6.2), as the end of OpenSSL's words. TLS 1.2
 * has no word of its own for a missing one, and says `handshake failure`, which can mean anything.
 */
const OWN_CERTIFICATE_ALERT =
  /alert (certificate required|(bad|unsupported) certificate|certificate (revoked|expired|unknown)|unknown ca)$/;

const EXPIRED = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/** The code of the error with which our own check of a certificate's names fails. */
export const IDENTITY_MISMATCH = 'SIP_IDENTITY_MISMATCH';

/** A connection that could not be made, or that broke. */
export function streamFault(error: Error, phase: Phase): Fault {
  const code = errorCode(error);
  if (code === 'ETIMEDOUT' && phase === 'connect') return fault('timeout.connect', 'peer');
  const certificate = certificateFault(code, error.message);
  if (certificate !== undefined) return certificate;
  const known = PEER_CODES[code];
  const isTls = /^(ERR_SSL_|ERR_TLS_|EPROTO$)/.test(code);
  if (isTls && OWN_CERTIFICATE_ALERT.test(tlsReason(error))) {
    const text = `The server does not take our certificate, or misses one: ${tlsReason(error)}.`;
    return fault('tls.ownCertificate', 'config', text);
  }
  if (phase === 'handshake' && (isTls || known?.[0] === 'transport.closed'))
    return fault('tls.handshake', 'peer', `The TLS handshake failed: ${tlsReason(error)}.`);
  if (isTls)
    return fault('transport.closed', 'peer', `The TLS connection broke: ${tlsReason(error)}.`);
  return known === undefined ? localFault(code) : fault(known[0], known[1]);
}

/**
 * A datagram that could not be sent. Whatever the kernel says about it, it is no evidence against the
 * peer: an unconnected socket hears of no answer from the network, only of our own machine's limits.
 */
export function datagramFault(error: Error): Fault {
  return localFault(errorCode(error));
}

/** What is wrong with the certificate, in words; undefined when the code is not about certificates. */
export function certificateFault(code: string, message: string): Fault | undefined {
  if (code === IDENTITY_MISMATCH) return fault('tls.identity', 'peer', message);
  if (EXPIRED.has(code)) return fault('tls.expired', 'peer', `The server's ${message}.`);
  if (REVOKED.has(code)) return fault('tls.revoked', 'peer');
  if (UNTRUSTED.has(code)) {
    // Node adds what one may do to Node; here one configures `ca`.
    const words = message.replace(/; if the root CA is installed locally.*$/, '');
    return fault('tls.untrusted', 'peer', `The server's certificate is not trusted: ${words}.`);
  }
  return undefined;
}

export function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

function localFault(code: string): Fault {
  return fault('transport.local', 'local', `Our own machine could not send (${code}).`);
}

/** OpenSSL packs file names and numbers around its reason; the operator needs the reason only. */
function tlsReason(error: Error): string {
  if ('reason' in error && typeof error.reason === 'string') return error.reason;
  return errorCode(error);
}
