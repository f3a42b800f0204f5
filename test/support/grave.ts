/**
 * Hears what comes to the port of a peer server that was killed, and answers no OPTIONS: for trunkd it stays dead.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export class Grave {
  readonly #socket = createSocket('udp4');
  readonly #methods: string[] = [];

  /** `inviteAnswer`: what INVITEs get, as `486 Busy Here`; undefined: nothing. */
  static async at(port: number, inviteAnswer?: string): Promise<Grave> {
    const grave = new Grave();
    grave.#socket.on('message', (bytes, { port: from, address }) => {
      const text = bytes.toString('latin1');
      const method = text.split(' ', 1)[0] ?? '';
      grave.#methods.push(method);
      if (method !== 'INVITE' || inviteAnswer === undefined) return;
      const echoed = text.match(/^(?:Via|From|To|Call-ID|CSeq): .*\r\n/gim) ?? [];
      grave.#socket.send(
        `SIP/2.0 ${inviteAnswer}\r\n${echoed.join('')}Content-Length: 0\r\n\r\n`,
        from,
        address,
      );
    });
    grave.#socket.bind(port, '127.0.0.1');
    await once(grave.#socket, 'listening');
    return grave;
  }

  count(method: string): number {
    return this.#methods.filter((one) => one === method).length;
  }

  close(): void {
    this.#socket.close();
  }
}
