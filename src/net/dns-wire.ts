/**
 * One DNS query on the wire: over UDP from a port of its own, or over TCP with two octets of length in
 * front (RFC 1035 section 4.2, RFC 7766). Decides nothing; nothing throws, nothing keeps the process
 * alive. Only addresses get here, never names.
 */
import dgram from 'node:dgram';
import net from 'node:net';
import { literalLookup } from './local-address.ts';
import type { NameServer } from './resolv-conf.ts';
import { errorCode } from './socket-fault.ts';

export interface WireUser {
  received(octets: Buffer): void;
  /** No more will come; called at most once, and not after `close`. */
  failed(code: string): void;
}

export interface WireQuery {
  close(): void;
}

/** Every query has a socket of its own, so that an attacker has to guess its port (RFC 5452). */
export function askByUdp(server: NameServer, query: Buffer, user: WireUser): WireQuery {
  const type = server.family === 6 ? 'udp6' : 'udp4';
  const socket = dgram.createSocket({ type, lookup: literalLookup });
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    socket.close();
  };
  const fail = (error: Error): void => {
    if (!isOpen) return;
    close();
    user.failed(errorCode(error));
  };
  socket.on('error', fail);
  // Connected: the kernel drops what others send, and tells when the port is closed.
  socket.on('message', (octets) => {
    if (isOpen) user.received(octets);
  });
  // Not as the callback of `connect`: that is called with the error too, and then nothing is connected.
  socket.once('connect', () => {
    if (isOpen) socket.send(query);
  });
  socket.connect(server.port, server.address);
  socket.unref();
  return { close };
}

/** The whole answer, or why it did not come. */
export function askByTcp(server: NameServer, query: Buffer, user: WireUser): WireQuery {
  const { address: host, port } = server;
  const socket = net.connect({ host, port });
  const chunks: Buffer[] = [];
  let size = 0;
  let isOpen = true;
  const close = (): void => {
    isOpen = false;
    socket.destroy();
  };
  const fail = (code: string): void => {
    if (!isOpen) return;
    close();
    user.failed(code);
  };
  socket.on('error', (error) => fail(errorCode(error)));
  socket.on('close', () => fail('EOF'));
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size < 2) return;
    const all = Buffer.concat(chunks, size);
    const length = all.readUInt16BE(0);
    // At most 64 KiB: the length says it.
    if (size < length + 2) {
      chunks.splice(0, chunks.length, all);
      return;
    }
    if (!isOpen) return;
    close();
    user.received(all.subarray(2, length + 2));
  });
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(query.length);
  socket.write(Buffer.concat([prefix, query]));
  socket.unref();
  return { close };
}
