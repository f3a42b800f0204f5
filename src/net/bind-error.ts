import type { LocalSocketSpec } from '../core/sip/transport/ports.ts';
import { hostPort } from './sent-by.ts';
import { errorCode } from './socket-fault.ts';

const REASONS: { readonly [code: string]: string } = {
  EADDRINUSE: 'another process, or another of our sockets, has that address and port',
  EADDRNOTAVAIL: 'no interface of this machine has that address',
  EACCES: 'no permission for that port (below 1024 it takes CAP_NET_BIND_SERVICE)',
  ERR_OSSL_X509_KEY_VALUES_MISMATCH:
    'the key does not belong to the certificate (key values mismatch)',
};

/** What the kernel or OpenSSL says, in words where we have them. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const words = REASONS[errorCode(error)];
  if (words !== undefined) return words;
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
}

/** A local socket of the configuration could not be opened: the daemon does not start. */
export class BindError extends Error {
  /** As the kernel names it: EADDRINUSE, EADDRNOTAVAIL ... */
  readonly code: string;
  readonly localSocket: string;

  constructor(spec: LocalSocketSpec, cause: Error) {
    const code = errorCode(cause);
    super(`Local socket ${spec.name} (${spec.protocol}:${hostPort(spec)}): ${reasonOf(cause)}.`, {
      cause,
    });
    this.name = 'BindError';
    this.code = code;
    this.localSocket = spec.name;
  }
}
