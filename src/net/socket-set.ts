import type { Socket } from 'node:net';

/** Every stream socket that holds a file descriptor, in whatever state, so that a stop leaves none behind. */
export class SocketSet {
  readonly #sockets = new Set<Socket>();
  #emptied: (() => void) | undefined;

  get size(): number {
    return this.#sockets.size;
  }

  add(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#emptied?.();
    });
  }

  /** Ends when the last descriptor is given back. */
  destroyAll(): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#emptied = resolve;
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}
