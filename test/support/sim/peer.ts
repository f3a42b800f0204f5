import type { SimServer } from './network.ts';

/** A SIP server that answers OPTIONS as it is told: with a status line, or not at all. */
export class SimPeer implements SimServer {
  /** E.g. `200 OK`; undefined: silent. */
  status: string | undefined = '200 OK';
  received = 0;

  receive(wire: string, _from: string, answer: (wire: string) => void): void {
    this.received += 1;
    if (this.status === undefined) return;
    const lines = wire.split('\r\n');
    const copied = lines.filter((line) => /^(Via|From|Call-ID|CSeq):/i.test(line));
    const to = lines.find((line) => /^To:/i.test(line)) ?? '';
    answer(
      [`SIP/2.0 ${this.status}`, ...copied, `${to};tag=peer`, 'Content-Length: 0', '', ''].join(
        '\r\n',
      ),
    );
  }
}
