import type { VirtualTime } from '../virtual-time.ts';
import type { SimServer } from './network.ts';

/** As in Kamailio's own kamailio.cfg with WITH_ANTIFLOOD: pike 16 in 2 s, `ipban` for 300 s. */
const WINDOW_MS = 2_000;
const MOST_REQUESTS = 16;
const BAN_MS = 300_000;

/**
 * A server behind Kamailio's stock antiflood. Stricter than pike, which counts by fixed units of 2 s: here no
 * window of that length may hold more than 16 datagrams. Who is banned hears nothing for five minutes.
 */
export class Antiflood implements SimServer {
  bans = 0;
  /** The most datagrams of any window. */
  most = 0;
  readonly #time: VirtualTime;
  readonly #server: SimServer;
  #recentMs: number[] = [];
  #bannedUntilMs = -1;

  constructor(time: VirtualTime, server: SimServer) {
    this.#time = time;
    this.#server = server;
  }

  receive(wire: string, from: string, answer: (wire: string) => void): void {
    const now = this.#time.elapsedMs;
    if (now < this.#bannedUntilMs) return;
    this.#recentMs = this.#recentMs.filter((atMs) => now - atMs < WINDOW_MS);
    this.#recentMs.push(now);
    this.most = Math.max(this.most, this.#recentMs.length);
    if (this.#recentMs.length > MOST_REQUESTS) {
      this.bans += 1;
      this.#bannedUntilMs = now + BAN_MS;
      return;
    }
    this.#server.receive(wire, from, answer);
  }
}
