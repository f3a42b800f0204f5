/**
 * The name servers to ask, from the configuration or from resolv.conf(5), which is read again when it
 * changes. Who did not answer goes to the end of the line for a while, so that a dead first server does
 * not cost every question a second.
 */
import { isIP } from 'node:net';
import type { Clock } from '../core/base/clock.ts';
import { after, type Instant } from '../core/base/instant.ts';
import { FileWatch } from './file-watch.ts';

export interface NameServer {
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
}

const DNS_PORT = 53;
const MAX_SERVERS = 8;
const MAX_OCTETS = 64 * 1024;
const DEMOTED_MS = 30_000;
/** resolv.conf(5): where none is named, the one on this machine. */
const LOCAL: readonly NameServer[] = [{ address: '127.0.0.1', port: DNS_PORT, family: 4 }];

export interface NameServerOptions {
  readonly clock: Clock;
  /** `ip`, `ip:port` or `[ip]:port`; undefined: those of resolv.conf. */
  readonly servers: readonly string[] | undefined;
  readonly resolvConfPath?: string;
}

export class NameServers {
  readonly #clock: Clock;
  readonly #file: FileWatch | undefined;
  #servers: readonly NameServer[];
  readonly #demotedUntil = new Map<string, Instant>();

  constructor({ clock, servers, resolvConfPath = '/etc/resolv.conf' }: NameServerOptions) {
    this.#clock = clock;
    this.#file = servers === undefined ? new FileWatch(resolvConfPath, MAX_OCTETS) : undefined;
    this.#servers = usable(servers ?? []);
  }

  /** In the order in which they are to be asked now; never empty. */
  inOrder(): readonly NameServer[] {
    this.#refresh();
    const { size } = this.#demotedUntil;
    if (size === 0 || this.#servers.length < 2) return this.#servers;
    return this.#servers.toSorted((a, b) => this.#rank(a) - this.#rank(b));
  }

  /** It left a question unanswered, or could not answer it. */
  failed(server: NameServer): void {
    const until = after(this.#clock.now(), DEMOTED_MS);
    if (this.#servers.includes(server)) this.#demotedUntil.set(keyOf(server), until);
  }

  succeeded(server: NameServer): void {
    this.#demotedUntil.delete(keyOf(server));
  }

  #rank(server: NameServer): number {
    const until = this.#demotedUntil.get(keyOf(server));
    return until !== undefined && this.#clock.now() < until ? 1 : 0;
  }

  #refresh(): void {
    const text = this.#file?.changed();
    if (text === undefined) return;
    this.#demotedUntil.clear();
    this.#servers = usable(parseResolvConf(text));
  }
}

/** The addresses of the `nameserver` lines. */
function parseResolvConf(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [word, address] = line.trim().split(/\s+/);
    return word === 'nameserver' && address !== undefined ? [address] : [];
  });
}

function usable(texts: readonly string[]): readonly NameServer[] {
  const servers = texts.map(parseServer).filter((one) => one !== undefined);
  return servers.length === 0 ? LOCAL : servers.slice(0, MAX_SERVERS);
}

function parseServer(text: string): NameServer | undefined {
  const parts = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:]+))(?::(?<port>\d+))?$/.exec(text)?.groups;
  const address = parts?.['v6'] ?? parts?.['v4'] ?? text;
  const family = isIP(address);
  const port = Number(parts?.['port'] ?? DNS_PORT);
  return family === 4 || family === 6 ? { address, port, family } : undefined;
}

function keyOf({ address, port }: NameServer): string {
  return `${address} ${port}`;
}
