/**
 * TLS for SIP (RFC 3261 section 26, RFC 5922). A server proves its identity by our own check (identity.ts),
 * before anything is written to it. `warn` and `off` let a connection go on that `strict` refuses: `warn`
 * says so each time, `off` was asked for in as many words. Fingerprints take the place of authorities and
 * names: a server that shows one of these certificates, and has its key, is the right one. Sessions are
 * not resumed, so that no check is ever skipped.
 */
import type { X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import { type Fault, fault } from '../core/base/fault.ts';
import type { LocalSocketSpec, TlsPolicy } from '../core/sip/transport/ports.ts';
import { identityMismatch } from './identity.ts';
import type { Notify } from './notice.ts';
import { isRevokedBy } from './ocsp.ts';
import { certificateFault, IDENTITY_MISMATCH } from './socket-fault.ts';

/** The secure contexts of one local socket: its authorities and its own certificate. */
export class TlsContexts {
  readonly #spec: LocalSocketSpec;
  readonly #notify: Notify;
  readonly #client = new Map<TlsPolicy['minVersion'], tls.SecureContext>();
  #ca: string | string[] | undefined;

  constructor(spec: LocalSocketSpec, notify: Notify) {
    this.#spec = spec;
    this.#notify = notify;
  }

  /** Throws what OpenSSL says about a certificate, key or authority that it cannot read. */
  client(minVersion: TlsPolicy['minVersion']): tls.SecureContext {
    let context = this.#client.get(minVersion);
    if (context === undefined) {
      this.#ca ??= this.#spec.tls?.ca ?? this.#systemAuthorities();
      const { certificate: cert, key, crl } = this.#spec.tls ?? {};
      const own = cert === undefined || key === undefined ? {} : { cert, key };
      const revoked = crl === undefined ? {} : { crl };
      context = tls.createSecureContext({ ca: this.#ca, minVersion, ...revoked, ...own });
      this.#client.set(minVersion, context);
    }
    return context;
  }

  /** For connections that others open to us; as `client`. */
  server(): tls.SecureContext {
    const { certificate: cert, key } = this.#spec.tls ?? {};
    if (cert === undefined || key === undefined)
      throw new Error('a TLS socket that listens needs a certificate and a key');
    return tls.createSecureContext({ cert, key, minVersion: 'TLSv1.2' });
  }

  #systemAuthorities(): string[] {
    const system = tls.getCACertificates('system');
    if (system.length > 0) return system;
    const text =
      'The system has no list of certificate authorities (package ca-certificates); ' +
      'the list that comes with Node.js is used.';
    const localSocket = this.#spec.name;
    this.#notify({ kind: 'tls.noSystemAuthorities', localSocket, text });
    return tls.getCACertificates('bundled');
  }
}

/**
 * Starts the client's handshake on an established connection. The socket emits `secureConnect` once the
 * server is checked by the policy, or `error`; nothing may be written before.
 */
export function startClientTls(
  socket: Socket,
  secureContext: tls.SecureContext,
  policy: TlsPolicy,
): tls.TLSSocket {
  const isName = isIP(policy.identity) === 0;
  return tls.connect({
    socket,
    secureContext,
    // RFC 6066 section 3: no address in SNI.
    ...(isName ? { servername: policy.identity } : {}),
    requestOCSP: policy.verify !== 'off',
    // With fingerprints and with `warn` the whole check is made by serverFault, before anything is written.
    rejectUnauthorized: policy.verify === 'strict' && !isPinned(policy),
    checkServerIdentity: (_host, certificate) => identityError(certificate, policy),
  });
}

/**
 * What is wrong with the server of a connection whose handshake ended, by the whole check: for what
 * OpenSSL does not look at, and for what it was told not to refuse. Undefined when nothing is.
 */
export function serverFault(
  socket: tls.TLSSocket,
  certificate: X509Certificate | undefined,
  policy: TlsPolicy,
  staple: Buffer | undefined,
): Fault | undefined {
  if (policy.verify === 'off') return undefined;
  if (certificate === undefined) return fault('tls.untrusted', 'peer', 'It showed no certificate.');
  const revoked = staple !== undefined && isRevokedBy(staple, certificate.serialNumber);
  if (revoked) {
    const text = "The server's certificate is revoked, says the OCSP response that came with it.";
    return fault('tls.revoked', 'peer', text);
  }
  return isPinned(policy) ? pinFault(certificate, policy) : chainFault(socket, certificate, policy);
}

function chainFault(
  socket: tls.TLSSocket,
  certificate: X509Certificate,
  policy: TlsPolicy,
): Fault | undefined {
  const code = String(socket.authorizationError ?? '');
  const chain = code === '' ? undefined : certificateFault(code, code);
  if (chain !== undefined && chain.code !== 'tls.identity') return chain;
  const mismatch = identityError(certificate.toLegacyObject(), policy);
  if (mismatch !== undefined) return fault('tls.identity', 'peer', mismatch.message);
  return code === ''
    ? undefined
    : fault('tls.untrusted', 'peer', `The certificate fails: ${code}.`);
}

function isPinned({ fingerprints }: TlsPolicy): boolean {
  return fingerprints !== undefined && fingerprints.length > 0;
}

function pinFault(
  { fingerprint256 }: X509Certificate,
  { fingerprints }: TlsPolicy,
): Fault | undefined {
  const shown = fingerprint256.replaceAll(':', '').toLowerCase();
  if (fingerprints?.includes(shown) === true) return undefined;
  const text = `The server's certificate has the SHA-256 fingerprint ${shown}, which is none of tls.fingerprints.`;
  return fault('tls.untrusted', 'peer', text);
}

function identityError(certificate: tls.PeerCertificate, policy: TlsPolicy): Error | undefined {
  const commonName: string | readonly string[] | undefined = certificate.subject?.CN;
  const mismatch = identityMismatch(
    {
      subjectAltName: certificate.subjectaltname,
      commonNames: commonName === undefined ? [] : [commonName].flat(),
    },
    {
      identities: [policy.identity, ...(policy.otherIdentities ?? [])],
      allowWildcard: policy.allowWildcard,
    },
  );
  if (mismatch === undefined) return undefined;
  return Object.assign(new Error(mismatch), { code: IDENTITY_MISMATCH });
}
