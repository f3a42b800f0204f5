/** The STUN that a registrar answers on its SIP port: Binding requests (RFC 8489), nothing else. */

const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const COOKIE = 0x2112a442;
const XOR_MAPPED_ADDRESS = 0x0020;
const IPV4 = 1;
const HEADER_OCTETS = 20;

export function isStunRequest(octets: Buffer): boolean {
  return (
    octets.length >= HEADER_OCTETS &&
    octets.readUInt16BE(0) === BINDING_REQUEST &&
    octets.readUInt32BE(4) === COOKIE
  );
}

/** The success response to a request, with the IPv4 address and port that it is to report. */
export function stunAnswer(request: Buffer, address: string, port: number): Buffer {
  const answer = Buffer.alloc(HEADER_OCTETS + 12);
  answer.writeUInt16BE(BINDING_SUCCESS, 0);
  answer.writeUInt16BE(12, 2);
  // The cookie and the transaction id.
  request.copy(answer, 4, 4, HEADER_OCTETS);
  answer.writeUInt16BE(XOR_MAPPED_ADDRESS, HEADER_OCTETS);
  answer.writeUInt16BE(8, HEADER_OCTETS + 2);
  answer.writeUInt16BE(IPV4, HEADER_OCTETS + 4);
  answer.writeUInt16BE((port ^ (COOKIE >>> 16)) & 0xffff, HEADER_OCTETS + 6);
  const parts = address.split('.').map(Number);
  const number = parts.reduce((sum, part) => sum * 256 + part, 0);
  answer.writeUInt32BE((number ^ COOKIE) >>> 0, HEADER_OCTETS + 8);
  return answer;
}
