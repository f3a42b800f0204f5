import { describe, expect, it } from 'vitest';
import { datagramFault, streamFault } from '../../../src/net/socket-fault.ts';

const failed = (code: string, more = {}) => Object.assign(new Error('text'), { code, ...more });

describe('faults of connections', () => {
  it.each([
    ['ECONNREFUSED', 'connect', 'transport.refused', 'peer'],
    ['ETIMEDOUT', 'connect', 'timeout.connect', 'peer'],
    ['EHOSTUNREACH', 'connect', 'transport.unreachable', 'network'],
    ['ENETUNREACH', 'connect', 'transport.local', 'local'],
    ['EADDRNOTAVAIL', 'connect', 'transport.local', 'local'],
    ['EMFILE', 'connect', 'transport.local', 'local'],
    ['ECONNRESET', 'handshake', 'tls.handshake', 'peer'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'handshake', 'tls.handshake', 'peer'],
    ['CERT_HAS_EXPIRED', 'handshake', 'tls.expired', 'peer'],
    ['CERT_NOT_YET_VALID', 'handshake', 'tls.expired', 'peer'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'handshake', 'tls.untrusted', 'peer'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'handshake', 'tls.untrusted', 'peer'],
    ['CERT_REVOKED', 'handshake', 'tls.revoked', 'peer'],
    ['UNABLE_TO_GET_CRL', 'handshake', 'tls.untrusted', 'peer'],
    ['INVALID_PURPOSE', 'handshake', 'tls.untrusted', 'peer'],
    ['SIP_IDENTITY_MISMATCH', 'handshake', 'tls.identity', 'peer'],
    ['EMFILE', 'handshake', 'transport.local', 'local'],
    ['ECONNRESET', 'open', 'transport.closed', 'peer'],
    ['EPIPE', 'open', 'transport.closed', 'peer'],
    ['ETIMEDOUT', 'open', 'transport.closed', 'network'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'open', 'transport.closed', 'peer'],
  ] as const)('%s while %s is %s, blamed on %s', (code, phase, expected, blame) => {
    expect(streamFault(failed(code), phase)).toMatchObject({ code: expected, blame });
  });

  it('leaves out the advice that is meant for users of Node', () => {
    const message =
      'self-signed certificate; if the root CA is installed locally, try running Node.js with --use-system-ca';
    const error = Object.assign(new Error(message), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(streamFault(error, 'handshake').text).toBe(
      "The server's certificate is not trusted: self-signed certificate.",
    );
  });

  it("names OpenSSL's reason, without its file names", () => {
    const error = failed('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', {
      reason: 'tlsv1 alert protocol version',
    });
    expect(streamFault(error, 'handshake').text).toBe(
      'The TLS handshake failed: tlsv1 alert protocol version.',
    );
  });
});

describe('alerts about our own certificate', () => {
  it.each([
    ['handshake', 'ssl/tls alert bad certificate'],
    ['handshake', 'tlsv1 alert unknown ca'],
    ['open', 'tlsv13 alert certificate required'],
    ['open', 'ssl/tls alert certificate unknown'],
    ['open', 'sslv3 alert certificate revoked'],
    ['open', 'sslv3 alert certificate expired'],
  ] as const)('%s: %s is for us to put right', (phase, reason) => {
    const error = failed('ERR_SSL_WHATEVER', { reason });
    expect(streamFault(error, phase)).toMatchObject({
      code: 'tls.ownCertificate',
      blame: 'config',
      text: expect.stringContaining(reason),
    });
  });

  it.each(['sslv3 alert handshake failure', 'tlsv1 alert protocol version'])(
    '%s can mean anything',
    (reason) => {
      const error = failed('ERR_SSL_WHATEVER', { reason });
      expect(streamFault(error, 'handshake')).toMatchObject({ code: 'tls.handshake' });
    },
  );
});

describe('faults of datagrams', () => {
  it.each(['ENETUNREACH', 'EPERM', 'ENOBUFS', 'EHOSTUNREACH', 'EINVAL', 'EMSGSIZE'])(
    '%s is no evidence against the peer',
    (code) => {
      expect(datagramFault(failed(code))).toMatchObject({
        code: 'transport.local',
        blame: 'local',
      });
    },
  );
});
