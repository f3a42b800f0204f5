/** Wire text of a peer for people: decoded, without control characters. */
export function printable(wire: string): string {
  return Buffer.from(wire, 'latin1').toString('utf8').replace(CONTROLS, ' ');
}

const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;
