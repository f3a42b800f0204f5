/** A domain name as it is compared and asked for: in lower case, without the final dot of an absolute name. */
export function bareName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** The same of a host that may be an IPv6 address in brackets, which are gone as well: as certificates have it. */
export function bareHost(host: string): string {
  return bareName(host.startsWith('[') ? host.slice(1, -1) : host);
}
