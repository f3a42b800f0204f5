/**
 * Remote addresses to which our machine knew no way when something was to be sent, by local socket: once
 * there is a way again, whoever waits for it need not wait for the end of a pause. Bounded; what does not
 * fit is met again at its next try.
 */
import { errorCode } from './socket-fault.ts';

const MAX_REMOTES = 1024;

/** What the kernel says when it has no way, or no address to leave from. */
const NO_WAY = new Set(['ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'EINVAL', 'ENODEV']);

export function meansNoWay(error: Error): boolean {
  return NO_WAY.has(errorCode(error));
}

export class StrandedRemotes {
  readonly #remotes = new Map<string, Set<string>>();
  #size = 0;

  add(localSocket: string, address: string): void {
    if (this.#size >= MAX_REMOTES) return;
    const known = this.#remotes.get(localSocket);
    if (known === undefined) this.#remotes.set(localSocket, new Set([address]));
    else if (known.has(address)) return;
    else known.add(address);
    this.#size += 1;
  }

  /** Those of a socket for which `hasWay` holds; they are forgotten. */
  takeReachable(localSocket: string, hasWay: (address: string) => boolean): string[] {
    const remotes = this.#remotes.get(localSocket);
    if (remotes === undefined) return [];
    const found = [...remotes].filter(hasWay);
    for (const address of found) remotes.delete(address);
    this.#size -= found.length;
    if (remotes.size === 0) this.#remotes.delete(localSocket);
    return found;
  }

  /** The socket is gone. */
  forget(localSocket: string): void {
    this.#size -= this.#remotes.get(localSocket)?.size ?? 0;
    this.#remotes.delete(localSocket);
  }
}
