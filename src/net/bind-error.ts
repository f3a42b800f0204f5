import type { LocalSocketSpec } from '../core/sip/transport/ports.ts';
import { hostPort } from './sent-by.ts';
import { errorCode } from './socket-fault.ts';

const REASONS: { readonly [code: string]: string } = {
  EADDRINUSE: 'another process, or another of our sockets, has that address and port',
  EADDRNOTAVAIL: 'no interface of this machine has that address',
  EACCES: 'no permission for that port (below 1024 it takes CAP_NET_BIND_SERVICE)',
};

/** A local socket of the configuration could not be opened: the daemon does not start. */
export class BindError extends Error {
  /** As the kernel names it: EADDRINUSE, EADDRNOTAVAIL ... */
  readonly code: string;
  readonly localSocket: string;

  constructor(spec: LocalSocketSpec, cause: Error) {
    const code = errorCode(cause);
    const reason = REASONS[code] ?? cause.message;
    super(`Local socket ${spec.name} (${spec.protocol}:${hostPort(spec)}): ${reason}.`, { cause });
    this.name = 'BindError';
    this.code = code;
    this.localSocket = spec.name;
  }
}
