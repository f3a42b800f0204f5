/**
 * IP addresses as text: told from host names, and brought into the one spelling that the kernel
 * prints too (RFC 5952), since addresses are compared as text everywhere else.
 */

/** An address without brackets, in its canonical spelling. */
export interface IpLiteral {
  readonly address: string;
  readonly family: 4 | 6;
}

const GROUPS = 8;

/** Reads an IPv4 address, or an IPv6 address with or without brackets; undefined for anything else. */
export function parseIpLiteral(host: string): IpLiteral | undefined {
  if (host.includes(':')) {
    const isBracketed = host.startsWith('[') && host.endsWith(']');
    const groups = parseIpv6(isBracketed ? host.slice(1, -1) : host);
    return groups === undefined ? undefined : { address: printIpv6(groups), family: 6 };
  }
  return parseIpv4(host) === undefined ? undefined : { address: host, family: 4 };
}

/** A host as it stands in URIs and in Via: an IPv6 address in brackets (RFC 3261 section 25.1). */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** The four octets; leading zeros are refused, since some read them as octal. */
function parseIpv4(text: string): readonly number[] | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const octets: number[] = [];
  for (const part of parts) {
    const octet = Number(part);
    if (String(octet) !== part || octet > 255 || octet < 0) return undefined;
    octets.push(octet);
  }
  return octets;
}

/** The eight groups of an IPv6 address without brackets; undefined for anything else. */
export function parseIpv6(text: string): readonly number[] | undefined {
  if (text.length > 45) return undefined;
  const gap = text.indexOf('::');
  if (gap < 0) {
    const groups = parseGroups(text);
    return groups?.length === GROUPS ? groups : undefined;
  }
  if (text.includes('::', gap + 1)) return undefined;
  const head = gap === 0 ? [] : parseGroups(text.slice(0, gap), false);
  const tail = gap + 2 === text.length ? [] : parseGroups(text.slice(gap + 2));
  if (head === undefined || tail === undefined) return undefined;
  const missing = GROUPS - head.length - tail.length;
  return missing < 1 ? undefined : [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** Groups of up to four hex digits; the last 32 bits may be written as an IPv4 address. */
function parseGroups(text: string, mayEndInIpv4 = true): number[] | undefined {
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (mayEndInIpv4 && index === parts.length - 1 && part.includes('.')) {
      const [a, b, c, d] = parseIpv4(part) ?? [];
      if (a === undefined || b === undefined || c === undefined || d === undefined)
        return undefined;
      groups.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** RFC 5952 section 4: lower case, no leading zeros, the longest run of two or more zeros as `::`. */
function printIpv6(groups: readonly number[]): string {
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    const [high = 0, low = 0] = groups.slice(6);
    return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  const { start, length } = longestZeros(groups);
  if (length < 2) return printGroups(groups);
  return `${printGroups(groups.slice(0, start))}::${printGroups(groups.slice(start + length))}`;
}

function printGroups(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let index = 0; index <= groups.length; index += 1) {
    if (groups[index] === 0) continue;
    if (index - start > best.length) best = { start, length: index - start };
    start = index + 1;
  }
  return best;
}
