/** A domain name as it is compared and asked for: in lower case, without the final dot of an absolute name. */
export function bareName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}
