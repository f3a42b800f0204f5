import { describe, expect, it } from 'vitest';
import { udpDrops } from '../../../src/net/udp-drops.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n';
const line = (local: string, drops: number): string =>
  ` 2710: ${local} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 21 2 0000000000000000 ${drops}\n`;

const TABLES: { readonly [path: string]: string } = {
  '/proc/net/udp': HEAD + line('0100007F:13CE', 7) + line('00000000:13CF', 0),
  '/proc/net/udp6':
    HEAD +
    line('00000000000000000000000001000000:13CE', 9) +
    line('B80D0120000000000000000001000000:13CE', 3),
};

const read = (path: string): string => TABLES[path] ?? '';

describe('datagrams that the kernel dropped', () => {
  it.each([
    ['127.0.0.1', 5070, 4, 7],
    ['0.0.0.0', 5071, 4, 0],
    ['127.0.0.1', 5071, 4, undefined],
    ['::1', 5070, 6, 9],
    ['2001:db8::1', 5070, 6, 3],
    ['::1', 5071, 6, undefined],
  ] as const)('%s port %d: %s', (address, port, family, drops) => {
    expect(udpDrops([{ address, port, family }], read)).toEqual([drops]);
  });

  it('are not known where there is no such table, or one of another sort', () => {
    const socket = { address: '127.0.0.1', port: 5070, family: 4 } as const;
    expect(udpDrops([socket], () => '')).toEqual([undefined]);
    expect(udpDrops([socket], () => 'what\never\n\n')).toEqual([undefined]);
  });
});
