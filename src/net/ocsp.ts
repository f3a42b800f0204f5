/**
 * Does a stapled OCSP response (RFC 6960 section 4.2.1) say that a certificate is revoked? Only that is
 * read: the staple comes from the server itself, within a handshake that proved who it is, so that a
 * forged "good" is worth nothing, and a forged "revoked" hurts only its sender. That is why the signature
 * of the responder need not be checked.
 */
interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
const INTEGER = 0x02;
const EXPLICIT_0 = 0xa0;
const REVOKED = 0xa1;
const MAX_OCTETS = 64 * 1024;
const MAX_ELEMENTS = 1024;

/** `serial` as `X509Certificate.serialNumber` prints it. What cannot be read says nothing. */
export function isRevokedBy(staple: Buffer, serial: string): boolean {
  if (staple.length > MAX_OCTETS) return false;
  const wanted = trimmed(serial.toLowerCase());
  return singleResponses(staple).some(({ content }) => {
    const [certId, status] = elementsOf(content);
    const found = elementsOf(certId?.content).findLast(({ tag }) => tag === INTEGER);
    const number = trimmed(found?.content.toString('hex') ?? '');
    return status?.tag === REVOKED && number === wanted;
  });
}

/** OCSPResponse -> ResponseBytes -> BasicOCSPResponse -> ResponseData -> responses. */
function singleResponses(staple: Buffer): readonly Element[] {
  const response = elementsOf(elementsOf(staple)[0]?.content);
  const bytes = elementsOf(response.find(({ tag }) => tag === EXPLICIT_0)?.content)[0];
  const basic = elementsOf(bytes?.content).find(({ tag }) => tag === OCTET_STRING);
  const [data] = elementsOf(elementsOf(basic?.content)[0]?.content);
  // The only sequence of ResponseData: version, responder and extensions are tagged, a time is no sequence.
  return elementsOf(elementsOf(data?.content).find(({ tag }) => tag === SEQUENCE)?.content);
}

/** The elements of a DER text, one level deep; none where it is broken. */
function elementsOf(der: Buffer | undefined): readonly Element[] {
  const elements: Element[] = [];
  let position = 0;
  while (der !== undefined && position < der.length) {
    const tag = der[position] ?? 0;
    const first = der[position + 1];
    if (first === undefined || elements.length === MAX_ELEMENTS) return [];
    const extra = first < 0x80 ? 0 : first & 0x7f;
    // No element of ours is longer than 16 MiB; the indefinite form is no DER.
    if (first === 0x80 || extra > 3 || position + 2 + extra > der.length) return [];
    const start = position + 2 + extra;
    const length = extra === 0 ? first : der.readUIntBE(position + 2, extra);
    if (start + length > der.length) return [];
    elements.push({ tag, content: der.subarray(start, start + length) });
    position = start + length;
  }
  return elements;
}

/** Hexadecimal digits without zeros in front, which DER and OpenSSL set differently. */
function trimmed(hex: string): string {
  return hex.replace(/^0+/, '');
}
