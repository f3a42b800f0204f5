/**
 * Addresses that the DNS may not send us to: this network (0/8), link-local, multicast, reserved and broadcast. None
 * of them is a SIP server; an answer that names one is a mistake or an attack. Loopback and private ones may be.
 */
import { type IpLiteral, parseIpLiteral, parseIpv6 } from './ip-literal.ts';

/** What a resolver hands out is checked like everything else that comes from outside; undefined: not to be used. */
export function sendableAddress(text: string): IpLiteral | undefined {
  const address = parseIpLiteral(text);
  return address !== undefined && isSendable(address) ? address : undefined;
}

export function isSendable({ address, family }: IpLiteral): boolean {
  return family === 4 ? isSendableIpv4(address) : isSendableIpv6(address);
}

function isSendableIpv4(address: string): boolean {
  const [first = 0, second = 0] = address.split('.').map(Number);
  return first !== 0 && first < 224 && !(first === 169 && second === 254);
}

function isSendableIpv6(address: string): boolean {
  const groups = parseIpv6(address) ?? [];
  const [first = 0] = groups;
  if (groups.every((group) => group === 0)) return false;
  // IPv4-mapped (RFC 4291 section 2.5.5.2): the same rules, under another name.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6);
    return isSendableIpv4(`${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`);
  }
  const isMulticast = first >> 8 === 0xff;
  const isLinkLocal = (first & 0xffc0) === 0xfe80;
  return !isMulticast && !isLinkLocal;
}
