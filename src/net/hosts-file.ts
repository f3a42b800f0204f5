/**
 * /etc/hosts, which c-ares does not look at: names that the administrator pinned come before the DNS, as
 * everywhere else on the machine. Read again when it changes.
 */
import { isIP } from 'node:net';
import { bareName } from '../core/sip/locate/domain-name.ts';
import { FileWatch } from './file-watch.ts';

const MAX_OCTETS = 4 * 1024 * 1024;
const LOOPBACK: readonly string[] = ['127.0.0.1', '::1'];

export class HostsFile {
  readonly #file: FileWatch;
  #addresses: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(path = '/etc/hosts') {
    this.#file = new FileWatch(path, MAX_OCTETS);
  }

  /** The addresses of a name in the order of the file; undefined when it is not there. */
  find(name: string): readonly string[] | undefined {
    this.#refresh();
    const key = bareName(name);
    const found = this.#addresses.get(key);
    if (found !== undefined) return found;
    // RFC 6761 section 6.3: never asked of the DNS.
    return key === 'localhost' || key.endsWith('.localhost') ? LOOPBACK : undefined;
  }

  #refresh(): void {
    const text = this.#file.changed();
    if (text !== undefined) this.#addresses = parseHosts(text);
  }
}

/** hosts(5): an address, its names, comments after `#`; lines that are none of these are passed over. */
export function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const addresses = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const key = bareName(name);
      const known = addresses.get(key);
      if (known === undefined) addresses.set(key, [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return addresses;
}
