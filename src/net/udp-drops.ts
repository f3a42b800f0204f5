/**
 * Datagrams that the kernel threw away because a socket's receive buffer was full: the last column of
 * /proc/net/udp and /proc/net/udp6 (proc(5)). Read when somebody asks for metrics; not on other systems.
 */
import { readFileSync } from 'node:fs';
import { parseIpv6 } from '../core/sip/locate/ip-literal.ts';
import type { SocketAddress } from '../core/sip/transport/ports.ts';

/** Drops of each bound socket that was asked for, in that order; undefined where nothing is known. */
export function udpDrops(
  sockets: readonly (SocketAddress & { readonly family: 4 | 6 })[],
  read: (path: string) => string = readTable,
): readonly (number | undefined)[] {
  const drops = new Map<string, number>();
  for (const family of new Set(sockets.map((one) => one.family))) {
    for (const line of read(family === 6 ? '/proc/net/udp6' : '/proc/net/udp')
      .split('\n')
      .slice(1)) {
      const columns = line.trim().split(/\s+/);
      const [, local = ''] = columns;
      const count = Number(columns.at(-1));
      if (Number.isInteger(count)) drops.set(`${family} ${local}`, count);
    }
  }
  return sockets.map(({ address, port, family }) =>
    drops.get(`${family} ${inTable(address, port, family)}`),
  );
}

/** `0100007F:15B3`: the words of the address as this machine stores them, and the port. */
function inTable(address: string, port: number, family: 4 | 6): string {
  const octets = family === 4 ? address.split('.').map(Number) : octetsOfIpv6(address);
  const hex = (octet: number): string => octet.toString(16).padStart(2, '0').toUpperCase();
  let text = '';
  for (let word = 0; word < octets.length; word += 4) {
    const four = octets.slice(word, word + 4).map(hex);
    text += (LITTLE_ENDIAN ? four.reverse() : four).join('');
  }
  return `${text}:${port.toString(16).padStart(4, '0').toUpperCase()}`;
}

function octetsOfIpv6(text: string): readonly number[] {
  const [bare = ''] = text.split('%', 1);
  return (parseIpv6(bare) ?? []).flatMap((group) => [group >> 8, group & 0xff]);
}

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function readTable(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    // No such table here: a sandbox, or another system.
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
}
